"""C4: saving a model of 1.3 million gates (260 MB) in the background: what training pays, how fast the bytes get to the disk.

Two runs of the same steps take turns: one saves nothing before its end, the other begins a save as soon as the last one is
over (nothing is copied to project storage meanwhile). `dd conv=fsync` writes as many bytes to the same place, while the
first kind of run computes, as saves do, and once with the machine to itself. A save's bandwidth counts, like dd's, from its
beginning until all bytes are on the disk; how long it takes until they have been read back is told beside it. CPU time of
saves says what they take from training whatever else the machine does."""

import re
import shutil
import statistics
import subprocess
import threading

import figures as show
import gpu

GATES, LAYERS = 130_000, 10
ROUNDS = 5  # on two cores the same run is 20 % faster or slower a minute later: those of a pair follow each other


def dd_mb_s(folder, megabytes=260):
    path = folder / "dd"
    done = subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={megabytes}", "conv=fsync"],
                          stderr=subprocess.PIPE, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    path.unlink(missing_ok=True)
    seconds = re.search(r"copied, ([0-9.e-]+) s", done.stderr)
    if done.returncode or not seconds:
        raise show.NotMeasured(f"dd failed: {done.stderr}")
    return megabytes * 1.048576 / float(seconds.group(1))


class BesideTraining(threading.Thread):
    """dd once and again until stop()."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.over, self.found = folder, threading.Event(), []

    def run(self):
        while not self.over.wait(1.0):
            self.found.append(dd_mb_s(self.folder))

    def stop(self):
        self.over.set()
        self.join()


def measure_device(figures, data, device, ranks, steps_fall, snapshot_ms):
    name = f"{device}_{ranks}"
    program = show.Program(f"C4_{name}", device=device)
    words = ["configs/experiment/nmnist_difflogic.yaml", f"data.root={data / 'nmnist'}", "data.val_split=0",
             f"model.gates={GATES}", f"model.layers={LAYERS}", "train.batch_size=64", "checkpoint.every_epochs=0",
             "storage.mirror=false", f"train.epochs={4 if device == 'cpu' else 400}"]
    program("prepare", *words, ranks=min(2, show.CORES))
    rates, falls, saves = {"alone": [], "saving": []}, [], []
    for turn in range(ROUNDS):
        kinds = [("alone", []), ("saving", ["checkpoint.every_steps=1", "checkpoint.keep_last=1000"])]
        for kind, more in kinds if turn % 2 == 0 else reversed(kinds):
            run = program.folder / "runs" / f"{kind}{turn}"
            summary = program("train", *words, *more, f"run.dir={run}", ranks=ranks)
            rates[kind].append(summary["steps"] / summary["train_seconds"])
            if kind == "saving":
                saves.append(summary["checkpoints"])
                read_back = program("checkpoints", "verify", run, ranks=2)
                figures.exactly(f"{name}_saves_that_read_back", read_back["good"], "saves", saves[-1]["saves"])
            shutil.rmtree(run)
        falls.append(100 * (1 - rates["saving"][-1] / rates["alone"][-1]))
        show.say(f"  {name}: {rates['alone'][-1]:.2f} steps/s alone, {rates['saving'][-1]:.2f} with {saves[-1]['saves']} saves "
                 f"({saves[-1]['merged']} merged), {saves[-1]['bytes'] / saves[-1]['durable_s'] / 1e6:.0f} MB/s, "
                 f"{saves[-1]['cpu_s'] / saves[-1]['saves']:.3f} s of CPU a save, copy at most {1e3 * saves[-1]['longest_copy_s']:.0f} ms")
    beside = BesideTraining(program.folder)
    beside.start()
    try:
        program("train", *words, f"run.dir={program.folder / 'runs' / 'yardstick'}", ranks=ranks)
    finally:
        beside.stop()
    idle = [dd_mb_s(program.folder) for _ in range(5)]
    dd = beside.found or idle
    show.say(f"  dd beside training: {show.spread(dd)} MB/s; alone: {show.spread(idle)} MB/s")
    bandwidth = statistics.median(s["bytes"] / s["durable_s"] / 1e6 for s in saves)
    figures.reported(f"{name}_bytes_a_save", saves[0]["bytes"] / saves[0]["saves"] / 1e6, "MB")
    figures.at_most(f"{name}_step_rate_falls", statistics.median(falls), "%", steps_fall)
    figures.at_least(f"{name}_write_bandwidth", 100 * bandwidth / statistics.median(dd), "%_of_dd", 70)
    figures.reported(f"{name}_write_bandwidth_of_idle_dd", 100 * bandwidth / statistics.median(idle), "%")
    verified = statistics.median(s["bytes"] / s["verified_s"] / 1e6 for s in saves)
    figures.reported(f"{name}_read_back_too", 100 * verified / statistics.median(dd), "%_of_dd")
    figures.reported(f"{name}_cpu_time", statistics.median(s["cpu_s"] / s["saves"] for s in saves), "s_a_save")
    copy_ms = 1e3 * max(s["longest_copy_s"] for s in saves)
    if snapshot_ms:
        figures.at_most(f"{name}_snapshot_waits", copy_ms, "ms", snapshot_ms)
    else:
        figures.reported(f"{name}_snapshot_waits", copy_ms, "ms")


def measure(figures, data):
    if data is None or not (data / "nmnist").is_dir():
        raise show.NotMeasured(f"N-MNIST is missing: there is no {data}/nmnist")
    show.build("dltonic")
    if gpu.cards():
        measure_device(figures, data, "gpu", 1, steps_fall=5, snapshot_ms=30)
    else:
        for ranks in (1, 2):
            measure_device(figures, data, "cpu", ranks, steps_fall=10, snapshot_ms=None)


show.main("C4", measure)
