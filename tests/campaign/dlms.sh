#!/bin/sh
# dlms.sh SECONDS - HDLC conversations over a bad line, the ledger of counters, and malformed APDUs
# and frames, each with new seeds until its third of the time is over. What was done adds up in build/campaign/dlms.txt:
# commit, date, test, how many, result.
set -u
cmake --preset host >/dev/null && cmake --build --preset host -j "${JOBS:-2}" --target test_dlms_hdlc_property test_dlms_counters test_dlms_hostile >/dev/null || exit 1
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
run test_dlms_hdlc_property $(($1 / 3)) CONVERSATIONS 500000
run test_dlms_counters $(($1 / 3)) MESSAGES 2000000
run test_dlms_hostile $(($1 / 3)) HOSTILE 1000000
exit $failed
