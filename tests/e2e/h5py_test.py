"""Every file that the program writes opens in h5py, with the names and types that docs/architecture.md promises, and holds
what the fixtures' own facts say."""
import json
import unittest

import h5py
import numpy

from program import FIXTURES, NMNIST, SMALL, ProgramTest

FACTS = json.loads((FIXTURES / "events_facts.json").read_text())["recordings"]
EVENTS = {"/events/x": "uint16", "/events/y": "uint16", "/events/t": "uint32", "/events/p": "uint8",
          "/recordings/offset": "uint64", "/recordings/label": "uint16", "/recordings/t_offset": "int64",
          "/recordings/duration": "uint32", "/recordings/width": "uint16", "/recordings/height": "uint16",
          "/recordings/split": "uint8", "/recordings/subject": "uint16"}


class OpensInH5py(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *NMNIST, ranks=3)
        self.facts = {fact["file"]: fact for fact in FACTS}

    def test_h5py_reads_events(self):
        with h5py.File(self.prepared("*-events-*.h5")[0]) as file:
            self.assertEqual({name: str(file[name].dtype) for name in EVENTS}, EVENTS)
            for name in ("schema", "version", "width", "height", "time_unit", "orientation", "source_hash"):
                self.assertIn(name, file.attrs)
            self.assertEqual(file.attrs["time_unit"], "us")
            offset = file["/recordings/offset"][:]
            sources = [source.decode().rstrip("\0") for source in file["/recordings/source"][:]]
            self.assertEqual(sorted(sources), sorted(self.facts))
            self.assertEqual(len(file["/classes"]), 10)
            for i, source in enumerate(sources):
                fact, part = self.facts[source], slice(int(offset[i]), int(offset[i + 1]))
                found = {f"sum_{c}": int(file[f"/events/{c}"][part].sum(dtype=numpy.uint64)) for c in "txyp"}
                self.assertEqual({"events": part.stop - part.start, "label": int(file["/recordings/label"][i]), **found},
                                 {key: fact[key] for key in ("events", "label", *found)}, source)
                self.assertEqual(file["/recordings/split"][i], 0 if source.startswith("Train") else 1)

    def test_h5py_reads_frames(self):
        import hashlib
        frames = [path for path in self.prepared() if "-events-" not in path.name][0]
        with h5py.File(frames) as file:
            self.assertEqual(str(file["/frames"].dtype), "uint8")
            self.assertIsNone(file["/frames"].chunks, "contiguous")
            sources = [source.decode().rstrip("\0") for source in file["/recordings/source"][:]]
            for row, (recording, label) in enumerate(zip(file["/recording"][:], file["/labels"][:])):
                fact = self.facts[sources[recording]]
                self.assertEqual(label, fact["label"])
                self.assertEqual(hashlib.sha256(file["/frames"][row].tobytes()).hexdigest(), fact["time_bins_10"]["sha256"])

    def test_h5py_reads_half_floats(self):
        """What data.frames.dtype=float16 says of each pixel, against the events of the events file."""
        bins, tau = 10, 50000
        with h5py.File(self.prepared("*-events-*.h5")[0]) as file:
            offset, *columns = (file[f"/{name}"][:] for name in ("recordings/offset", "events/x", "events/y", "events/t", "events/p"))

        for values in ("counts", "recency", "time_surface", "voxel"):
            before = set(self.prepared())
            self.done("prepare", *NMNIST, "data.frames.dtype=float16", f"data.frames.values={values}", ranks=2)
            (path,) = set(self.prepared()) - before
            with h5py.File(path) as file:
                self.assertEqual((file.attrs["depth"], file.attrs["channels"]), (16, bins if values == "voxel" else 2 * bins))
                rows, order = file["/frames"][:], file["/recording"][:]
            for row, recording in zip(rows, order):
                x, y, t, p = (column[int(offset[recording]):int(offset[recording + 1])].astype(numpy.int64) for column in columns)
                span = max(1, int(t[-1] - t[0]))
                bin_of = numpy.minimum(bins - 1, bins * (t - t[0]) // span)
                wanted = numpy.zeros((bins, 2, 34, 34))
                for k in range(bins):
                    last = t[0] + ((k + 1) * span + bins - 1) // bins - 1 if k < bins - 1 else t[-1]
                    here = bin_of == k
                    if values == "counts":
                        numpy.add.at(wanted[k], (p[here], y[here], x[here]), 1)
                    elif values == "voxel":  # OFF events count against
                        weight = numpy.maximum(0, 1 - numpy.abs((bins - 1) * (t - t[0]) / span - k)) * (2 * p - 1)
                        numpy.add.at(wanted[k], (1, y, x), weight)
                    else:
                        some = here if values == "recency" else bin_of <= k
                        newest = numpy.full((2, 34, 34), -1)
                        numpy.maximum.at(newest, (p[some], y[some], x[some]), t[some])
                        age = last - newest
                        length = last - t[here].min(initial=last) + 1
                        number = 1 - age / length if values == "recency" else numpy.exp(-age / tau)
                        wanted[k] = numpy.where(newest >= 0, number, 0)
                found = row.view("<f2")[:(bins if values == "voxel" else 2 * bins) * 34 * 34].astype(float)
                wanted = wanted[:, 1] if values == "voxel" else wanted
                # a half has eleven bits; shares of an event are rounded down to 1/1024
                numpy.testing.assert_allclose(found, wanted.ravel(), rtol=2**-11, atol=0.01 if values == "voxel" else 1e-7,
                                              err_msg=values)

    def test_h5py_reads_checkpoints(self):
        self.done("train", *NMNIST, *SMALL, "train.epochs=1", ranks=3)
        run = self.run_folder("nmnist_difflogic")
        with h5py.File(self.checkpoint(run) / "state.h5") as file:
            found = {}
            file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
            self.assertEqual(int(found["train/step"][0]), 3)
            layers = [item for item in found.values() if item.shape == (400, 16)]
            self.assertGreaterEqual(len(layers), 3)
            for item in found.values():
                self.assertTrue(numpy.isfinite(item[...]).all(), item.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
