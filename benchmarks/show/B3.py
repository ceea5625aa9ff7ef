"""B3: MNIST's images on one GPU, means over seeds 0 to 2, with the fast variants beside; MNIST through the simulator."""

import statistics

import figures as show
import gpu

SEEDS = (0, 1, 2)
VARIANTS = {
    "random_float32": ["model.wiring=random"],
    "random_bfloat16": ["model.wiring=random", "train.precision=bfloat16"],
    "chain_float32": ["model.wiring=chain"],
    "chain_bfloat16": ["model.wiring=chain", "train.precision=bfloat16"],
    "chain_hard_bfloat16": ["model.wiring=chain", "train.precision=bfloat16", "model.estimator=hard"],
    "chain_gumbel_bfloat16": ["model.wiring=chain", "train.precision=bfloat16", "model.estimator=gumbel",
                              "model.init=residual"],
}


def measure(figures, data):
    if data is None or not (data / "mnist").is_dir():
        raise show.NotMeasured(f"MNIST is missing: there is no {data}/mnist")
    show.build("dltonic")
    gpu.machine()
    program = show.Program("B3", device="gpu")
    # Selection is by the last step: nothing is kept from training for validation, as in the published figures.
    words = ["configs/experiment/mnist_difflogic.yaml", f"data.root={data / 'mnist'}", "data.val_split=0",
             "checkpoint.every_epochs=0"]
    program("prepare", *words)
    means, seconds = {}, {}
    for name, overrides in VARIANTS.items():
        accuracies, times = [], []
        for seed in SEEDS:
            run = program.folder / "runs" / f"{name}_{seed}"
            trained = program("train", *words, *overrides, f"train.seed={seed}", f"run.dir={run}", ranks=1)
            result = program("evaluate", "--run", run, "--checkpoint", "latest", ranks=1)
            accuracies.append(100 * result["accuracy_hard"])
            times.append(trained["train_seconds"])
        means[name], seconds[name] = statistics.mean(accuracies), statistics.median(times)
        show.say(f"  {name}: hard {', '.join(f'{a:.2f}' for a in accuracies)}, mean {means[name]:.2f} %; "
                 f"{seconds[name]:.2f} s of training")
    figures.at_least("mnist_hard_mean", means["random_float32"], "%", 97.0)
    figures.at_most("mnist_training", seconds["random_float32"], "s", 5)
    for name in VARIANTS:  # what is a default may lose at most 0.2 points; the others are users' choices
        difference = means[name] - means["random_float32"]
        if name == "chain_float32":
            figures.at_least(f"{name}_minus_random_float32", difference, "points", -0.2)
        elif name != "random_float32":
            figures.reported(f"{name}_minus_random_float32", difference, "points")

    words = ["configs/experiment/mnist_events_difflogic.yaml", f"data.root={data / 'mnist'}"]
    program("prepare", *words, ranks=show.CORES)
    run = program.folder / "runs" / "events"
    trained = program("train", *words, "train.precision=bfloat16", f"run.dir={run}", ranks=1)
    result = program("evaluate", "--run", run, ranks=1)
    figures.at_least("mnist_events_hard", 100 * result["accuracy_hard"], "%", 95)
    figures.reported("mnist_events_training", trained["train_seconds"], "s")


show.main("B3", measure)
