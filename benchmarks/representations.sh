#!/usr/bin/env bash
# Which representation helps which model: accuracy on Test of representations x {difflogic, mlp, cnn} x seeds 0, 1, 2, as CSV
# and as a table for docs/results.md.
#
#   benchmarks/representations.sh [--nmnist DIR] [--mnist DIR] [--images DIR] [--out DIR] [--launch 'mpirun -n 2'] \
#                                 [--only WORD,...] [--seeds 0,1,2] [--epochs N] [key=value ...]
#
# Data sets: gesture_sim always; nmnist (real recordings, DIR/Train and DIR/Test), mnist_events (MNIST's images through the
# saccade simulator) and cifar10dvs_sim (class folders of images, closed loop) where their folder is given. --only keeps the
# runs whose name (data set/representation/model) holds one of the words. What is in results.csv is not run again, and a
# run that was cut off goes on from its last checkpoint. The program is BUILD/dltonic (default build/release); prepared data
# lie where SCRATCH_STORAGE_DIR and PROJECT_STORAGE_DIR say, runs, results.csv and table.md in --out (default
# $SCRATCH_STORAGE_DIR/representations).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/benchmarks/representations.py" "$@"
