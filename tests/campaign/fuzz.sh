#!/bin/sh
# fuzz.sh SECONDS [FUZZER]... - every fuzzer, or those named, for an equal share: a quarter of it with ASan and UBSan, the rest
# without, which is ten to a hundred times as many executions. RUNS=50000000 ends a share when that many are done. The corpora
# grow in build/fuzz/corpus and the executions add up in build/campaign/fuzz.txt: commit, date, fuzzer, build, executions, result.
set -u
seconds=$1
shift
mkdir -p build/campaign
for preset in fuzz fast; do
  cmake --preset $preset >/dev/null || exit 1
  [ $# -gt 0 ] || set -- $(ninja -C build/$preset -t targets all | sed -n 's,^tests/\(fuzz_[a-z0-9_]*\):.*,\1,p')
  cmake --build --preset $preset -j "${JOBS:-2}" --target $(printf 'tests/%s ' "$@") >/dev/null || exit 1
done
each=$((seconds / $#))
failed=0
run() { # preset, seconds, fuzzer, options of libFuzzer...
  preset=$1 limit=$2 name=$3
  shift 3
  corpus=build/fuzz/corpus/$name
  seeds=tests/fuzz/seeds/${name#fuzz_}
  mkdir -p "$corpus"
  [ -d "$seeds" ] || seeds=
  result=clean
  "build/$preset/tests/$name" -max_total_time="$limit" -verbosity=0 -print_final_stats=1 "$@" \
    -artifact_prefix="build/fuzz/$name-" "$corpus" $seeds >build/campaign/fuzz.log 2>&1 || result=FAILED failed=1
  [ $result = clean ] || tail -n 30 build/campaign/fuzz.log
  runs=$(sed -n 's/stat::number_of_executed_units: *//p' build/campaign/fuzz.log)
  echo "$(git rev-parse --short HEAD) $(date -u +%F) $name $preset ${runs:-0} $result" | tee -a build/campaign/fuzz.txt
}
for name in "$@"; do
  run fuzz $((each / 4)) "$name"
  # edges alone and not how often: their counters cost more than most parsers do
  run fast $((each - each / 4)) "$name" -use_counters=0 -entropic=0 -reload=0 ${RUNS:+-runs=$RUNS}
done
exit $failed
