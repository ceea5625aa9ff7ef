#!/usr/bin/env bash
# Builds and runs the tests.
#
#   tests/run.sh                 all but label slow
#   tests/run.sh all             slow ones too
#   tests/run.sh LABEL|REGEX...  the tests with such a label (unit, mpi, fault, e2e, house, gpu, slow, ...) or name
#
# Options by the environment: PRESET (default release; build tree build/<preset>), CMAKE_ARGS (more -D options).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${PRESET:-release}
build=build/$preset
read -ra cmake_args <<<"${CMAKE_ARGS:-}"

# Checkouts in different folders share what ccache has compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

jobs/setup.sh --tests

mkdir -p "$build"
cmake --preset "$preset" "${cmake_args[@]}" >"$build/configure.log" 2>&1 || {
  cat "$build/configure.log"
  exit 1
}
# What this machine lacks is said here; the rest of CMake's words are not news.
grep -E 'registered|Found LibTorch|Warning' "$build/configure.log" || true
cmake --build "$build"

# A label stands for the names of its tests: CTest's own two filters would narrow each other.
names_of() { ctest --test-dir "$build" -N "$@" | sed -nE 's/^ *Test +#[0-9]+: (.*)$/^\1$/p'; }
selection=()
if (($# == 0)); then
  selection=(--label-exclude '^slow$')
elif [[ $* != all ]]; then
  known=$(ctest --test-dir "$build" --print-labels | sed -n 's/^  //p')
  names=()
  for word in "$@"; do
    if grep -qxF -- "$word" <<<"$known"; then
      mapfile -t -O "${#names[@]}" names < <(names_of --label-regex "^$word\$")
    else
      names+=("$word")
    fi
  done
  selection=(--tests-regex "$(IFS='|' && echo "${names[*]}")")
fi

# MPI tests carry their number of ranks as PROCESSORS, so that two cores are not asked for eight ranks at once.
ctest --test-dir "$build" --parallel 2 --output-on-failure --no-tests=error \
  --output-junit junit.xml "${selection[@]}"
