#!/bin/sh
# campaign.sh - the long proofs. HOURS (default 1) is shared equally by the programs of
# tests/campaign/, each called with its seconds; they add their findings to build/campaign/.
set -u
cd "$(dirname "$0")/.."
programs=$(find tests/campaign -maxdepth 1 -type f -perm -u+x | sort)
[ -n "$programs" ] || { echo "no campaigns in tests/campaign" >&2; exit 1; }
seconds=$(echo "${HOURS:-1}" "$(echo "$programs" | wc -l)" | awk '{ printf "%d", $1 * 3600 / $2 }')
mkdir -p build/campaign
failed=0
for p in $programs; do
  printf '== %s for %s s\n' "$(basename "$p")" "$seconds"
  "$p" "$seconds" || failed=1
done
exit $failed
