"""dltonic inspect of one recording: its pictures, and its copy in the layout of DSEC as h5py reads it."""
import struct
import unittest

import h5py
import numpy as np
from atis import decode_atis
from program import NMNIST, RECORDINGS, ProgramTest


def size_of_png(path):
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", content[16:24])


class Inspect(ProgramTest):
    recording = RECORDINGS / "Train/3/00013.bin"

    def check_dsec(self, path):
        x, y, p, t = decode_atis(self.recording)
        with h5py.File(path) as file:
            for name, expected, dtype in (("x", x, "<u2"), ("y", y, "<u2"), ("p", p, "u1"), ("t", t, "<u4")):
                column = file["events"][name]
                self.assertEqual(column.dtype, np.dtype(dtype))
                np.testing.assert_array_equal(column[:], expected)
            self.assertEqual(file["t_offset"][()], 0)
            index = file["ms_to_idx"][:]
        self.assertEqual(len(index), t[-1] // 1000 + 1)
        np.testing.assert_array_equal(index, np.searchsorted(t, 1000 * np.arange(len(index))))

    def test_a_file_is_drawn_and_copied(self):
        found = self.done("inspect", self.recording, "--draw", self.folder / "pictures", "--slices", 6, "--dsec", self.folder / "one.h5", "--json").json()
        x, y, p, t = decode_atis(self.recording)
        self.assertEqual((found["format"], found["events"], found["x"], found["t_us"]), ("atis", len(t), [x.min(), x.max()], [t[0], t[-1]]))
        self.assertAlmostEqual(found["on_share"], p.mean())
        self.assertEqual(found["written"], [str(self.folder / "one.h5"), *(str(self.folder / "pictures" / f"00013{end}")
                                            for end in ("-slices.png", "-slices.gif", "-cloud.png"))])
        factor = 256 // max(x.max() + 1, y.max() + 1)
        width, height = size_of_png(self.folder / "pictures/00013-slices.png")
        self.assertEqual((width, height), (4 * (factor * (x.max() + 1) + 1) + 1, 2 * (factor * (y.max() + 1) + 1) + 1))
        self.assertTrue((self.folder / "pictures/00013-slices.gif").read_bytes().startswith(b"GIF89a"))
        self.check_dsec(self.folder / "one.h5")

    def test_a_recording_of_an_events_file(self):
        self.done("prepare", *NMNIST)
        (events,) = self.prepared("*-events-*.h5")
        with h5py.File(events) as file:
            number = [name.decode() for name in file["recordings/source"][:]].index("Train/3/00013.bin")
        found = self.done("inspect", events, "--recording", number, "--dsec", self.folder / "one.h5", "--json").json()
        self.assertEqual((found["recording"]["source"], found["recording"]["class"]), ("Train/3/00013.bin", "3"))
        self.check_dsec(self.folder / "one.h5")
        self.refused("inspect", events, "--recording", 40, "--dsec", self.folder / "two.h5", facts=["40 recordings", "number 40"])
        self.assertFalse((self.folder / "two.h5").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
