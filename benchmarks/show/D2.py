"""D2: events on one core, from memory: decoders, filters and augmentations; medians of 9. Rates of filters and augmentations
include the copy of each recording that they work on."""

import statistics

import figures as show

STEPS = ("reverse_time", "time_skew", "delete_time", "time_jitter", "flip_x", "flip_y", "shear", "rotate", "roll", "shift",
         "spatial_jitter", "flip_polarity", "drop", "drop_time", "drop_area", "event_drop", "noise")

DECODERS = {"atis": 700, "aedat2": 300, "aedat3": 300, "aedat4": 50}  # million events/s asked
OTHER_DECODERS = ("aedat4_zstd", "dat", "npy")


def decoders(figures, share=1.0, repetitions=9, min_time=0.1):
    bench = show.Bench("bench_decode", "^decode/", 1, repetitions, min_time)

    def rate(name):
        return statistics.median(bench.counter(f"decode/{name}", "events/s", 1e-6))

    for name, floor in DECODERS.items():
        figures.at_least(f"decode_{name}", rate(name), "million_events/s", floor * share)
    for name in OTHER_DECODERS:
        figures.reported(f"decode_{name}", rate(name), "million_events/s")


def augmentations(figures, share=1.0, repetitions=9, min_time=0.1):
    median = statistics.median
    bench = show.Bench("bench_augment", "^(filter/denoise|augment/.*|mix/.*|training_row)$", 1, repetitions, min_time)
    figures.at_least("denoise", median(bench.counter("filter/denoise", "recordings/s")), "recordings/s", 40000 * share)
    for name in [f"augment/{step}" for step in STEPS] + ["mix/cut_mix", "mix/event_mix"]:
        rate = median(bench.counter(name, "events/s", 1e-6))
        figures.at_least(name.split("/")[1], rate, "million_events/s", 50 * share)
    figures.reported("training_row", median(bench.counter("training_row", "recordings/s")), "recordings/s")


def measure(figures, share=1.0, **how):
    decoders(figures, share, **how)
    augmentations(figures, share, **how)


if __name__ == "__main__":
    show.speeds("D2", ("bench_decode", "bench_augment"), measure)
