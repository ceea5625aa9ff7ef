#!/usr/bin/env bash
# The tables of the GPU in one command: steps and inference (B1), epochs (B2), as figures on standard output and with all
# cases in build/release/gpu.json. With --profile also Nsight Compute's time, memory and issue share of every kernel.
#
#   benchmarks/gpu.sh [--profile]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0
for figure in B1 B2; do benchmarks/show.sh "$figure" || status=$?; done
if [[ ${1:-} == --profile ]]; then
  metrics=gpu__time_duration.sum,dram__throughput.avg.pct_of_peak_sustained_elapsed,lts__t_sector_hit_rate.pct
  metrics+=,sm__inst_issued.avg.pct_of_peak_sustained_active,launch__registers_per_thread
  for case in chain_bf16_b64 chain_bf16_b512 chain_bf16_b2048 random_bf16_b512 chain_hard_b512; do
    echo "== $case"
    # The first launches make coefficients; a step is at most 11 kernels.
    ncu --metrics "$metrics" --launch-skip 1 --launch-count 11 --csv build/release/benchmarks/gpu/bench_gpu_gates "$case" 2>/dev/null |
      python3 benchmarks/show/kernels.py
  done
fi
exit "$status"
