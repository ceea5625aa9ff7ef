#!/usr/bin/env bash
# Measures the figures that the project promises, and judges them.
#
#   benchmarks/show.sh FIGURE [TEST_DATA]     e.g. benchmarks/show.sh A5
#
# FIGURE is one of benchmarks/show/*.py; docs/benchmarks.md says what each asks. Standard output has one line a figure,
#   <id> <name> <value> <unit> <asked> met|missed
# standard error tells what is done, single runs and spreads, and the machine. Ends with 0 if all are met, 1 if one is
# missed, 2 if it could not be measured.
#
# TEST_DATA (or the environment's DLTONIC_TEST_DATA; default ../shared/data) holds nmnist/, mnist/ and golden/. The program
# and the benchmarks come from BUILD (default build/release), brought up to date first. Runs and prepared data are
# written anew to show/ in SCRATCH_STORAGE_DIR (default ./scratch) and left there.
set -euo pipefail
figure=${1:-} test_data=${2:-${DLTONIC_TEST_DATA:-}}
[[ -z $test_data ]] || test_data=$(realpath -m "$test_data") # as the caller's folder has it
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z $figure || ! -e benchmarks/show/$figure.py ]]; then
  sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
  echo "figures: $(cd benchmarks/show && for file in [A-Z]*.py; do printf '%s ' "${file%.py}"; done)" >&2
  exit 2
fi
PYTHONDONTWRITEBYTECODE=1 exec python3 "benchmarks/show/$figure.py" "${test_data:-../shared/data}"
