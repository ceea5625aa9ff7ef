#!/usr/bin/env bash
# comm_fault.sh <mpiexec> <probe> <ranks> <fault> <exit code> <line that must be said>
# A job in which one rank fails must end within seconds, with that exit code, one clear line, and nothing left running.
set -u
mpiexec=$1 probe=$2 ranks=$3 fault=$4 code=$5 line=$6
limit=20
out=$(mktemp)
trap 'rm -f "$out"' EXIT
mark=dltonic-fault-$$-$RANDOM
start=$(date +%s)
DLTONIC_MARK=$mark timeout -k 5 $limit "$mpiexec" -n "$ranks" "$probe" "$fault" >"$out" 2>&1
got=$?
took=$(($(date +%s) - start))
cat "$out"
fail() { echo "FAILED: $*"; exit 1; }
[ "$took" -le 15 ] || fail "took $took s"
[ "$got" -eq "$code" ] || fail "exit code $got, not $code"
grep -qE -- "$line" "$out" || fail "nobody said: $line"
for _ in {1..100}; do # mpiexec may return a moment before the last rank is gone
  left=$(grep -lsz "DLTONIC_MARK=$mark" /proc/[0-9]*/environ 2>/dev/null | grep -v "/$$/" || true)
  [ -n "$left" ] || break
  sleep 0.1
done
[ -z "$left" ] || fail "left running: $left"
echo "ended in $took s with exit code $got"
