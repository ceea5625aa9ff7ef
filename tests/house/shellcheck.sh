#!/usr/bin/env bash
# All shell scripts pass shellcheck, those without an ending too. Templates (jobs/slurm) are no scripts until they are filled.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mapfile -t scripts < <(find .ci jobs tests benchmarks singularity -type f -not -path 'jobs/slurm/*' 2>/dev/null | sort |
  while read -r path; do
    read -r first <"$path" 2>/dev/null || true
    if [[ $path == *.sh || $first =~ ^'#!'.*(bash|/sh|env\ sh)$ ]]; then echo "$path"; fi
  done)
shellcheck "${scripts[@]}"
echo "${#scripts[@]} scripts are clean"
