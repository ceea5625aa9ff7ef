"""B6: 20,000 steps leave device and host memory as they were after the first ones."""

import os
import pathlib
import subprocess

import figures as show
import gpu


def used_mib(pid):
    """GPU memory of the whole card (in a container nvidia-smi may not know processes), resident host memory of the rank."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    card = subprocess.run(["nvidia-smi", "-i", first, "--query-gpu=memory.used", "--format=csv,noheader,nounits"], stdout=subprocess.PIPE,
                          text=True).stdout.splitlines()[0]
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return float(card), int(line.split()[1]) / 1024
    return float(card), 0.0


def measure(figures, _data):
    show.build("bench_gpu_train")
    gpu.machine()
    path = show.BUILD / "benchmarks/gpu/bench_gpu_train"
    # 171 epochs of 117 steps: 20,007 steps, of which the first epoch is over when the first line of the log appears.
    process = subprocess.Popen([path, "long_chain_bf16_b512"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               env=show.environment(show.CORES))
    samples = []
    for line in process.stderr:
        if line.startswith("epoch "):
            try:
                samples.append(used_mib(process.pid))
            except FileNotFoundError:
                break
    if process.wait() or len(samples) < 100:
        raise show.NotMeasured(f"bench_gpu_train ended with {process.returncode} after {len(samples)} epochs")
    show.say(f"  {len(samples)} epochs; MiB of GPU and host after epochs 1, 2, 4, ...: " +
             ", ".join(f"{g:.0f} {h:.1f}" for g, h in (samples[min(2**i, len(samples)) - 1] for i in range(9))))
    samples.pop()  # after the last epoch the final checkpoint is being written
    figures.at_most("device_memory_growth", max(s[0] for s in samples) - samples[0][0], "MiB", 1)
    figures.at_most("host_memory_growth", max(s[1] for s in samples) - samples[0][1], "MiB", 1)


show.main("B6", measure)
