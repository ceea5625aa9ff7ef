"""What benchmarks/events.sh runs: see there."""

import io
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "show"))
import figures as show  # noqa: E402

RECORDINGS, BINS, DENOISE_US, REPEATS = 512, 10, 10_000, 5


def rate(work, items):
    """Items a second: the median of some passes after a first one."""
    work()
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    rates = [items / s for s in seconds]
    show.say(f"    {show.spread(rates)}")
    return statistics.median(rates)


def tonic_rates(files):
    import numpy as np
    import tonic.io
    from tonic.transforms import Denoise, ToFrame

    dtype = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])
    contents = [path.read_bytes() for path in files]
    decode = lambda content: tonic.io.read_mnist_file(io.BytesIO(content), dtype=dtype, is_stream=True)
    frame = ToFrame(sensor_size=(34, 34, 2), n_time_bins=BINS)
    denoise = Denoise(filter_time=DENOISE_US)
    few = [decode(content) for content in contents[:24]]  # at a hundred recordings a second
    show.say("  Tonic: decode, decode + frames, denoise")
    return {"decode": rate(lambda: [decode(c) for c in contents], len(contents)),
            "decode_and_frames": rate(lambda: [frame(decode(c)) for c in contents], len(contents)),
            "denoise": rate(lambda: [denoise(events) for events in few], len(few))}


def spikingjelly_rates(files):
    from spikingjelly.datasets import utils

    def frames(path):
        return utils.integrate_events_by_fixed_frames_number(utils.load_ATIS_bin(path), "time", BINS, 34, 34)

    show.say("  SpikingJelly: decode, decode + frames (from files in the cache)")
    return {"decode": rate(lambda: [utils.load_ATIS_bin(path) for path in files], len(files)),
            "decode_and_frames": rate(lambda: [frames(path) for path in files], len(files))}


def expelliarmus_rate(sample):
    """Million DAT events a second, from a file in the cache: the sample's events 1,000 times."""
    from expelliarmus import Wizard

    content = sample.read_bytes()
    body = next(i for i in range(len(content)) if content[i:i + 1] == b"\n" and content[i + 1:i + 2] != b"%") + 3
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "long.dat"
        path.write_bytes(content[:body] + content[body:] * 1000)
        wizard = Wizard(encoding="dat")
        events = len(wizard.read(str(path)))
        show.say("  expelliarmus: DAT")
        return rate(lambda: wizard.read(str(path)), events) / 1e6


def ours():
    median = statistics.median
    events = show.Bench("bench_events", "^(decode|decode_and_bit_frames|read_files)$", 1, 9, 0.2)
    found = {name: median(events.counter(name, "recordings/s")) for name in ("decode", "decode_and_bit_frames", "read_files")}
    found["denoise"] = median(show.Bench("bench_augment", "^filter/denoise$", 1, 9, 0.2).counter("filter/denoise", "recordings/s"))
    found["dat"] = median(show.Bench("bench_decode", "^decode/dat", 1, 9, 0.2).counter("decode/dat", "events/s", 1e-6))
    return found


def measure(figures, data):
    if data is None or not (data / "nmnist/Train").is_dir():
        raise show.NotMeasured(f"there are no recordings in {data}")
    show.build("bench_events", "bench_augment", "bench_decode")
    files = sorted((data / "nmnist/Train").glob("*/*.bin"))[:RECORDINGS]  # those that bench_events reads
    own, tonic = ours(), tonic_rates(files)
    for name, value in own.items():
        figures.reported(f"{name}", value, "million_events/s" if name == "dat" else "recordings/s")
    for name, value in tonic.items():
        figures.reported(f"tonic_{name}", value, "recordings/s")
    figures.at_least("decode_and_frames_over_tonic", own["decode_and_bit_frames"] / tonic["decode_and_frames"], "times", 20)
    figures.at_least("denoise_over_tonic", own["denoise"] / tonic["denoise"], "times", 300)
    peer = spikingjelly_rates(files)
    for name, value in peer.items():
        figures.reported(f"spikingjelly_{name}", value, "recordings/s")
    figures.reported("decode_and_frames_over_spikingjelly", own["decode_and_bit_frames"] / peer["decode_and_frames"], "times")
    if (data / "ncars/sample_ncars.dat").exists():
        dat = expelliarmus_rate(data / "ncars/sample_ncars.dat")
        figures.reported("expelliarmus_dat", dat, "million_events/s")
        figures.reported("dat_over_expelliarmus", own["dat"] / dat, "times")


show.main("D2", measure)
