#!/bin/sh
# run.sh FILE: the tests of FILE in a browser, on what `make web` has built.
set -eu
cd "$(dirname "$0")/../.."
[ -d web/node_modules/playwright-core ] && [ -f web/dist/index.html ] || { echo "the page is not built: run \`make web\`" >&2; exit 1; }
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || { echo "no Chromium here: \`tools/setup.sh test\` installs it" >&2; exit 1; }
exec node --test "$1"
