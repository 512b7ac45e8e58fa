#!/bin/sh
# cppcheck.sh BUILD JOBS - cppcheck over our own sources of a build; libraries are not looked into.
set -eu
mkdir -p "build/cppcheck/$1"
exec cppcheck --project="build/$1/compile_commands.json" --cppcheck-build-dir="build/cppcheck/$1" -j "$2" -q \
  --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --max-configs=1 \
  --library=tests/lint/jansson.cfg --suppressions-list=tests/lint/cppcheck.supp -i third_party -i tests
