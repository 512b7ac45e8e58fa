#!/bin/sh
# run.sh NODE FILE: the tests of FILE, or 77 (skipped) on a machine that builds the core alone.
set -eu
cd "$(dirname "$0")/../.."
[ -x "$1" ] && [ -d web/node_modules/playwright-core ] && [ -f web/dist/index.html ] || {
  echo "skipped: no node, or the page is not built; \`make\` builds it"
  exit 77
}
exec "$1" --test "$2"
