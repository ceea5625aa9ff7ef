"""B1: times of one step and of inference on one GPU; the table of docs/benchmarks.md. gpu.sh writes it as JSON."""

import json

import figures as show
import gpu

# name in the table, case of the step within an epoch of the trainer, ceiling in ms
STEPS = [
    ("chain_bf16_b64", 0.10), ("chain_bf16_b512", 0.38), ("chain_bf16_b2048", 1.40),
    ("random_bf16_b64", 0.12), ("random_bf16_b512", 0.58), ("random_bf16_b2048", 2.2),
    ("hard_b512", 0.25), ("gumbel_b512", 0.25),
]


def measure(figures, _data):
    show.build("bench_gpu_gates", "bench_gpu_train")
    gpu.machine()
    train = gpu.cases("bench_gpu_train", "step_")
    gates = gpu.cases("bench_gpu_gates", "inference", "layer")
    (show.BUILD / "gpu.json").write_text(json.dumps({"train": train, "gates": gates}, indent=1) + "\n")
    for name, ceiling in STEPS:
        figures.at_most(name, train[f"step_{name}"]["ms"], "ms", ceiling)
    figures.at_most("layer_512000_b128", gates["layer_512000_chain_bf16_b128"]["ms"], "ms", 0.27)
    figures.at_most("peak_bytes_b2048", train["step_chain_bf16_b2048"]["peak_bytes"] / 1e9, "GB", 1.3)
    for name, floor in (("inference_6x64000", 35), ("inference_4x512000", 5.5)):
        figures.at_least(name, gates[name]["M_samples_per_s"], "M_samples/s", floor)


show.main("B1", measure)
