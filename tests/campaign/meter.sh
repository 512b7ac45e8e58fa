#!/bin/sh
# meter.sh SECONDS - lives of a meter and of its tokens with a cut at every flash operation, random meter-years, random calendars, seed after seed;
# what was done adds up in build/campaign/meter.txt: commit, date, what, result.
set -u
cmake --preset host >/dev/null && cmake --build --preset host --target test_powercut_meter test_powercut_token \
  test_meter_years test_meter_tou \
  >/dev/null || exit 1
end=$(($(date +%s) + $1))
seed=$(($(date +%s) % 1000000 * 10))
failed=0
one() { # what command...
  what=$1
  shift
  result=clean
  "$@" >build/campaign/meter.log 2>&1 || result=FAILED failed=1
  [ $result = clean ] || tail -n 5 build/campaign/meter.log
  echo "$(git rev-parse --short HEAD) $(date -u +%F) $what seed $seed: $(tail -n 1 build/campaign/meter.log) $result" |
    tee -a build/campaign/meter.txt
}
while [ "$(date +%s)" -lt "$end" ]; do
  one powercut build/host/tests/test_powercut_meter 48 "$seed"
  one tokens build/host/tests/test_powercut_token 20 "$seed"
  one years build/host/tests/test_meter_years 5 "$seed"
  one calendars build/host/tests/test_meter_tou 100 "$seed"
  seed=$((seed + 10))
done
exit $failed
