"""C5: submit, two nodes, USR1 before the limit, requeue, resume, finish, and a sweep, on a real Slurm."""

import figures as show


def measure(figures, _data):
    show.tests(figures, "slurm", "-L", "^slurm$")


show.main("C5", measure)
