#!/bin/sh
# cppcheck over our own sources of the host build; libraries' headers are not looked into.
set -eu
mkdir -p build/cppcheck
exec cppcheck --project=build/host/compile_commands.json --cppcheck-build-dir=build/cppcheck -j "$1" -q \
  --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --max-configs=1 \
  --suppressions-list=tests/lint/cppcheck.supp -i third_party -i tests
