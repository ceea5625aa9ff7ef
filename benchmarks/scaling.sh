#!/usr/bin/env bash
# Strong and weak scaling of `dltonic train` over numbers of ranks, as CSV and a plot, with a cost model fitted to the stages
# of a step that predicts larger numbers. docs/scaling.md says how to read it.
#
#   benchmarks/scaling.sh [--ranks 1,2] [--batch 512] [--epochs 4] [--out DIR] [--launch 'srun --mpi=pmix -n {ranks}'] \
#                         EXPERIMENT [key=value ...]
#
# Every rank has the same number of cores in all runs (OMP_NUM_THREADS, or this machine's cores by the largest number of ranks).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 benchmarks/scaling.py "$@"
