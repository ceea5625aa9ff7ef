"""A5: Google Benchmark figures of the functions that `dltonic prepare` and `dltonic train` call; medians of 9."""

import statistics

import figures as show

EVENTS = "^(decode|decode_and_bit_frames|read_files|simulate)$"
LOGIC = "^(forward_backward/chain/100|whole_step/chain/100|torch_forward_backward)/"


def measure(figures, share=1.0, repetitions=9, min_time=0.5):
    median = statistics.median
    events = show.Bench("bench_events", EVENTS, 1, repetitions, min_time)
    for name, counter, scale, unit, floor in (
            ("decode", "events/s", 1e-6, "million_events/s", 700),
            ("decode_and_bit_frames", "recordings/s", 1, "recordings/s", 70000),
            ("read_files", "recordings/s", 1, "recordings/s", 90000),
            ("simulate", "recordings/s", 1, "recordings/s", 5000)):
        figures.at_least(name, median(events.counter(name, counter, scale)), unit, floor * share)

    logic = show.Bench("bench_logic", LOGIC, min(2, show.CORES), repetitions, min_time)
    ours = median(logic.counter("forward_backward/chain/100", "ns_gate_sample"))
    step = median(logic.counter("whole_step/chain/100", "ns_gate_sample"))
    peer = median(logic.counter("torch_forward_backward", "ns_gate_sample"))
    figures.at_most("gates_forward_backward", ours, "ns/gate/sample", 1.3 / share)
    figures.at_most("gates_whole_step", step, "ns/gate/sample", 1.6 / share)
    figures.at_least("gates_against_libtorch", peer / ours, "times", 15 * share)


if __name__ == "__main__":
    show.speeds("A5", ("bench_events", "bench_logic"), measure)
