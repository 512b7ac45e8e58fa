#!/bin/sh
# all.sh [STAGE]... - builds and tests in stages; without arguments, all of them.
#
# A stage that fails does not stop the others. The last line says how many tests passed and
# failed: each ctest case counts, and each check that is not one counts as one.
set -u
cd "$(dirname "$0")/.."
JOBS=${JOBS:-2}
passed=0
failed=0
broken=
built=
log=build/log
mkdir -p "$log"

count() { # passed failed name
  passed=$((passed + $1))
  failed=$((failed + $2))
  [ "$2" = 0 ] || broken="$broken
  $3: its output is in $log/${3%% *}.log"
}

# check NAME COMMAND...: one test that is not ctest's
check() {
  name=$1
  shift
  if "$@" >"$log/$name.log" 2>&1; then
    count 1 0 "$name"
    return 0
  fi
  tail -n 40 "$log/$name.log"
  count 0 1 "$name"
  return 1
}

build() { # preset
  check "build-$1" sh -c "cmake --preset $1 && cmake --build --preset $1 -j $JOBS" || return 1
  case $1 in host | target) built="$built $1" ;; esac
}

# tests PRESET [ctest arguments]: build, run, add up what ctest says
tests() {
  preset=$1
  shift
  build "$preset" || return
  ctest --test-dir "build/$preset" --output-on-failure -j "$JOBS" "$@" 2>&1 | tee "$log/ctest-$preset.log"
  set -- $(sed -n 's/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$log/ctest-$preset.log")
  if [ $# = 2 ]; then
    count $(($2 - $1)) "$1" "ctest-$preset"
  else
    count 0 1 "ctest-$preset"
  fi
}

stage_host() { tests host; }
stage_asan() { tests asan -LE slow; }
stage_target() { # the images are held against the host's programs
  build host && tests target
}
stage_clang() { build clang; }

# as many fuzzers at once as there are jobs
stage_fuzz() {
  build fuzz || return
  fuzzers=$(find build/fuzz/tests -maxdepth 1 -name 'fuzz_*' -type f -perm -u+x | sort)
  [ -n "$fuzzers" ] || count 0 1 fuzz
  rm -f "$log"/fuzz_*.failed
  echo "$fuzzers" | xargs -P "$JOBS" -I '{}' sh -c 'tests/fuzz/one.sh "$1" || touch build/log/$(basename "$1").failed' - '{}'
  for f in $fuzzers; do
    name=$(basename "$f")
    if [ -e "$log/$name.failed" ]; then
      tail -n 40 "$log/$name.log"
      count 0 1 "$name"
    else
      sed -n "s/stat::number_of_executed_units: */$name: executions /p" "$log/$name.log"
      count 1 0 "$name"
    fi
  done
}

# the objects of those builds that this run has made
stage_arch() {
  check arch-checker python3 tests/arch/test_arch.py
  check arch python3 tests/arch/run.py $built
}

stage_format() { check format sh -c "git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror"; }

tidy() { # name build regex [arguments]
  name=$1 build=$2 regex=$3
  shift 3
  check "$name" run-clang-tidy -quiet -p "build/$build" -j "$JOBS" "$@" "$PWD/$regex"
}

stage_lint() {
  build host && build target || return
  tidy clang-tidy host '(src|port|app|tools)/.*\.c$'
  tidy clang-tidy-target target '(port/mps2|app/mcu)/.*\.c$' -extra-arg=--target=arm-none-eabi \
    -extra-arg=-isystem/usr/lib/arm-none-eabi/include
  check cppcheck tests/lint/cppcheck.sh host "$JOBS"
  check cppcheck-target tests/lint/cppcheck.sh target "$JOBS"
}

[ $# -gt 0 ] || set -- host target arch format asan fuzz clang lint
for stage; do
  printf '== %s\n' "$stage"
  begin=$(date +%s)
  "stage_$stage"
  printf '== %s: %s s\n' "$stage" $(($(date +%s) - begin))
done
[ -z "$broken" ] || printf '\nfailed:%s\n' "$broken"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
