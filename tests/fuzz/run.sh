#!/usr/bin/env bash
# Fuzzes the parsers of recordings, labels and image files with libFuzzer, address and undefined-behaviour sanitizers.
#
#   tests/fuzz/run.sh [--runs N | --seconds N] [--jobs J] [--no-build] [TARGET...]
#   tests/fuzz/run.sh --build
#
# TARGET is one of tests/fuzz/*.cpp, all of them by default; N is a number of inputs each (default 1000000) or seconds each.
# One line a target says how many inputs were run and in how long. What broke a target is kept in build/fuzz/found/<target>.
# Exit status: 0, nothing was found; 1, something was.
#
# Inputs start from tests/fuzz/corpus/<target> and are kept in build/fuzz/corpus/<target>: a later run goes on from there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

limit=-runs=1000000 jobs=1 build=yes run=yes targets=()
while (($# > 0)); do
  case $1 in
    --runs) limit=-runs=$2 && shift ;;
    --seconds) limit=-max_total_time=$2 && shift ;;
    --jobs) jobs=$2 && shift ;;
    --build) run=no ;;
    --no-build) build=no ;;
    -*)
      sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
    *) targets+=("$1") ;;
  esac
  shift
done
if ((${#targets[@]} == 0)); then
  mapfile -t targets < <(find tests/fuzz -maxdepth 1 -name '*.cpp' -printf '%f\n' | sed 's/\.cpp$//' | sort)
fi

tree=build/fuzz
if [[ $build == yes ]]; then
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  mkdir -p "$tree"
  { cmake --preset fuzz && cmake --build "$tree" --target dltonic_fuzz; } >"$tree/build.log" 2>&1 || {
    tail -n 40 "$tree/build.log"
    exit 1
  }
fi
[[ $run == yes ]] || exit 0

# fuzz TARGET: its line on standard output; its log where something was found.
fuzz() {
  local target=$1 log=$tree/$1.log
  mkdir -p "$tree/corpus/$target" "$tree/found/$target"
  # Memory is bounded, as is one request for it. An input's time is the clock's, not the processor's: room for a busy machine.
  # The sanitizer keeps less of what was freed, and fewer frames of who asked for it, than by default: faster, in less memory.
  export ASAN_OPTIONS=quarantine_size_mb=32:malloc_context_size=6
  if "$tree/tests/fuzz/fuzz_$target" "$limit" -max_len=2048 -timeout=300 -report_slow_units=300 -rss_limit_mb=1024 -malloc_limit_mb=256 -print_final_stats=1 \
    -artifact_prefix="$tree/found/$target/" "$tree/corpus/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    sed -nE "s/^Done ([0-9]+) runs in ([0-9]+) second.*/$target: \1 inputs in \2 s, nothing found/p" "$log"
  else
    tail -n 60 "$log"
    echo "$target: FOUND something, see $tree/found/$target and $log"
    return 1
  fi
}

failed=0 running=0
for target in "${targets[@]}"; do
  if ((running == jobs)); then
    wait -n || failed=1
    running=$((running - 1))
  fi
  fuzz "$target" &
  running=$((running + 1))
done
while ((running > 0)); do
  wait -n || failed=1
  running=$((running - 1))
done
exit "$failed"
