"""D4: a million inputs for every parser, by libFuzzer with the address and undefined-behaviour sanitizers (tests/fuzz/run.sh)."""

import re
import subprocess

import figures as show

INPUTS = 1_000_000


def measure(figures, _data):
    done = subprocess.run(["tests/fuzz/run.sh", "--runs", str(INPUTS), "--jobs", str(show.CORES)], cwd=show.ROOT,
                          env=show.environment(1), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    show.say(done.stdout)
    found = re.findall(r"^(\w+): (\d+) inputs in \d+ s, nothing found$", done.stdout, re.MULTILINE)
    targets = sorted(path.stem for path in (show.ROOT / "tests/fuzz").glob("*.cpp"))
    clean = {target: int(inputs) for target, inputs in found}
    for target in targets:
        figures.at_least(f"{target}_inputs_without_a_find", clean.get(target, 0), "inputs", INPUTS)


show.main("D4", measure)
