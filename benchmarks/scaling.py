"""What benchmarks/scaling.sh runs: see there, and docs/scaling.md."""

import argparse
import csv
import json
import math
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "show"))
import figures as show  # noqa: E402

PROGRAM = os.environ.get("DLTONIC", "build/release/dltonic")
STAGES = ("data", "passes", "reduce", "update")


def arguments():
    parser = argparse.ArgumentParser(description="strong and weak scaling of dltonic train")
    parser.add_argument("--ranks", default="1,2", help="numbers of ranks, the first one is compared with")
    parser.add_argument("--batch", type=int, default=512, help="strong: global batch; weak: batch a rank")
    parser.add_argument("--epochs", type=int, default=4, help="of each run; the first one is not counted")
    parser.add_argument("--repeats", type=int, default=3, help="runs of every point, in turn; the fastest epoch of all counts")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/scaling"))
    parser.add_argument("--launch", default="mpirun -n {ranks} --bind-to none", help="how a job of so many ranks is started")
    parser.add_argument("--predict", default="4,8,16,32,64")
    parser.add_argument("experiment")
    parser.add_argument("overrides", nargs="*")
    options = parser.parse_intermixed_args()
    options.ranks = [int(r) for r in options.ranks.split(",")]
    options.predict = [int(r) for r in options.predict.split(",")]
    return options


def run(options, ranks, batch, environment, save=False):
    """A point's fastest epoch after the first: milliseconds a step, by stage; and seconds outside of epochs. With `save` every
    epoch but the first computes beside the save of the one before it."""
    with tempfile.TemporaryDirectory(prefix="dltonic-scaling-") as folder:
        words = [options.experiment, *options.overrides, f"run.dir={folder}/run", f"train.batch_size={batch}",
                 f"train.epochs={options.epochs}", "data.val_split=0", "report.progress=off", "storage.mirror=false",
                 f"checkpoint.every_epochs={int(save)}"]
        command = [*shlex.split(options.launch.format(ranks=ranks)), PROGRAM, "train", *words, "--json"]
        start = time.monotonic()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        wall_s = time.monotonic() - start
        if done.returncode != 0:
            sys.exit(f"{shlex.join(command)}\nended with {done.returncode}\n{done.stderr}")
        epochs = show.metrics(f"{folder}/run", "train")
        saves = json.loads(done.stdout.splitlines()[-1])["checkpoints"]
    steps = epochs[0]["step"]
    counted = epochs[1:]
    best = min(counted, key=lambda line: line["seconds"])
    stage = lambda name: best.get(f"step_{name}_ms", 0.0)
    return {"step_ms": 1e3 * best["seconds"] / steps, "samples_per_s": best["samples_per_s"], "data": stage("data"),
            "passes": stage("forward_backward") + stage("forward") + stage("backward"), "reduce": stage("reduce"),
            "update": stage("update"), "around_s": wall_s - sum(line["seconds"] for line in epochs), "steps": steps,
            "save_mb": saves["bytes"] / saves["saves"] / 1e6}


def least_squares(rows, values):
    """Coefficients of the normal equations; few and well apart, so Gauss is enough."""
    n = len(rows[0])
    a = [[sum(row[i] * row[j] for row in rows) + (1e-12 if i == j else 0) for j in range(n)] for i in range(n)]
    b = [sum(row[i] * value for row, value in zip(rows, values)) for i in range(n)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(a[k][i]))
        a[i], a[pivot], b[i], b[pivot] = a[pivot], a[i], b[pivot], b[i]
        for k in range(i + 1, n):
            factor = a[k][i] / a[i][i]
            a[k] = [x - factor * y for x, y in zip(a[k], a[i])]
            b[k] -= factor * b[i]
    for i in reversed(range(n)):
        b[i] = (b[i] - sum(a[i][k] * b[k] for k in range(i + 1, n))) / a[i][i]
    return b


class Model:
    """t(ranks, share) = passes + load a sample · share + reduce · depth + update + rest, depth = ceil(log2 ranks).
    A save costs what an epoch beside it takes longer: a part that every rank pays and a part of its share of the bytes."""

    def __init__(self, points):
        share = [p["batch"] / p["ranks"] for p in points]
        self.passes = least_squares([[1, s] for s in share], [p["passes"] for p in points])
        self.load = least_squares([[1, s] for s in share], [p["data"] for p in points])
        several = [p for p in points if p["ranks"] > 1]
        self.alone_ms = statistics.mean(p["reduce"] for p in points if p["ranks"] == 1)
        self.reduce_ms = statistics.mean((p["reduce"] - self.alone_ms) / math.ceil(math.log2(p["ranks"])) for p in several) \
            if several else 0.0
        self.update_ms = statistics.mean(p["update"] for p in points)
        self.rest_ms = statistics.mean(p["step_ms"] - sum(p[s] for s in STAGES) for p in points)
        self.save = least_squares([[1, 1 / p["ranks"]] for p in points], [p["save"] for p in points])

    def stages(self, ranks, batch):
        share = batch / ranks
        line = lambda c: c[0] + c[1] * share
        depth = math.ceil(math.log2(ranks)) if ranks > 1 else 0
        return {"data": line(self.load), "passes": line(self.passes), "reduce": self.alone_ms + self.reduce_ms * depth,
                "update": self.update_ms}

    def step_ms(self, ranks, batch):
        return sum(self.stages(ranks, batch).values()) + self.rest_ms

    def save_ms(self, ranks):
        return max(0.0, self.save[0] + self.save[1] / ranks)


def plot(points, predicted, path):
    """Samples a second over ranks: measured points, the model's line, and what perfect scaling would be."""
    width, height, left, bottom = 640, 420, 80, 50
    everything = points + predicted
    ranks_most = max(p["ranks"] for p in everything)
    top = max(p["samples_per_s"] for p in everything) * 1.4
    low = min(p["samples_per_s"] for p in everything) / 1.4
    x = lambda r: left + (width - left - 20) * (math.log2(r) / max(1, math.log2(ranks_most)))
    y = lambda v: height - bottom - (height - bottom - 20) * (math.log(v / low) / math.log(top / low))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<text x="{width / 2}" y="{height - 10}" text-anchor="middle">ranks</text>',
             f'<text x="16" y="{height / 2}" transform="rotate(-90 16 {height / 2})" text-anchor="middle">samples/s</text>']
    for r in sorted({p["ranks"] for p in everything}):
        parts.append(f'<text x="{x(r)}" y="{height - bottom + 18}" text-anchor="middle">{r}</text>')
    for kind, colour in (("strong", "#1f77b4"), ("weak", "#d62728")):
        line = sorted((p["ranks"], p["samples_per_s"]) for p in predicted if p["kind"] == kind)
        parts.append(f'<polyline fill="none" stroke="{colour}" points="{" ".join(f"{x(r):.1f},{y(v):.1f}" for r, v in line)}"/>')
        first = min((p for p in points if p["kind"] == kind), key=lambda p: p["ranks"])
        ideal = [(r, first["samples_per_s"] * r / first["ranks"]) for r, _ in line]
        ideal = [(r, v) for r, v in ideal if v <= top]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-dasharray="4 4" opacity="0.5" '
                     f'points="{" ".join(f"{x(r):.1f},{y(v):.1f}" for r, v in ideal)}"/>')
        for p in points:
            if p["kind"] == kind:
                parts.append(f'<circle cx="{x(p["ranks"]):.1f}" cy="{y(p["samples_per_s"]):.1f}" r="4" fill="{colour}"/>')
                parts.append(f'<text x="{x(p["ranks"]) + 8:.1f}" y="{y(p["samples_per_s"]) + 4:.1f}">{p["samples_per_s"]:,.0f}</text>')
        parts.append(f'<text x="{left + 8}" y="{30 if kind == "strong" else 48}" fill="{colour}">{kind}: points measured, line '
                     "predicted, dashed perfect</text>")
    path.write_text("\n".join([*parts, "</svg>\n"]))


def main():
    options = arguments()
    environment = dict(os.environ)
    environment.setdefault("OMP_NUM_THREADS", str(max(1, os.cpu_count() // max(options.ranks))))
    subprocess.run([PROGRAM, "prepare", options.experiment, *options.overrides], env=environment, check=True)
    cases = []
    for ranks in options.ranks:
        cases += [("strong", ranks, options.batch), ("weak", ranks, options.batch * ranks // options.ranks[0])]
    cases = list(dict.fromkeys(cases))
    measured = {(*case, save): [] for case in cases for save in (False, True)}
    for _ in range(options.repeats):  # in turn, so that a slow minute of the machine does not fall on one point
        for case in measured:
            measured[case].append(run(options, *case[1:3], environment, save=case[3]))
    fastest = lambda *case: min(measured[case], key=lambda m: m["step_ms"])
    points = []
    for kind, ranks, batch in cases:
        alone, saving = fastest(kind, ranks, batch, False), fastest(kind, ranks, batch, True)
        points.append({"kind": kind, "ranks": ranks, "batch": batch, **alone, "saving_ms": saving["step_ms"],
                       "save": (saving["step_ms"] - alone["step_ms"]) * alone["steps"]})
    model = Model(points)
    for p in points:
        p["predicted_ms"] = model.step_ms(p["ranks"], p["batch"])
        p["predicted_saving_ms"] = p["predicted_ms"] + model.save_ms(p["ranks"]) / p["steps"]
        p["off_percent"] = 100 * (p["predicted_ms"] / p["step_ms"] - 1)
        p["saving_off_percent"] = 100 * (p["predicted_saving_ms"] / p["saving_ms"] - 1)
        base = next(q for q in points if q["kind"] == p["kind"])
        p["efficiency"] = p["samples_per_s"] / base["samples_per_s"] / (p["ranks"] / base["ranks"])
    predicted = []
    for kind in ("strong", "weak"):
        for ranks in sorted({*options.ranks, *options.predict}):
            batch = options.batch * (ranks // options.ranks[0] if kind == "weak" else 1)
            if ranks > batch:
                continue
            step_ms = model.step_ms(ranks, batch)
            predicted.append({"kind": kind, "ranks": ranks, "batch": batch, "step_ms": step_ms, "samples_per_s": 1e3 * batch / step_ms,
                              "save_ms": model.save_ms(ranks)})
    options.out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("measured", points), ("predicted", predicted)):
        with open(options.out / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    plot(points, predicted, options.out / "scaling.svg")
    print(f"{'':8}{'ranks':>6}{'batch':>8}{'step ms':>10}{'data':>8}{'passes':>9}{'reduce':>8}{'update':>8}"
          f"{'samples/s':>12}{'efficiency':>12}{'model ms':>10}{'off %':>7}{'saving ms':>11}{'off %':>7}")
    for p in points:
        print(f"{p['kind']:8}{p['ranks']:6}{p['batch']:8}{p['step_ms']:10.3f}{p['data']:8.3f}{p['passes']:9.3f}{p['reduce']:8.3f}"
              f"{p['update']:8.3f}{p['samples_per_s']:12,.0f}{p['efficiency']:12.3f}{p['predicted_ms']:10.3f}{p['off_percent']:7.1f}"
              f"{p['saving_ms']:11.3f}{p['saving_off_percent']:7.1f}")
    print("predicted:", ", ".join(f"{p['kind']} {p['ranks']}: {p['samples_per_s']:,.0f}/s" for p in predicted
                                  if p["ranks"] not in options.ranks))
    print(f"model, ms: passes {model.passes[0]:.3f} + {model.passes[1]:.5f} a sample, data {model.load[0]:.3f} + {model.load[1]:.5f} a "
          f"sample, reduce {model.alone_ms:.3f} + {model.reduce_ms:.3f} a doubling, update {model.update_ms:.3f}, rest {model.rest_ms:.3f}; a save of {points[0]['save_mb']:.1f} MB {model.save[0]:.1f} + {model.save[1]:.1f} / ranks")
    print(f"around the epochs (start, load, save): {min(p['around_s'] for p in points):.2f} to {max(p['around_s'] for p in points):.2f} s")
    worst = max(abs(p[off]) for p in points for off in ("off_percent", "saving_off_percent"))
    print(f"worst_of_model {worst:.1f} %; written: {options.out}/measured.csv, predicted.csv, scaling.svg")


main()
