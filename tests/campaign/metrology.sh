#!/bin/sh
# metrology.sh SECONDS - metrology at length: every test wave, fifteen years of 200 ms windows, then
# random loads on random boards until the time is up. Findings add up in build/campaign/metrology.txt.
set -u
cmake --preset host >/dev/null && cmake --build --preset host -j "${JOBS:-2}" \
  --target metrology_sweep metrology_random test_metrology_long >/dev/null || exit 1
end=$(($(date +%s) + $1))
failed=0
note() {
  echo "$(git rev-parse --short HEAD) $(date -u +%F) $*" | tee -a build/campaign/metrology.txt
}
build/host/tests/metrology_sweep >build/campaign/metrology.log || failed=1
note "waves: $(tail -n 1 build/campaign/metrology.log)"
if [ "$1" -ge 600 ]; then
  build/host/tests/test_metrology_long whole >build/campaign/metrology.log 2>&1 || failed=1
  note "a day, a day without load, 15 years of 200 ms windows: $(tail -n 1 build/campaign/metrology.log)"
fi
seed=$(($(date +%s) * 1000))
first=$seed
while [ "$(date +%s)" -lt $end ]; do
  if ! build/host/tests/metrology_random $seed 500 >build/campaign/metrology.log; then
    note "random loads: $(cat build/campaign/metrology.log)"
    exit 1
  fi
  seed=$((seed + 500))
done
note "$((seed - first)) random loads from $first: none over its bound"
exit $failed
