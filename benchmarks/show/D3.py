"""D3: prepare of 60,000 simulated recordings that lie as .bin files, as N-MNIST's do, with a warm file cache; and of nothing new."""

import pathlib
import statistics
import subprocess

import figures as show

RECORDINGS, CORES = 60000, 2
IMAGES = pathlib.Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist, where MNIST is not at hand


def peak_bytes(program, *words):
    """The largest resident memory of prepare on one rank with two threads, by the kernel's own account."""
    command = ["/usr/bin/env", "python3", "-c",
               "import os, resource, subprocess, sys\n"
               "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)\n"
               "sys.exit(code)", program.path, "prepare", *words]
    with program.log.open("a") as log:
        done = subprocess.run(command, cwd=show.ROOT, env=show.environment(CORES, **program.storage), stdout=subprocess.PIPE, stderr=log,
                              stdin=subprocess.DEVNULL, text=True)
    if done.returncode:
        raise show.NotMeasured(f"prepare ended with {done.returncode} ({program.log})")
    return int(done.stdout.split()[-1])


def measure(figures, data):
    images = data / "mnist" if data is not None and (data / "mnist").is_dir() else IMAGES
    if not images.is_dir():
        raise show.NotMeasured(f"there are no images in {images}")
    show.build("dltonic", "write_recordings")
    program = show.Program("D3")
    root = program.folder / "recordings"
    writer = next(show.BUILD.glob("benchmarks/*/write_recordings"))
    subprocess.run([writer, images, root, str(RECORDINGS), "0"], check=True, env=show.environment(show.CORES))
    words = ["experiment=nmnist_difflogic", f"data.root={root}", "data.layout=folder"]
    prepared = program.folder / "project" / "data"

    def clear():
        for path in prepared.glob("*"):
            path.unlink()

    for ranks in (1, 2):
        took = []
        for _ in range(3):  # the first of them warms the file cache, too
            clear()
            report = program("prepare", *words, ranks=ranks, threads=CORES // ranks)
            took.append(program.took_s)
        show.say(f"  {ranks} ranks: {show.spread(took)} s, {report['events']:,} events")
        figures.at_most(f"prepare_{RECORDINGS}_recordings_on_{ranks}_ranks", statistics.median(took), "s", 20)
    again = []
    for _ in range(3):
        program("prepare", *words, ranks=1, threads=CORES)
        again.append(program.took_s)
    figures.at_most("a_second_prepare", statistics.median(again), "s", 1)
    clear()
    figures.at_most("peak_memory", peak_bytes(program, *words) / 1e9, "GB", 1)


show.main("D3", measure)
