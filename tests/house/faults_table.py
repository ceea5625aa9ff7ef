"""Each row of docs/faults.md names tests of its own, all known to CTest and with the label `fault`.

    faults_table.py SOURCE_FOLDER CTEST BUILD_FOLDER

A name is a test's, with or without `fault_`; with * it stands for several, a script for all of its tests, and a number behind it
says how many. What this machine lacks (GPUs, mounts) may leave tests out: then they stand in tests/fault/ at least.
"""
import fnmatch
import json
import pathlib
import re
import subprocess
import sys

CASE = re.compile(r"^    def test_([a-z0-9_]+)\(", re.MULTILINE)
NAME = re.compile(r"`([a-z0-9_*.]+)`(?: \((\d+)\))?")


def labels_by_test(ctest, build):
    answer = subprocess.run([ctest, "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True, text=True)
    found = {}
    for test in json.loads(answer.stdout)["tests"]:
        labels = next((p["value"] for p in test.get("properties", []) if p["name"] == "LABELS"), [])
        found[test["name"]] = set(labels)
    return found


def rows(text):
    """(fault, tests) of each line of the table."""
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [(cells[0].strip(), cells[-1].strip()) for cells in (line.strip("|").split("|") for line in lines)]


def faults_of(source, labels):
    said, complaints = set(), []
    scripts = {path.name: CASE.findall(path.read_text()) for path in (source / "tests" / "fault").glob("*_faults.py")}
    left_out = {f"fault_{case}" for cases in scripts.values() for case in cases} - set(labels)
    table = rows((source / "docs" / "faults.md").read_text())
    for fault, tests in table:
        names = NAME.findall(tests)
        if not names:
            complaints.append(f"{fault}: names no test")
        for name, count in names:
            if name in scripts:
                meant = {f"fault_{case}" for case in scripts[name]}
            else:
                meant = {test for test in {*labels, *left_out}
                         if fnmatch.fnmatchcase(test, name) or fnmatch.fnmatchcase(test, f"fault_{name}")}
            if not meant:
                complaints.append(f"{fault}: there is no test {name}")
            if count and int(count) != len(meant):
                complaints.append(f"{fault}: {name} stands for {len(meant)} tests, not {count}")
            if not count and len(meant) > 1 and name not in scripts:
                complaints.append(f"{fault}: {name} stands for {len(meant)} tests; say how many")
            complaints += [f"{fault}: {test} has no label fault" for test in meant - left_out if "fault" not in labels[test]]
            said |= meant
    missing = {test for test, own in labels.items() if "fault" in own} - said
    complaints += [f"{test} has the label fault, but no row names it" for test in sorted(missing)]
    return len(table), len(said), complaints


if __name__ == "__main__":
    count, tests, wrong = faults_of(pathlib.Path(sys.argv[1]), labels_by_test(sys.argv[2], sys.argv[3]))
    print(f"{count} rows, {tests} tests")
    for complaint in wrong:
        print(complaint)
    sys.exit(bool(wrong) or count < 24)
