#!/bin/bash
# {{about}}
# Trains task-<n>.yaml of this folder; what it prints is appended to log-<n>.txt, attempt after attempt. Submitted again by
# hand (sbatch job.sh) it goes on from the newest good checkpoint.
#SBATCH --job-name={{name}}
#SBATCH --nodes={{nodes}}
#SBATCH --ntasks-per-node={{ranks_per_node}}
#SBATCH --time={{time}}
#SBATCH --signal=B:USR1@{{signal_s}}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={{log}}
{{resources}}
set -u

task=${SLURM_ARRAY_TASK_ID:-0}
# One task of an array: the array's own number would mean all of them.
job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$task}
job=${job:-$SLURM_JOB_ID}
restarts=${SLURM_RESTART_COUNT:-0}
folder={{folder}}
config=$folder/task-$task.yaml
say() { TZ=UTC printf '%(%Y-%m-%dT%H:%M:%SZ)T job %s: %s\n' -1 "$job" "$*"; }

cd {{working_folder}} || exit
if [[ -n ${SLURM_CPUS_PER_TASK:-} ]]; then
  export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
fi
export OMP_WAIT_POLICY=passive
{{environment}}

# Slurm tells this shell that the time is nearly over, and it tells the ranks, who save and end with 75.
child='' signals=0 untold=0
exec {told}<> <(:) # a pipe: bash loses signals to a child that still has the traps of this shell, so the child looks here
# shellcheck disable=SC2317 # traps call it
tell() {
  signals=$((signals + 1))
  say "$1: told to save and stop"
  echo >&"$told"
  if [[ -n $child ]]; then kill -USR1 "$child" 2>/dev/null; else untold=1; fi
}
trap 'tell USR1' USR1
trap 'tell TERM' TERM

# A step runs beside the shell: a shell hears signals only between two commands and while it waits.
step() {
  ((signals == 0)) || return 75
  (
    trap - USR1 TERM
    ! read -rt 0 -u "$told" || exit 75
    exec "$@" {told}>&-
  ) &
  child=$!
  ((untold == 0)) || kill -USR1 "$child" 2>/dev/null # the signal came just before its number was known
  local before code
  while :; do
    before=$signals
    wait "$child"
    code=$?
    ((signals == before)) && break # else it was the signal that ended the waiting
  done
  child=''
  # Ended by the signal itself, before it could take wishes or on its last steps: what was saved is saved.
  ((signals > 0 && (code == 128 + 10 || code == 128 + 15))) && code=75
  return "$code"
}

say "attempt $((restarts + 1)) on $SLURM_JOB_NODELIST: $config"
rm -f "$folder/exit-$task"
{{prepare}}
{{train}}
code=$?
trap : USR1 TERM
echo "$code" >"$folder/exit-$task"

if ((code == 75)); then
  state=$(squeue --noheader --array --states=all --jobs="$job" --format=%T)
  if [[ $state != RUNNING ]]; then
    say "stopped; not queued again, since the job is ${state:-gone}"
  elif ((restarts >= {{requeues}})); then
    say "stopped; not queued again: cluster.requeues={{requeues}} is reached. To go on: sbatch $folder/job.sh"
  else
    say "stopped; to be queued again"
    if scontrol requeue "$job"; then
      sleep 30 & # until Slurm ends this shell
      wait
    else
      say "could not be queued again. To go on: sbatch $folder/job.sh"
    fi
  fi
else
  say "ended with $code"
fi
exit "$code"
