#!/usr/bin/env bash
# The job scripts that `dltonic submit` makes of jobs/slurm/ pass shellcheck.   job_script.sh <dltonic>
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
mkdir "$box/bin"
ln -s "$(type -P true)" "$box/bin/sbatch" # a Slurm that is only installed would not answer
export PATH="$box/bin:$PATH" PROJECT_STORAGE_DIR="$box/a project" SCRATCH_STORAGE_DIR="$box/it's scratch"
for options in '--launcher srun' '--launcher mpirun --prepare --nodes 2 model.gates=1,2'; do
  read -ra words <<<"$options"
  "$1" submit --dry-run experiment=nmnist_difflogic "${words[@]}" >"$box/job.sh" 2>"$box/said" || { cat "$box/said" && exit 1; }
  shellcheck "$box/job.sh"
done
echo "job scripts are clean"
