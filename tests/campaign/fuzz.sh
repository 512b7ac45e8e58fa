#!/bin/sh
# fuzz.sh SECONDS - every fuzzer for an equal share; the corpora grow in build/fuzz/corpus and the
# executions add up in build/campaign/fuzz.txt: commit, date, fuzzer, executions, result.
set -u
cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -j "${JOBS:-2}" >/dev/null || exit 1
fuzzers=$(find build/fuzz/tests -maxdepth 1 -name 'fuzz_*' -type f -perm -u+x | sort)
[ -n "$fuzzers" ] || exit 0
each=$(($1 / $(echo "$fuzzers" | wc -l)))
failed=0
for f in $fuzzers; do
  name=$(basename "$f")
  corpus=build/fuzz/corpus/$name
  seeds=tests/fuzz/seeds/${name#fuzz_}
  mkdir -p "$corpus"
  [ -d "$seeds" ] || seeds=
  result=clean
  "$f" -max_total_time="$each" -verbosity=0 -print_final_stats=1 -artifact_prefix="build/fuzz/$name-" \
    "$corpus" $seeds >build/campaign/fuzz.log 2>&1 || result=FAILED failed=1
  [ $result = clean ] || tail -n 30 build/campaign/fuzz.log
  runs=$(sed -n 's/stat::number_of_executed_units: *//p' build/campaign/fuzz.log)
  echo "$(git rev-parse --short HEAD) $(date -u +%F) $name ${runs:-0} $result" | tee -a build/campaign/fuzz.txt
done
exit $failed
