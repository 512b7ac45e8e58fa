#!/bin/sh
# dlms.sh SECONDS - HDLC conversations over a bad line, the ledger of counters, malformed APDUs and frames at the server
# and at every port of a running meter, each with new seeds until its quarter of the time is over. What was done adds up in
# build/campaign/dlms.txt: commit, date, test, how many, result.
set -u
cmake --preset host >/dev/null && cmake --build --preset host -j "${JOBS:-2}" --target test_dlms_hdlc_property test_dlms_counters test_dlms_hostile magno >/dev/null || exit 1
out=build/campaign/dlms.txt
failed=0
run() { # name seconds variable size command...
  name=$1 size=$4
  end=$(($(date +%s) + $2))
  set_size=$3=$4
  shift 4
  seed=$(date +%s)
  total=0
  result=clean
  while [ "$(date +%s)" -lt "$end" ] && [ $result = clean ]; do
    env "$set_size" "SEED=$seed" "$@" >build/campaign/dlms.log 2>&1 || result=FAILED failed=1
    total=$((total + size))
    seed=$((seed + size))
  done
  [ $result = clean ] || tail -n 20 build/campaign/dlms.log
  echo "$(git rev-parse --short HEAD) $(date -u +%F) $name $total $result" | tee -a "$out"
}
run test_dlms_hdlc_property $(($1 / 4)) CONVERSATIONS 500000 build/host/tests/test_dlms_hdlc_property
run test_dlms_counters $(($1 / 4)) MESSAGES 2000000 build/host/tests/test_dlms_counters
run test_dlms_hostile $(($1 / 4)) HOSTILE 1000000 build/host/tests/test_dlms_hostile
run flood $(($1 / 4)) FRAMES 3000000 env MAGNO=build/host/magno DATA=tests/data python3 -B tests/path/flood.py
exit $failed
