"""A4: the golden facts, made with the peers' own tools: the tests that hold them, and the largest differences they saw."""

import json
import subprocess

import figures as show

BOUNDS = {"Golden/0": ("float32", 1e-5, 1e-5), "Golden/1": ("float64", 1e-10, 1e-8)}
VALUES = ("outputs", "loss", "adam_losses", "adam_logits")
GRADIENTS = ("logit_gradients", "input_gradients")


def run_tests(name, pattern):
    """The results of the tests by suite: [{name, failures, ...properties}]."""
    program = next(show.BUILD.glob(f"tests/unit/*/{name}"))
    out = show.BUILD / f"show_{name}.json"
    out.unlink(missing_ok=True)
    ended = subprocess.run([program, f"--gtest_filter={pattern}", f"--gtest_output=json:{out}", "--gtest_brief=1"],
                           stdout=show.sys.stderr, env=show.environment(show.CORES), check=False).returncode
    if not out.exists():
        raise show.NotMeasured(f"{name} ended with {ended} and left no report")
    suites = {s["name"]: s["testsuite"] for s in json.loads(out.read_text())["testsuites"]}
    if not suites:
        raise show.NotMeasured(f"{name} holds no tests on golden facts: {show.BUILD} was configured without DLTONIC_TEST_DATA")
    return suites


def failures(tests):
    return sum(len(test.get("failures", [])) for test in tests)


def measure(figures, _):
    show.build("test_logic", "test_events")
    logic = run_tests("test_logic", "Golden*")
    for suite, (dtype, value_bound, gradient_bound) in BOUNDS.items():
        tests = logic[suite]
        for names, unit, bound in ((VALUES, "absolute", value_bound), (GRADIENTS, "of_the_largest", gradient_bound)):
            for name in names:
                seen = [float(test[name]) for test in tests if name in test]
                if not seen:
                    raise show.NotMeasured(f"no test of {suite} says its largest difference of {name}")
                figures.at_most(f"{dtype}_{name}", max(seen), unit, bound)
        figures.exactly(f"{dtype}_tests", failures(tests), "failures", 0)
    events = run_tests("test_events", "Golden*")
    figures.exactly("golden_csv", failures(events["GoldenRecordings"]), "failures", 0)
    figures.exactly("tonic_frames", failures(events["GoldenTonic"]), "failures", 0)


show.main("A4", measure)
