#!/usr/bin/env bash
# kill_test.sh <mpiexec> <store_probe>: a writer that is killed leaves no file with a final name, and the next one cleans up.
set -u
mpiexec=$1 probe=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "FAILED: $*"; ls -lR "$folder"; exit 1; }
# mpiexec is gone at once, its ranks a little later, and until then they may still write.
wait_for_ranks() {
  local left
  for _ in {1..150}; do
    # shellcheck disable=SC2062 # the pattern is standard input, so that grep does not find itself
    left=$(grep -lsF -f - /proc/[0-9]*/cmdline <<<"$folder" || true)
    [ -n "$left" ] || return 0
    sleep 0.1
  done
  fail "still running: $left"
}

timeout 30 "$mpiexec" -n 3 "$probe" kill "$folder" 2>/dev/null
[ $? -ne 124 ] || fail "the killed writer's job hangs"
wait_for_ranks
[ ! -e "$folder/events.h5" ] || fail "half a file has the final name"
timeout 60 "$mpiexec" -n 2 "$probe" samples "$folder" || fail "cannot write after a killed job"
if [ ! -e "$folder/events.h5" ] || [ -n "$(find "$folder" -name '*.part')" ]; then fail "the next writer leaves a .part"; fi
rm -rf "${folder:?}"/*

# Killed wherever it happens to be: whatever has a good name is good, and the next save clears the rest away.
for delay in 0.9 1.3 1.6 2.1; do
  timeout -s KILL $delay "$mpiexec" -n 2 "$probe" save "$folder" >/dev/null 2>&1
  wait_for_ranks
  timeout 60 "$mpiexec" -n 2 "$probe" verify "$folder" || fail "after a kill at $delay s"
  rm -rf "${folder:?}"/*
done
echo "killed writers leave nothing that looks whole"
