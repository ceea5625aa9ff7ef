"""What every figure of benchmarks/show.sh needs: lines of figures, the program, Google Benchmark."""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build/release")
CORES = len(os.sched_getaffinity(0))
MET, MISSED, NOT_MEASURED = 0, 1, 2  # exit codes


class NotMeasured(Exception):
    """Something that the figure needs is not there, or failed."""


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def shown(value):
    """Four digits or so, never in a form that cannot be read back."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


class Figures:
    """Prints a line a figure and remembers whether all were met."""

    def __init__(self, figure):
        self.figure = figure
        self.missed = 0

    def line(self, name, value, unit, asked, met):
        self.missed += not met
        print(self.figure, name, shown(value), unit, asked, "met" if met else "missed", flush=True)

    def at_least(self, name, value, unit, floor):
        self.line(name, value, unit, f">={shown(floor)}", value >= floor)

    def at_most(self, name, value, unit, ceiling):
        self.line(name, value, unit, f"<={shown(ceiling)}", value <= ceiling)

    def exactly(self, name, value, unit, asked):
        self.line(name, value, unit, f"={shown(asked)}", value == asked)

    def reported(self, name, value, unit):
        self.line(name, value, unit, "reported", True)


def main(figure, measure):
    """measure(figures, test_data) is called with the command line's folder; ends the process."""
    figures = Figures(figure)
    say(f"{figure}: {machine()}")
    try:
        measure(figures, (ROOT / sys.argv[1]).resolve() if len(sys.argv) > 1 else None)
    except NotMeasured as error:
        say(f"{figure}: not measured: {error}")
        sys.exit(NOT_MEASURED)
    sys.exit(MISSED if figures.missed else MET)


def speeds(figure, programs, measure):
    """As main, for figures that are speeds of Google Benchmark programs alone: measure(figures, share, repetitions, min_time).
    With `--share S` on the command line the floors are that share of what is asked, measured for a moment: for tests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("test_data", nargs="?")
    parser.add_argument("--share", type=float)
    share = parser.parse_args().share
    if share is None:
        main(figure, lambda figures, _: (build(*programs), measure(figures)))
    main(figure, lambda figures, _: measure(figures, share, repetitions=5, min_time=0.05))


def machine():
    model = "unknown CPU"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":")[1].strip()
            break
    load = os.getloadavg()[0]
    note = "" if load < 0.3 else " (not idle: timings are of a shared machine)"
    return f"{CORES} cores of {model}, load {load:.1f}{note}, {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}"


def spread(values, digits=4):
    return (f"median {statistics.median(values):.{digits}g} of {len(values)}, "
            f"{min(values):.{digits}g} to {max(values):.{digits}g}")


def environment(threads, **more):
    out = dict(os.environ, OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive", **more)
    if os.geteuid() == 0:
        out |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return out


def build(*targets):
    """Brings the targets up to date; the tree is set up first where there is none."""
    log = BUILD / "show_build.log"
    BUILD.mkdir(parents=True, exist_ok=True)
    commands = []
    if not (BUILD / "build.ninja").exists():
        commands = [["jobs/setup.sh"], ["cmake", "--preset", "release", "-B", str(BUILD)]]
    commands.append(["cmake", "--build", str(BUILD), "--target", *targets])
    with log.open("w") as out:
        for command in commands:
            if subprocess.run(command, cwd=ROOT, stdout=out, stderr=out, stdin=subprocess.DEVNULL).returncode:
                raise NotMeasured(f"{' '.join(command)} failed; see {log}")


def metrics(run, split=None):
    """Lines of a run's metrics.jsonl, of one split where one is named."""
    points = [json.loads(line) for line in (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines()]
    return [point for point in points if split in (None, point["split"])]


class Bench:
    """A Google Benchmark program: every repetition of every counter, in one run."""

    def __init__(self, program, pattern, threads, repetitions=9, min_time=0.5):
        out = BUILD / f"show_{program}.json"
        path = next(BUILD.glob(f"benchmarks/*/{program}"), None)
        if path is None:
            raise NotMeasured(f"{program} is not built in {BUILD}")
        command = [path, f"--benchmark_filter={pattern}",
                   f"--benchmark_repetitions={repetitions}", f"--benchmark_min_time={min_time}",
                   "--benchmark_enable_random_interleaving=true", "--benchmark_display_aggregates_only=true",
                   "--benchmark_format=console", f"--benchmark_out={out}", "--benchmark_out_format=json"]
        done = subprocess.run(command, env=environment(threads), stdout=sys.stderr, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise NotMeasured(f"{program} ended with {done.returncode}")
        self.runs = [r for r in json.loads(out.read_text())["benchmarks"] if r["run_type"] == "iteration"]

    def counter(self, benchmark, counter, scale=1.0):
        """The values of all repetitions; benchmark is the name up to the first option, e.g. forward_backward/chain/100."""
        values = [r[counter] * scale for r in self.runs if (r["name"] + "/").startswith(benchmark + "/")]
        if not values:
            raise NotMeasured(f"there is no benchmark {benchmark}")
        say(f"  {benchmark} {counter}: {spread(values)}")
        return values


class Program:
    """dltonic with storage of its own, made anew: nothing prepared or trained before is used."""

    def __init__(self, figure, device="cpu"):
        self.device = device
        self.folder = (ROOT / os.environ.get("SCRATCH_STORAGE_DIR", "scratch")).resolve() / "show" / figure
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.log = self.folder / "log.txt"
        self.storage = {"SCRATCH_STORAGE_DIR": str(self.folder), "PROJECT_STORAGE_DIR": str(self.folder / "project")}
        self.path = BUILD / "dltonic"
        self.took_s = 0.0  # of the last command

    def __call__(self, *words, ranks=2, threads=None):
        """Runs a command and returns the JSON object that it ends with."""
        threads = threads or max(1, CORES // ranks)  # ranks x threads <= cores: spinning or waiting threads cost tenfold
        if words[0] == "train":
            words = [*words, f"train.device={self.device}"]
        command = ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none", str(self.path), *map(str, words),
                   "--json"]
        began = time.monotonic()
        with self.log.open("a") as log:
            log.write(f"$ OMP_NUM_THREADS={threads} {' '.join(command)}\n")
            log.flush()
            done = subprocess.run(command, cwd=ROOT, env=environment(threads, **self.storage), stdout=subprocess.PIPE,
                                  stderr=log, stdin=subprocess.DEVNULL, text=True)
            log.write(done.stdout)
        self.took_s = time.monotonic() - began
        if done.returncode:
            faults = [line for line in self.log.read_text().splitlines() if "error" in line]
            raise NotMeasured(f"dltonic {words[0]} ended with {done.returncode}: {faults[-1] if faults else ''} ({self.log})")
        return json.loads(done.stdout.splitlines()[-1])


def tests(figures, name, *selection):
    """Builds everything, runs the tests that ctest selects, and tells how many passed: all must."""
    build("all")
    done = subprocess.run(["ctest", "--test-dir", str(BUILD), *selection, "--output-on-failure"], cwd=ROOT, env=environment(1),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    results = re.findall(r"^ *[0-9]+/[0-9]+ Test +#.*$", done.stdout, re.MULTILINE)  # a line a test that ran
    passed, ran = sum(" Passed " in line for line in results), len(results)
    if ran == 0:
        raise NotMeasured(f"ctest {' '.join(selection)} found no test")
    if done.returncode:
        say(done.stdout)
    figures.exactly(name, passed, f"tests_of_{ran}", ran)
