#!/bin/sh
# one.sh FUZZER - ten seconds (FUZZ_SECONDS) of one libFuzzer program from its seeds; the corpus grows
# in build/fuzz/corpus, a finding is kept in build/fuzz, the words go to build/log.
name=$(basename "$1")
corpus=build/fuzz/corpus/$name
seeds=tests/fuzz/seeds/${name#fuzz_}
mkdir -p "$corpus"
[ -d "$seeds" ] || seeds=
exec "$1" -max_total_time="${FUZZ_SECONDS:-10}" -verbosity=0 -print_final_stats=1 \
  -artifact_prefix="build/fuzz/$name-" "$corpus" $seeds >"build/log/$name.log" 2>&1
