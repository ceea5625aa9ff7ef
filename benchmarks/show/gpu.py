"""What figures of GPUs share: the benchmark programs, whose every line is a case in JSON."""

import json
import shutil
import subprocess

import figures as show


def cases(program, *names, ranks=1):
    """Runs bench_gpu_gates or bench_gpu_train; the cases by name."""
    path = show.BUILD / "benchmarks/gpu" / program
    if not path.exists():
        raise show.NotMeasured(f"{path} is not built: CUDA parts are left out where there is no nvcc")
    command = ["mpirun", "-n", str(ranks), str(path), *names]
    done = subprocess.run(command, env=show.environment(max(1, show.CORES // ranks)), stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True)
    if done.returncode:
        raise show.NotMeasured(f"{program} ended with {done.returncode}")
    found = {}
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            continue
        case = json.loads(line)
        found[case["name"]] = case
        show.say(f"  {case['name']}: {case['ms']:.4f} ms, spread {100 * (case.get('spread') or 0):.1f} %")
    return found


def cards():
    """Name and driver of every GPU here; none where there is no nvidia-smi, or it fails."""
    if shutil.which("nvidia-smi") is None:
        return []
    done = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True)
    return done.stdout.strip().splitlines() if done.returncode == 0 else []


def machine():
    """How many GPUs there are, at least one; they are told."""
    gpus = cards()
    if not gpus:
        raise show.NotMeasured("there is no GPU here (nvidia-smi)")
    show.say(f"  {len(gpus)} x {gpus[0]}")
    return len(gpus)
