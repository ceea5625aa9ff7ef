"""C8: scaling.sh on 1 and 2 ranks, its cost model against every point; the tests of schedules, broken copies and metrics."""

import csv
import subprocess

import figures as show
import gpu

# An epoch of MNIST is 120 steps of 500; on GPUs a larger net and batch, so that a step is more than its launch.
CASES = {
    "cpu": ["--batch", "500", "model.gates=2000", "model.layers=3"],
    "gpu": ["--batch", "2000", "model.gates=64000", "model.layers=6", "train.precision=bfloat16"],
}


def scaling(figures, data, device):
    program = show.Program(f"C8_{device}", device=device)
    out = program.folder / "scaling"
    batch, *overrides = CASES[device][1:]
    command = ["benchmarks/scaling.sh", "--ranks", "1,2", "--batch", batch, "--epochs", "4", "--out", str(out),
               "experiment=mnist_difflogic", f"data.root={data / 'mnist'}", f"train.device={device}", *overrides]
    threads = max(1, show.CORES // 2)
    done = subprocess.run(command, cwd=show.ROOT, env=show.environment(threads, DLTONIC=str(program.path), **program.storage),
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    show.say(done.stdout)
    if done.returncode:
        raise show.NotMeasured(f"scaling.sh ended with {done.returncode}")
    with (out / "measured.csv").open() as file:
        for row in csv.DictReader(file):
            point = f"{device}_{row['kind']}_{row['ranks']}"
            figures.at_most(f"model_off_{point}", abs(float(row["off_percent"])), "%", 10)
            figures.at_most(f"model_off_{point}_saving", abs(float(row["saving_off_percent"])), "%", 10)


def measure(figures, data):
    if data is None or not (data / "mnist").is_dir():
        raise show.NotMeasured(f"MNIST is missing: there is no {data}/mnist")
    show.build("dltonic")
    scaling(figures, data, "cpu")
    if len(gpu.cards()) >= 2:
        scaling(figures, data, "gpu")
    show.tests(figures, "schedules_broken_copies_metrics", "-R",
               "^(test_train|test_store_copies|test_app|e2e_best_is_that_of_the_metrics)$")


show.main("C8", measure)
