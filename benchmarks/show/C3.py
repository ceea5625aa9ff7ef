"""C3: every fault of docs/faults.md is a test; all pass."""

import figures as show


def measure(figures, _data):
    show.tests(figures, "faults", "-L", "^fault$")


show.main("C3", measure)
