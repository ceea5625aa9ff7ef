"""B4: CPU and GPU come to the same losses, a GPU to the same bits twice; compute-sanitizer finds nothing."""

import hashlib
import json
import re
import shutil
import subprocess

import figures as show
import gpu

TOOLS = ("memcheck", "racecheck", "initcheck")
# Every kernel is in one of these; the tests of speed and of many sizes take too long under a tool.
TESTS = {
    "logic": "*Imported*:*Micro*:*Light*:*HardEstimators*:*RepeatBit*:*Hard*Circuit*:*NarrowColumns*",
    "data": "*-*IsQuick*",
    "device": "*Steps*:*Graph*",
}


def losses(run):
    return [p["loss"] for p in show.metrics(run, "train")]


def state(run):
    (manifest,) = sorted((run / "checkpoints").glob("step-*/manifest.json"))
    return hashlib.sha256(json.loads(manifest.read_text())["state"]["checksum"].encode()).hexdigest()


def measure(figures, data):
    if data is None or not (data / "mnist").is_dir():
        raise show.NotMeasured(f"MNIST is missing: there is no {data}/mnist")
    show.build("dltonic", *(f"test_gpu_{room}" for room in TESTS))
    gpu.machine()
    program = show.Program("B4", device="gpu")
    # 100 steps of 600 samples, an epoch of ten steps at a time: a loss of every tenth of the way.
    words = ["configs/experiment/mnist_difflogic.yaml", f"data.root={data / 'mnist'}", "data.val_split=0.9",
             "train.batch_size=600", "train.epochs=10", "checkpoint.every_epochs=0", "checkpoint.keep_last=1"]
    program("prepare", *words)
    runs = {}
    for name, device in (("gpu", "gpu"), ("again", "gpu"), ("cpu", "cpu")):
        runs[name] = program.folder / "runs" / name
        program.device = device
        program("train", *words, f"run.dir={runs[name]}", ranks=1, threads=show.CORES)
    on_cpu, on_gpu = losses(runs["cpu"]), losses(runs["gpu"])
    show.say("  losses " + ", ".join(f"{a:.6f} / {b:.6f}" for a, b in zip(on_cpu, on_gpu)))
    figures.at_most("losses_cpu_gpu_100_steps", max(abs(a - b) / a for a, b in zip(on_cpu, on_gpu, strict=True)), "relative", 1e-4)
    figures.exactly("states_of_two_gpu_runs", len({state(runs["gpu"]), state(runs["again"])}), "distinct", 1)

    tool_path = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path="/usr/local/cuda/bin")
    if tool_path is None:
        raise show.NotMeasured("there is no compute-sanitizer")
    faults = 0
    for tool in TOOLS:
        for room, tests in TESTS.items():
            command = [tool_path, "--tool", tool, "--error-exitcode", "9", show.BUILD / f"tests/gpu/{room}/test_gpu_{room}",
                       f"--gtest_filter={tests}"]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
            ran = re.search(r"\[  PASSED  \] ([1-9]\d*) test", done.stdout)
            clean = done.returncode == 0 and ran is not None
            show.say(f"  {tool} on test_gpu_{room}: {f'{ran[1]} tests, clean' if clean else done.stdout[-600:]}")
            faults += not clean
    figures.exactly("sanitizer_faults", faults, "programs", 0)


show.main("B4", measure)
