#!/bin/sh
# image.sh SECONDS - any file as the image of a flash, without sanitizers: ten executions in the time of one with them, which
# fuzz.sh does. The corpus is the same; the executions add up in build/campaign/image.txt: commit, date, executions, result.
set -u
cmake --preset fast >/dev/null && cmake --build --preset fast -j "${JOBS:-2}" --target fuzz_store >/dev/null || exit 1
corpus=build/fuzz/corpus/fuzz_store
mkdir -p "$corpus"
result=clean
build/fast/tests/fuzz_store -max_total_time="$1" -entropic=0 -reload=0 -verbosity=0 -print_final_stats=1 \
  -artifact_prefix=build/fast/image- "$corpus" tests/fuzz/seeds/store >build/campaign/image.log 2>&1 || result=FAILED
[ $result = clean ] || tail -n 30 build/campaign/image.log
runs=$(sed -n 's/stat::number_of_executed_units: *//p' build/campaign/image.log)
echo "$(git rev-parse --short HEAD) $(date -u +%F) ${runs:-0} $result" | tee -a build/campaign/image.txt
[ $result = clean ]
