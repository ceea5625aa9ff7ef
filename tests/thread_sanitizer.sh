#!/usr/bin/env bash
# Runs what has several threads under the thread sanitizer: saves (the I/O thread beside the main one, on 1 to 3 ranks), copies
# to project storage, locks, reading in slabs, the watchdog, progress beside the log, the loader's OpenMP threads, and what a
# GPU's blocks do to events, done by teams of threads (a barrier that is missing there shows here).
#
#   tests/thread_sanitizer.sh [--build | --no-build] [TEST...]
#
# TEST is one of the names below, all of them by default. The tree is build/tsan (preset tsan: clang, without LibTorch). Exit
# status: 0, nothing was found and the tests pass; 1 otherwise, with what was found (also in build/tsan/reports).
#
# Two rounds. In the first a rank has one OpenMP thread, and the sanitizer looks at what any library does on our behalf (copies,
# frees, locks), MPI's excepted (tests/tsan.supp). In the second it has three: clang's OpenMP tells the sanitizer of its barriers
# (Archer), but reuses memory in ways that it does not tell of, so libraries are not looked at, as Archer's authors advise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

first=(test_mpi_saves test_store test_store_copies test_slabs test_watchdog test_comm test_report)
second=(test_mpi_saves test_store_copies test_data test_mpi_data test_cut_rows)

build=yes run=yes only=()
while (($# > 0)); do
  case $1 in
    --build) run=no ;;
    --no-build) build=no ;;
    -*)
      sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
    *)
      if [[ " ${first[*]} ${second[*]} " != *" $1 "* ]]; then
        echo "tests/thread_sanitizer.sh: unknown test '$1'; known: $(printf '%s\n' "${first[@]}" "${second[@]}" | sort -u | paste -sd ' ')" >&2
        exit 2
      fi
      only+=("$1")
      ;;
  esac
  shift
done
# wanted TEST...: those that were asked for.
wanted() { printf '%s\n' "$@" | { ((${#only[@]} == 0)) && cat || grep -xF "$(printf '%s\n' "${only[@]}")" || true; }; }
mapfile -t first < <(wanted "${first[@]}")
mapfile -t second < <(wanted "${second[@]}")

tree=build/tsan reports=$PWD/build/tsan/reports
if [[ $build == yes ]]; then
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  mkdir -p "$tree"
  mapfile -t targets < <(printf '%s\n' tsan_canary "${first[@]}" "${second[@]}" | sort -u)
  { cmake --preset tsan && cmake --build "$tree" --target "${targets[@]}"; } >"$tree/build.log" 2>&1 || {
    tail -n 40 "$tree/build.log"
    exit 1
  }
fi
[[ $run == yes ]] || exit 0

rm -rf "$reports"
mkdir -p "$reports"
# Tests that fork while they have threads do little in the child. One file a process: reports of several ranks would mix.
common="suppressions=$PWD/tests/tsan.supp second_deadlock_stack=1 die_after_fork=0 exitcode=66"
failed=0

# round THREADS NAME OPTIONS TEST...
round() {
  local threads=$1 name=$2 options=$3
  shift 3
  (($# > 0)) || return 0
  OMP_NUM_THREADS=$threads TSAN_OPTIONS="$common $options log_path=$reports/$name" \
    ctest --test-dir "$tree" --parallel 2 --output-on-failure --no-tests=error --tests-regex "^($(IFS='|' && echo "$*"))(_np[123])?\$" || failed=1
}
canary() { OMP_NUM_THREADS=3 TSAN_OPTIONS="$common ignore_noninstrumented_modules=1 log_path=$reports/canary-$1" "$tree/tests/tsan/tsan_canary" "$1"; }

canary barrier || {
  echo "thread sanitizer: it does not know of OpenMP's barriers (is libarcher.so, of package libomp-dev, missing?)"
  exit 1
}
if canary race 2>/dev/null; then
  echo "thread sanitizer: asleep, a race goes unseen"
  exit 1
fi
rm -f "$reports"/canary-*

round 1 one-thread ignore_noninstrumented_modules=0 "${first[@]}"
round 3 three-threads ignore_noninstrumented_modules=1 "${second[@]}"

if compgen -G "$reports/*" >/dev/null; then
  cat "$reports"/*
  failed=1
fi
if ((failed == 0)); then echo "thread sanitizer: nothing found"; fi
exit "$failed"
