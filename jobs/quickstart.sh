#!/usr/bin/env bash
# The main job, from nothing: installs what is missing, builds, turns Debian's Fashion-MNIST images into event
# recordings, trains a network of logic gates on them with two MPI ranks, and evaluates it.
#
#   jobs/quickstart.sh [KEY=VALUE...]      e.g. jobs/quickstart.sh train.epochs=2 model.gates=4000
#
# RANKS (default 2) and OMP_NUM_THREADS (default: the cores shared out among the ranks) may be set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
began=$SECONDS

jobs/setup.sh
mkdir -p build/release
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 # as tests/run.sh: both share what ccache holds
if ! { cmake --preset release && cmake --build build/release --target dltonic; } >build/release/quickstart.log 2>&1; then
  tail -n 40 build/release/quickstart.log >&2
  echo "quickstart: the build failed; all of it is in build/release/quickstart.log" >&2
  exit 1
fi

ranks=${RANKS:-2}
threads=$(($(nproc) / ranks))
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((threads > 0 ? threads : 1))}
export OMP_WAIT_POLICY=passive # spinning threads of one rank would take the other's core
if [[ $(id -u) == 0 ]]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
dltonic() { mpirun -n "$ranks" --oversubscribe --bind-to none build/release/dltonic "$@"; }

name=quickstart-$(date -u +%Y%m%dT%H%M%SZ)
arguments=(configs/experiment/quickstart.yaml "run.name=$name" "$@")
echo "== dltonic prepare: images become event recordings, recordings become bit frames"
dltonic prepare "${arguments[@]}"
echo "== dltonic train on $ranks ranks"
dltonic train "${arguments[@]}"

run=${SCRATCH_STORAGE_DIR:-./scratch}/runs/$name
echo "== dltonic evaluate on the test recordings, which training never saw"
dltonic evaluate --run "$run" --split test | tee "$run/evaluation.txt"
minutes=$(((SECONDS - began) / 60)) seconds=$(((SECONDS - began) % 60))
cat <<TEXT
== Done in $minutes min $seconds s.
The run lies in $run: config.yaml, metrics.jsonl, tensorboard/, log.txt, summary.json, checkpoints/.
Next: train longer      build/release/dltonic train configs/experiment/quickstart.yaml run.name=longer train.epochs=30
      your recordings   README.md, "Your own recordings"
      all the keys      build/release/dltonic train --help-config
TEXT
