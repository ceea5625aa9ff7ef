"""B5: two GPUs of one host against one: the same losses at the same global batch, weak scaling, the overlap."""

import figures as show
import gpu


def measure(figures, data):
    show.build("dltonic", "bench_gpu_train")
    if gpu.machine() < 2:
        raise show.NotMeasured("two GPUs are needed")
    if data is not None and (data / "mnist").is_dir():
        program = show.Program("B5", device="gpu")
        words = ["configs/experiment/mnist_difflogic.yaml", f"data.root={data / 'mnist'}", "train.epochs=2"]
        program("prepare", *words)
        told = {}
        for ranks in (1, 2):
            run = program.folder / "runs" / f"ranks{ranks}"
            program("train", *words, f"run.dir={run}", ranks=ranks)
            told[ranks] = [p["loss"] for p in show.metrics(run) if "loss" in p]
            show.say(f"  {ranks} ranks: " + ", ".join(f"{v:.8f}" for v in told[ranks]))
        difference = max(abs(a - b) / a for a, b in zip(told[1], told[2], strict=True))
        figures.at_most("losses_one_and_two_gpus", difference, "relative", 1e-5)
    names = ("step_chain_bf16_b512", "step_chain_bf16_no_overlap_b512", "step_chain_bf16_b2048")
    one, two = gpu.cases("bench_gpu_train", *names), gpu.cases("bench_gpu_train", *names, ranks=2)
    figures.at_least("weak_scaling_b512", 100 * one[names[0]]["ms"] / two[names[0]]["ms"], "%", 90)
    figures.reported("weak_scaling_b512_without_overlap", 100 * one[names[0]]["ms"] / two[names[1]]["ms"], "%")
    figures.reported("weak_scaling_b2048", 100 * one[names[2]]["ms"] / two[names[2]]["ms"], "%")
    figures.reported("reduce_b512_without_overlap", two[names[1]].get("reduce_ms", 0), "ms")


show.main("B5", measure)
