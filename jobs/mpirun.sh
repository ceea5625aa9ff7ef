#!/usr/bin/env bash
# Trains under mpirun where no scheduler does it: starts the run again when it was stopped and has saved.
#
#   jobs/mpirun.sh [MPIRUN OPTION...] -- EXPERIMENT [KEY=VALUE...]
#   jobs/mpirun.sh -n 8 --hostfile hosts -- experiment=nmnist_difflogic run.name=long train.epochs=50
#
# Exit code 75 of `dltonic train` means "saved, run me again" (a signal to a rank, the end of train.walltime): the run goes on
# from its newest good checkpoint, at most RESTARTS times (default 20). USR1 or TERM to this script is handed to the ranks,
# who save, and ends it with 75: the same command goes on later. DLTONIC names another program, LOG a file to append to.
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
say() { TZ=UTC printf '%(%Y-%m-%dT%H:%M:%SZ)T %s: %s\n' -1 "${0##*/}" "$*" >&2; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

options=()
while (($# > 0)) && [[ $1 != -- ]]; do
  case $1 in -h | --help) usage && exit 0 ;; esac
  options+=("$1")
  shift
done
if (($# < 2)); then
  usage >&2
  exit 2
fi
shift
program=${DLTONIC:-$root/build/release/dltonic} limit=${RESTARTS:-20}
command -v mpirun >/dev/null || { say "there is no mpirun on PATH"; exit 2; }
[[ -x $program ]] || { say "$program is missing: build it, or name another by DLTONIC"; exit 2; }
[[ -z ${LOG:-} ]] || exec >>"$LOG" 2>&1

child='' signals=0 untold=0
exec {told}<> <(:) # a pipe: bash loses signals to a child that still has the traps of this shell, so the child looks here
# shellcheck disable=SC2317 # traps call it
tell() {
  signals=$((signals + 1))
  say "$1: told to save and stop"
  echo >&"$told"
  # mpirun hands USR1 to the ranks; TERM would end them
  if [[ -n $child ]]; then kill -USR1 "$child" 2>/dev/null; else untold=1; fi
}
trap 'tell USR1' USR1
trap 'tell TERM' TERM

for ((restarts = 0; ; ++restarts)); do
  say "attempt $((restarts + 1)): mpirun ${options[*]-} $program train $* --resume"
  (
    trap - USR1 TERM
    ! read -rt 0 -u "$told" || exit 75
    exec mpirun ${options[@]+"${options[@]}"} "$program" train "$@" --resume {told}>&-
  ) &
  child=$!
  ((untold == 0)) || kill -USR1 "$child" 2>/dev/null # the signal came before its number was known
  while :; do
    before=$signals
    wait "$child"
    code=$?
    ((signals == before)) && break # else it was the signal that ended the waiting
  done
  child=''
  # Ended by the signal itself, before it could take wishes or on its last steps: what was saved is saved.
  ((signals > 0 && (code == 128 + 10 || code == 128 + 15))) && code=75
  ((code == 75 && signals == 0)) || break
  if ((restarts >= limit)); then
    say "stopped; not started again: RESTARTS=$limit is reached"
    break
  fi
done
say "ended with $code"
exit "$code"
