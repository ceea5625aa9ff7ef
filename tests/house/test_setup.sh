#!/usr/bin/env bash
# jobs/setup.sh: silent where all is there, one line where something is not, nothing half left behind.
#   test_setup.sh <LibTorch root>
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
libtorch=$1
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
mkdir "$box/bin" "$box/cache"

# expect <exit code> <lines on standard error> <pattern in them> <command>...: and never a word on standard output.
expect() {
  local code=$1 lines=$2 pattern=$3 result=0
  shift 3
  "$@" >"$box/out" 2>"$box/err" </dev/null || result=$?
  if [[ $result == "$code" && $(wc -l <"$box/err") == "$lines" && ! -s $box/out ]]; then
    if [[ $lines == 0 ]] || grep -qE -- "$pattern" "$box/err"; then return; fi
  fi
  echo "FAILED: $*: exit $result, wanted $code; lines of errors wanted: $lines, with '$pattern'; said:"
  cat "$box/out" "$box/err"
  exit 1
}
# A command of this name that does what the rest says.
fake() { printf '#!/bin/sh\n%s\n' "$2" >"$box/bin/$1" && chmod +x "$box/bin/$1"; }
setup() { env PATH="$box/bin:$PATH" DLTONIC_CACHE="$box/cache" LIBTORCH_ROOT="$libtorch" "$@"; }
installed=$(sed -n '/^packages=(/,/)/p' "$root/jobs/setup.sh" | tr -d '()' | sed 's/^packages=//' | xargs)

fake sleep '' # between tries

# All there.
fake dpkg-query "printf 'ii  %s\\n' $installed"
expect 0 0 '' setup "$root/jobs/setup.sh"
expect 1 1 "unknown option '--fast'" setup "$root/jobs/setup.sh" --fast
expect 1 1 'holds no LibTorch' setup env LIBTORCH_ROOT="$box" "$root/jobs/setup.sh"

# Packages missing and no root: CMake is asked, once.
fake dpkg-query "printf 'ii  %s\\n' $installed | grep -v openmpi"
fake id 'echo 1000'
fake sudo 'exit 1'
expect 0 1 'no root to install libhdf5-openmpi-dev libopenmpi-dev openmpi-bin, but CMake finds all' setup "$root/jobs/setup.sh"
expect 0 0 '' setup "$root/jobs/setup.sh"
fake cmake 'printf "CMake Error at CMakeLists.txt:35 (message):\n  HDF5 is serial;\n  parallel HDF5 is needed\n\n"; exit 1'
expect 1 1 'HDF5 is serial; parallel HDF5 is needed.*environment modules.*HDF5_ROOT.*have installed: libhdf5-openmpi-dev' \
  setup env LOADEDMODULES=other "$root/jobs/setup.sh"

# apt-get fails: its reason, after one more try.
fake id 'echo 0'
fake env 'case $* in *apt-get*) echo "$@" >>"'"$box"'/apt"; echo "E: Unable to locate package openmpi-bin"; exit 100;; *) exec /usr/bin/env "$@";; esac'
expect 1 3 'could not install: E: Unable to locate package openmpi-bin' setup "$root/jobs/setup.sh"
[[ $(grep -c ' install ' "$box/apt") == 2 ]] || { echo "FAILED: apt-get install was not tried twice" && exit 1; }
rm "$box/bin/env"

# The download of LibTorch fails, then is interrupted: one line, and nothing half in the cache.
fake dpkg-query "printf 'ii  %s\\n' $installed"
fake python3 'case $* in *download*) echo "ERROR: no route to host"; exit 1;; esac'
expect 1 2 'pip could not download torch 2\.11\.0: ERROR: no route to host' setup env -u LIBTORCH_ROOT "$root/jobs/setup.sh"
# shellcheck disable=SC2016 # for the fake's own shell
fake python3 'case $* in *download*) kill -TERM "$PPID"; exit 1;; esac'
expect 143 1 'downloading LibTorch' setup env -u LIBTORCH_ROOT "$root/jobs/setup.sh"
left=$(find "$box/cache" -mindepth 1 -not -name .lock -not -name 'cmake-finds-all-*')
[[ -z $left ]] || { echo "FAILED: left behind: $left" && exit 1; }
echo "set-up keeps its promises"
