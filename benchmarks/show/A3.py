"""A3: 1 to 4 ranks come to the same losses after one epoch, and sums do not depend on OMP_NUM_THREADS."""

import hashlib
import json

import figures as show

RANKS, THREADS = (1, 2, 3, 4), (1, 2, 3)
LOSSES = ("loss", "loss_hard")


def metrics(run):
    """What metrics.jsonl says of training and validation, without what depends on the clock."""
    return [{k: v for k, v in p.items() if k not in ("time", "seconds", "samples_per_s") and not k.startswith("step_")}
            for p in show.metrics(run) if p["split"] != "resources"]


def losses(run):
    return [p[name] for p in metrics(run) for name in LOSSES if name in p]


def fingerprint(run):
    """Every number that was told, and every tensor that was saved: the same content is the same bytes in the state's file."""
    told = json.dumps(metrics(run))
    manifests = sorted((run / "checkpoints").glob("step-*/manifest.json"))
    saved = [json.loads(manifest.read_text())["state"]["checksum"] for manifest in manifests]
    if not saved:
        raise show.NotMeasured(f"{run} holds no checkpoint")
    return hashlib.sha256("\n".join([told, *saved]).encode()).hexdigest()


def measure(figures, data):
    show.build("dltonic")
    program = show.Program("A3")
    cases = [("quickstart", [])]
    if data is not None and (data / "nmnist/Train").is_dir():
        cases.append(("nmnist_difflogic", [f"data.root={data / 'nmnist'}"]))
    else:
        show.say(f"  there are no real recordings in {data}: nmnist_difflogic is left out")
    for experiment, overrides in cases:
        words = [f"configs/experiment/{experiment}.yaml", *overrides, "train.epochs=1"]
        program("prepare", *words)

        def run(name, **how):
            folder = program.folder / "runs" / f"{experiment}_{name}"
            program("train", *words, f"run.dir={folder}", **how)
            return folder

        by_ranks = {n: losses(run(f"ranks{n}", ranks=n)) for n in RANKS}
        for n, values in by_ranks.items():
            show.say(f"  {experiment}, {n} ranks: losses " + ", ".join(f"{v:.10f}" for v in values))
        difference = max(abs(a - b) / abs(a) for n in RANKS for a, b in zip(by_ranks[1], by_ranks[n], strict=True))
        figures.at_most(f"{experiment}_losses_over_ranks_1_to_4", difference, "relative", 1e-5)

        prints = {t: fingerprint(run(f"threads{t}", ranks=1, threads=t)) for t in THREADS}
        for t, value in prints.items():
            show.say(f"  {experiment}, OMP_NUM_THREADS={t}: sha256 of metrics and checkpoint {value[:16]}")
        figures.exactly(f"{experiment}_results_over_threads_1_to_3", len(set(prints.values())), "distinct", 1)


show.main("A3", measure)
