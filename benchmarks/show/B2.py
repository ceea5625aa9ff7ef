"""B2: whole epochs of 60,000 augmented frames against the same captured step fed one fixed batch."""

import figures as show
import gpu


def measure(figures, _data):
    show.build("bench_gpu_gates", "bench_gpu_train")
    gpu.machine()
    epoch = gpu.cases("bench_gpu_train", "train_chain_bf16_b512")["train_chain_bf16_b512"]
    step = gpu.cases("bench_gpu_gates", "chain_bf16_b512")["chain_bf16_b512"]
    figures.reported("epoch_samples_per_s", epoch["samples_per_s"], "samples/s")
    figures.at_least("epoch_of_fixed_batch", 100 * step["ms"] / epoch["ms"], "%", 90)


show.main("B2", measure)
