#!/usr/bin/env bash
# The same recordings in one run through this project, Tonic 1.7, SpikingJelly 2.0 and expelliarmus: decoding, frames of ten bins,
# denoising. One core, from memory where the peer can (SpikingJelly and expelliarmus open files, which lie in the file cache).
#
#   benchmarks/events.sh [TEST_DATA]
#
# TEST_DATA (default DLTONIC_TEST_DATA, else ../shared/data) holds nmnist/ and ncars/. The peers come from PyPI into an environment of
# their own (several GB, since SpikingJelly needs PyTorch): PEERS_PYTHON names a python that has them already. Lines as
# benchmarks/show.sh prints them, on standard output; it ends with 0 if all are met.
set -euo pipefail
test_data=$(realpath -m "${1:-${DLTONIC_TEST_DATA:-$(dirname "${BASH_SOURCE[0]}")/../../shared/data}}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PEERS_PYTHON:-}
if [[ -z $python ]]; then
  peers=${DLTONIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dltonic}/peers
  python=$peers/bin/python
  if [[ ! -e $peers/.complete ]]; then
    python3 -m venv --clear "$peers"
    "$python" -m pip install --quiet --disable-pip-version-check tonic==1.7.0 spikingjelly==2.0.0 expelliarmus==1.1.12
    touch "$peers/.complete"
  fi
fi
PYTHONDONTWRITEBYTECODE=1 exec "$python" benchmarks/events/peers.py "$test_data"
