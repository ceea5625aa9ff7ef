"""The ATIS 5-byte format by its definition, apart from the program's decoder."""
import pathlib

import numpy as np


def decode_atis(path):
    """x, y, p, t of a file's events."""
    events, carried = [], 0
    for row in np.frombuffer(pathlib.Path(path).read_bytes(), np.uint8).reshape(-1, 5).astype(int):
        if row[1] == 240:
            carried += 1 << 13
        else:
            events.append((row[0], row[1], row[2] >> 7, carried + ((row[2] & 127) << 16 | row[3] << 8 | row[4])))
    return np.array(events, int).reshape(-1, 4).T
