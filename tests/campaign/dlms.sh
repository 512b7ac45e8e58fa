#!/bin/sh
# dlms.sh SECONDS - HDLC conversations over a bad line, and the ledger of counters, each with new
# seeds until its half of the time is over. What was done adds up in build/campaign/dlms.txt:
# commit, date, test, how many, result.
set -u
cmake --preset host >/dev/null && cmake --build --preset host -j "${JOBS:-2}" --target test_dlms_hdlc_property test_dlms_counters >/dev/null || exit 1
out=build/campaign/dlms.txt
failed=0
run() { # name seconds variable size
  end=$(($(date +%s) + $2))
  seed=$(date +%s)
  total=0
  result=clean
  while [ "$(date +%s)" -lt "$end" ] && [ $result = clean ]; do
    env "$3=$4" "SEED=$seed" "build/host/tests/$1" >build/campaign/dlms.log 2>&1 || result=FAILED failed=1
    total=$((total + $4))
    seed=$((seed + $4))
  done
  [ $result = clean ] || tail -n 20 build/campaign/dlms.log
  echo "$(git rev-parse --short HEAD) $(date -u +%F) $1 $total $result" | tee -a "$out"
}
run test_dlms_hdlc_property $(($1 / 2)) CONVERSATIONS 500000
run test_dlms_counters $(($1 / 2)) MESSAGES 2000000
exit $failed
