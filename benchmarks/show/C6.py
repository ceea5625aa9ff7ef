"""C6: 50,000 steps with evaluations and saves leave memory, threads and open files of every rank as they were."""

import figures as show

STEPS = 50_000


def measure(figures, data):
    if data is None or not (data / "nmnist/Train").is_dir():
        raise show.NotMeasured(f"there are no recordings in {data}")
    show.build("dltonic")
    program = show.Program("C6", "auto")
    words = ["configs/experiment/nmnist_difflogic.yaml", f"data.root={data / 'nmnist'}", "model.gates=2000", "train.batch_size=10"]
    program("prepare", *words)
    short = program("train", *words, "train.epochs=1", f"run.dir={program.folder}/runs/short")
    epochs = -(-STEPS // short["steps"])
    folder = program.folder / "runs/long"
    program("train", *words, f"train.epochs={epochs}", f"run.dir={folder}", "checkpoint.every_epochs=50")
    used = show.metrics(folder, "resources")
    figures.at_least("steps", used[-1]["step"], "steps", STEPS)
    settled = used[len(used) // 10:-1]  # the last one falls into the end of the run
    for what, unit, scale, ceiling in (("memory_bytes", "MiB", 2**20, 4), ("threads", "threads", 1, 0), ("open_files", "files", 1, 2)):
        growth = 0.0
        for rank in range(2):
            values = [line[f"rank{rank}/{what}"] / scale for line in settled]
            growth = max(growth, max(values[len(values) // 2:]) - max(values[:len(values) // 2]))
            show.say(f"  rank {rank} {what}: {values[0]:.1f} after a tenth, {max(values):.1f} at most, {values[-1]:.1f} at the end")
        figures.at_most(f"growth_of_{what}", growth, unit, ceiling)
    of_gpu = [line["gpu_memory_bytes"] / 2**20 for line in show.metrics(folder) if "gpu_memory_bytes" in line]
    if of_gpu:
        figures.at_most("growth_of_gpu_memory", max(of_gpu) - of_gpu[len(of_gpu) // 10], "MiB", 1)


show.main("C6", measure)
