"""A2: accuracy on real recordings: means over seeds 0 to 2, two ranks, the checkpoint chosen on a part of Train."""

import statistics

import figures as show

SEEDS = (0, 1, 2)


def accuracy(program, run, *overrides):
    result = program("evaluate", "--run", run, "--split", "test", *overrides)
    return 100 * result["accuracy_hard_recording"]


def tell(program, name, values):
    """Says the seeds' accuracies and adds a row to the table that docs/results.md shows; their mean."""
    mean, deviation = statistics.mean(values), statistics.stdev(values)
    show.say(f"  {name}: " + ", ".join(f"seed {s}: {v:.2f}" for s, v in zip(SEEDS, values)) +
             f"; mean {mean:.2f}, standard deviation {deviation:.2f}, {min(values):.2f} to {max(values):.2f} %")
    with (program.folder / "table.md").open("a") as table:
        table.write(f"| {name} | {mean:.2f} ± {deviation:.2f} | {', '.join(f'{v:.2f}' for v in values)} |\n")
    return mean


def train(program, experiment, *overrides):
    """Trains all seeds; the runs' folders."""
    config = f"configs/experiment/{experiment}.yaml"
    prepared = program("prepare", config, *overrides)
    runs = []
    for seed in SEEDS:
        runs.append(program.folder / "runs" / f"{experiment}_{seed}")
        program("train", config, *overrides, f"train.seed={seed}", f"run.dir={runs[-1]}")
        show.say(f"  {experiment}, seed {seed}: {program.took_s:.0f} s")
    return prepared, runs


def measure(figures, data):
    for folder in ("nmnist/Train", "nmnist/Test", "mnist"):
        if not (data / folder).is_dir():
            raise show.NotMeasured(f"the real recordings are missing: there is no {data / folder}; name a folder that holds "
                                   "nmnist/ and mnist/, as an argument or by DLTONIC_TEST_DATA")
    show.build("dltonic")
    program = show.Program("A2")
    real = f"data.root={data / 'nmnist'}"

    for model, floor in (("difflogic", 75), ("mlp", 85), ("cnn", None)):
        _, runs = train(program, f"nmnist_{model}", real)
        mean = tell(program, f"nmnist_{model}, real Test", [accuracy(program, run) for run in runs])
        if floor:
            figures.at_least(f"nmnist_{model}", mean, "%", floor)
        else:
            figures.reported(f"nmnist_{model}", mean, "%")

    # Trained on simulated recordings alone. The real Test recordings are of MNIST training digits: their images are left out.
    prepared, runs = train(program, "mnist_events_difflogic", f"data.root={data / 'mnist'}",
                           f"data.simulator.exclude={data / 'nmnist/mnist_index.csv'}", "data.simulator.exclude_rows=Test/")
    left_out = 70000 - prepared["recordings"]
    if left_out != 100:
        raise show.NotMeasured(f"{left_out} images were left out of training, not the 100 of the Test recordings")
    simulated = tell(program, "mnist_events_difflogic, simulated Test", [accuracy(program, run) for run in runs])
    as_real = ("data.name=nmnist", "data.format=atis", real)
    program("prepare", runs[0] / "config.yaml", *as_real)
    on_real = tell(program, "mnist_events_difflogic, real Test", [accuracy(program, run, *as_real) for run in runs])
    figures.at_least("mnist_events_difflogic_on_real_test", on_real, "%", 80)
    figures.at_least("mnist_events_difflogic_on_simulated_test", simulated, "%", 90)
    show.say(f"  rows for docs/results.md: {program.folder / 'table.md'}")


show.main("A2", measure)
