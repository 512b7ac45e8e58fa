#!/bin/sh
# store.sh SECONDS - lives of the toy on the real store: a cut at every flash operation, two cuts at every pair of operations,
# chains of cuts, sectors that fail; with new seeds until the time is up. The cuts add up in build/campaign/store.txt: commit,
# date, cuts, second cuts, result.
set -u
cmake --preset host >/dev/null && cmake --build --preset host -j "${JOBS:-2}" --target test_powercut_store >/dev/null || exit 1
end=$(($(date +%s) + $1))
seed=$(date +%s)
cuts=0
second=0
result=clean
while [ "$(date +%s)" -lt "$end" ] && [ $result = clean ]; do
  for what in "single 2" "double 2" "chains 50" "bad 50"; do
    build/host/tests/test_powercut_store ${what% *} "$seed" ${what#* } >build/campaign/store.log 2>&1 || result=FAILED
    [ $result = clean ] || break
    set -- $(sed -n 's/.* lives, \([0-9]*\) cuts, \([0-9]*\) second cuts.*/\1 \2/p' build/campaign/store.log) 0 0
    [ "$1" -gt 0 ] || result=FAILED # it says no more what it did
    cuts=$((cuts + $1))
    second=$((second + $2))
  done
  seed=$((seed + 50))
done
[ $result = clean ] || tail -n 5 build/campaign/store.log
echo "$(git rev-parse --short HEAD) $(date -u +%F) $cuts cuts, $second second cuts $result" | tee -a build/campaign/store.txt
[ $result = clean ]
