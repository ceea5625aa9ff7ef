"""The runs and the table of representations.sh, which says what they are."""

import argparse
import csv
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import time

HOME = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = ("dataset", "representation", "model", "seed", "channels", "accuracy", "train_s")

# Beside the bins of time that the data set's configuration gives; `levels`: bits a pixel, bin and polarity.
REPRESENTATIONS = {
    "one_or": (["frames.bins=1"], 1),
    "bits": ([], 1),
    "bits_merged": (["frames.polarity=merge"], 1),
    "event_bins": (["frames.mode=event_bins"], 1),
    "counts": (["frames.values=counts"], 4),
    "counts_fitted": (["frames.values=counts", "frames.quantiles=[0,0.5,0.75,0.9]"], 4),
    "recency": (["frames.values=recency"], 4),
    "voxel": (["frames.values=voxel"], 3),
    "time_surface": (["frames.values=time_surface"], 4),
    # Half floats, for models that read such.
    "counts_float": (["frames.values=counts", "frames.dtype=float16"], 1),
    "recency_float": (["frames.values=recency", "frames.dtype=float16"], 1),
    "voxel_float": (["frames.values=voxel", "frames.dtype=float16"], 1),
    "time_surface_float": (["frames.values=time_surface", "frames.dtype=float16"], 1),
}
BASELINE = "bits"

# Bins, epochs and batch of a data set; the same for all representations.
DATASETS = {
    "gesture_sim": {"bins": 8, "train": ["train.epochs=30", "train.batch_size=32"], "shift": 1},
    "nmnist": {"bins": 5, "train": ["train.epochs=60", "train.batch_size=32"], "shift": 3},
    "mnist_events": {"bins": 5, "train": ["train.epochs=12", "train.batch_size=100"], "shift": 2},
    "cifar10dvs_sim": {"bins": 10, "train": ["train.epochs=30", "train.batch_size=100"], "shift": 2},
}
MODELS = {
    "difflogic": ["model.gates=16000", "model.layers=3", "train.learning_rate=0.02"],
    # A thermometer of four bits a pixel is read as often as plain bits are by 16,000 gates.
    "difflogic_wide": ["model.gates=64000", "model.layers=3", "train.learning_rate=0.02"],
    "mlp": ["model.hidden=[512]", "train.learning_rate=0.001"],
    "cnn": ["train.learning_rate=0.001"],
}


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Program:
    def __init__(self, launch):
        path = pathlib.Path(os.environ.get("BUILD", HOME / "build/release")) / "dltonic"
        if not path.exists():
            raise SystemExit(f"there is no {path}: build the program, or name its folder by BUILD")
        self.words = [*shlex.split(launch), str(path.resolve())]

    def __call__(self, *words):
        """Runs the program; the object that --json prints as its last line."""
        done = subprocess.run([*self.words, *map(str, words), "--json"], cwd=HOME, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{shlex.join([*self.words, *map(str, words)])} ended with {done.returncode}")
        return json.loads(done.stdout.strip().splitlines()[-1])


def read_rows(path):
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {(row["dataset"], row["representation"], row["model"], int(row["seed"])): row for row in csv.DictReader(file)}


def add_row(path, row):
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(row)


def channels(dataset, representation):
    bins = 1 if representation == "one_or" else DATASETS[dataset]["bins"]
    return bins * (1 if representation in ("bits_merged", "voxel_float") else 2) * REPRESENTATIONS[representation][1]


def table(rows):
    """Markdown: a row a data set and representation, a column a model, and what it gains on plain bits."""
    text = []
    for dataset in DATASETS:
        found = {}
        for (of, representation, model, _), row in sorted(rows.items()):
            if of == dataset:
                found.setdefault((representation, model), []).append(100 * float(row["accuracy"]))
        if not found:
            continue
        text += [f"### {dataset}", "", "| representation | channels | " + " | ".join(MODELS) + " |",
                 "|---|---|" + "---|" * len(MODELS)]
        for representation in REPRESENTATIONS:
            cells = []
            for model in MODELS:
                values = found.get((representation, model))
                if not values:
                    cells.append("")
                    continue
                spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
                cells.append(f"{statistics.mean(values):.2f}{spread} ({', '.join(f'{v:.2f}' for v in values)})")
            if any(cells):
                text.append(f"| {representation} | {channels(dataset, representation)} | " + " | ".join(cells) + " |")
        text.append("")
        for model in MODELS:
            means = {r: statistics.mean(v) for (r, m), v in found.items() if m == model}
            if BASELINE not in means or len(means) < 2:
                continue
            best = max(means, key=means.get)
            if best == BASELINE:
                text.append(f"{model}: nothing is better than {BASELINE}.")
                continue
            spread = max((statistics.stdev(v) for (r, m), v in found.items()
                          if m == model and r in (best, BASELINE) and len(v) > 1), default=float("nan"))
            gain = means[best] - means[BASELINE]
            verdict = "more than" if gain > spread else "not more than"
            text.append(f"{model}: best is {best}, {gain:+.2f} against {BASELINE}, {verdict} the larger standard deviation "
                        f"of the two ({spread:.2f}).")
        text.append("")
    return "\n".join(text)


def main():
    scratch = pathlib.Path(os.environ.get("SCRATCH_STORAGE_DIR", "scratch"))
    parser = argparse.ArgumentParser()
    parser.add_argument("--nmnist", type=pathlib.Path)
    parser.add_argument("--mnist", type=pathlib.Path)
    parser.add_argument("--images", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=scratch / "representations")
    parser.add_argument("--launch", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_args()
    roots = {"nmnist": arguments.nmnist, "mnist_events": arguments.mnist, "cifar10dvs_sim": arguments.images}
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    results, program = out / "results.csv", Program(arguments.launch)
    only = [word for word in arguments.only.split(",") if word]

    for dataset, settings in DATASETS.items():
        root = roots.get(dataset)
        if dataset in roots and root is None:
            say(f"{dataset}: no folder given, left out")
            continue
        for representation, (words, _) in REPRESENTATIONS.items():
            prepared = False
            data = [f"dataset={dataset}", f"data.frames.bins={settings['bins']}", *(f"data.{word}" for word in words),
                    f"data.augmentation.shift={settings['shift']}", *([f"data.root={root.resolve()}"] if root else [])]
            for model, model_words in MODELS.items():
                if representation.endswith("_float") and model.startswith("difflogic"):
                    continue
                for seed in map(int, arguments.seeds.split(",")):
                    name = f"{dataset}/{representation}/{model}"
                    if only and not any(word in name for word in only):
                        continue
                    if (dataset, representation, model, seed) in read_rows(results):
                        continue
                    config = [*data, f"model={model.removesuffix('_wide')}", *model_words, *settings["train"], "train.device=auto",
                              *([f"train.epochs={arguments.epochs}"] if arguments.epochs else []), *arguments.overrides,
                              f"run.name={name.replace('/', '_')}"]
                    if not prepared:
                        program("prepare", *config)
                        prepared = True
                    run = out / "runs" / f"{name.replace('/', '-')}-seed{seed}"  # copies of runs go by this name
                    began = time.monotonic()
                    program("train", *config, f"train.seed={seed}", f"run.dir={run}", "--resume")
                    took = time.monotonic() - began
                    found = program("evaluate", "--run", run, "--split", "test")
                    row = {"dataset": dataset, "representation": representation, "model": model, "seed": seed,
                           "channels": channels(dataset, representation),
                           "accuracy": f"{found['accuracy_hard_recording']:.6f}", "train_s": f"{took:.1f}"}
                    add_row(results, row)
                    say(f"{name}, seed {seed}: {100 * float(row['accuracy']):.2f} % in {took:.0f} s")
                    (out / "table.md").write_text(table(read_rows(results)))
    (out / "table.md").write_text(table(read_rows(results)))
    say(f"{results} and {out / 'table.md'} are up to date")


if __name__ == "__main__":
    main()
