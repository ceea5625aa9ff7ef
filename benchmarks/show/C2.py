"""C2: stopped and gone on three times within one epoch, on 3, 2, 4 and at last 1 rank: the bits of an unbroken run."""

import figures as show


def measure(figures, _data):
    show.tests(figures, "three_stops_lose_nothing", "-R", "^e2e_three_stops_on_three_numbers_of_ranks_lose_nothing$")


show.main("C2", measure)
