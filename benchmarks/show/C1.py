"""C1: one state after an epoch on 1 to 4 ranks of CPU cores and on 1 and 2 GPUs (canonical); repeated runs are equal (fast). And
what canonical costs."""

import json

import figures as show
import gpu


def measure(figures, data):
    if data is None or not (data / "nmnist/Train").is_dir():
        raise show.NotMeasured(f"there are no recordings in {data}")
    show.build("dltonic")
    for device, counts in (("cpu", (1, 2, 3, 4)), ("gpu", tuple(n for n in (1, 2) if n <= len(gpu.cards())))):
        if not counts:
            show.say(f"  {device}: there is none here")
            continue
        program = show.Program(f"C1_{device}", device)
        words = ["configs/experiment/nmnist_difflogic.yaml", f"data.root={data / 'nmnist'}", "train.epochs=1"]
        program("prepare", *words)

        def state(name, *more, **how):
            folder = program.folder / "runs" / name
            result = program("train", *words, *more, f"run.dir={folder}", **how)
            latest = folder / "checkpoints" / (folder / "checkpoints/latest").read_text().strip()
            tensors = json.loads((latest / "manifest.json").read_text())["state"]["checksum"]
            return tensors, result["train_seconds"]

        canonical = {n: state(f"canonical{n}", "distributed.reduction=canonical", ranks=n) for n in counts}
        for n, (value, seconds) in canonical.items():
            show.say(f"  {device}, {n} ranks: the state is {value}, {seconds:.2f} s")
        figures.exactly(f"{device}_states_over_ranks_{'_'.join(map(str, counts))}", len({v for v, _ in canonical.values()}), "distinct", 1)
        most = counts[-1]
        fast = [state(f"fast{i}", ranks=min(2, most)) for i in range(2)]
        figures.exactly(f"{device}_repeated_fast_runs", len({v for v, _ in fast}), "distinct", 1)
        figures.reported(f"{device}_canonical_by_fast_on_{min(2, most)}_ranks", canonical[min(2, most)][1] / min(s for _, s in fast),
                         "of_the_time")


show.main("C1", measure)
