#!/usr/bin/env python3
"""Runs a program with nothing on the loader's path and looks where its libraries come from: those of CUDA that LibTorch
needs must lie beside LibTorch, none may come from a toolkit, and there must be one OpenMP runtime.

    no_toolkit.py LIBTORCH_ROOT PROGRAM [ARGUMENT...]
"""

import os
import pathlib
import re
import subprocess
import sys

libtorch, command = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
# LD_DEBUG makes the loader itself say what it initialises, for any program.
environment = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], "LD_DEBUG": "files",
               "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
run = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
loaded = {pathlib.Path(path).resolve() for path in re.findall(r"calling init: (/\S+)", run.stderr)}
said = [line for line in run.stderr.splitlines() if not re.match(r"\s*\d+:", line)]
assert run.returncode == 0, f"{command} ended with {run.returncode}: {said}"

for name in ("libtorch_cpu.so", "libcudart.so", "libcupti.so"):
    found = [path for path in loaded if path.name.startswith(name)]
    assert len(found) == 1, f"{name}: loaded {found}"
    assert libtorch.parent in found[0].parents, f"{name} came from {found[0]}, not from {libtorch.parent}"
TOOLKIT = re.compile(r"lib(cudart|cupti|cublas|cufft|curand|cusolver|cusparse|nvrtc|nvJitLink)")  # libcuda is the driver's
foreign = [str(path) for path in loaded if TOOLKIT.match(path.name) and libtorch.parent not in path.parents]
assert not foreign, f"from a toolkit: {foreign}"
runtimes = [str(path) for path in loaded if re.match(r"lib(gomp|iomp5|omp)\.", path.name)]
assert len(runtimes) <= 1, f"more than one OpenMP runtime: {runtimes}"
print(f"{len(loaded)} libraries loaded, CUDA's from {libtorch.parent}, OpenMP from {runtimes}")
