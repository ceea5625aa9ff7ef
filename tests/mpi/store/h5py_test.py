"""Every file that the project writes opens in h5py, with the names, types and values of the format.

h5py_test.py <store_probe> <mpiexec command...>: has the probe write its samples on 1 and on 3 ranks.
"""
import ctypes
import glob
import hashlib
import json
import subprocess
import sys
import tempfile

import h5py
import numpy as np

probe, mpiexec = sys.argv[1], sys.argv[2:]


def columns(group, expected):
    for name, dtype in expected.items():
        assert name in group, f"{group.name} has no {name}"
        if dtype is not None:
            assert group[name].dtype == np.dtype(dtype), f"{group.name}/{name} is {group[name].dtype}, not {dtype}"
    assert set(group) == set(expected), f"{group.name} holds {sorted(group)}"


RECORDINGS = {"label": "<u2", "t_offset": "<i8", "duration": "<u4", "width": "<u2", "height": "<u2", "split": "u1",
              "subject": "<u2", "source": None}


def check_events(path):
    with h5py.File(path, "r") as f:
        assert f.attrs["schema"] == "dltonic.events" and f.attrs["version"] == 1
        assert f.attrs["width"] == 34 and f.attrs["height"] == 34 and f.attrs["time_unit"] == "us"
        assert f.attrs["orientation"] == "x to the right, y down" and f.attrs["source_hash"] == "abc123"
        assert f.attrs["key"] == hashlib.sha256(f.attrs["settings"].encode()).hexdigest()
        assert json.loads(f.attrs["settings"])["format"] == "atis"
        columns(f["events"], {"x": "<u2", "y": "<u2", "t": "<u4", "p": "u1"})
        columns(f["recordings"], {"offset": "<u8", **RECORDINGS})
        for column in f["events"].values():
            assert column.chunks is None and column.id.get_offset() is not None
        assert [s.decode() for s in f["skipped"][:]] == ["Train/7/x.bin: cut"]
        assert [c.decode() for c in f["classes"][:]] == ["zero", "eins", "zwölf"]
        offset = f["recordings/offset"][:]
        assert len(offset) == 13 and offset[0] == 0 and offset[-1] == f["events/t"].shape[0]
        assert offset[4] == offset[3] and offset[11] == offset[10], "recordings 3 and 10 have no events"
        for i in range(12):
            t = f["events/t"][offset[i]:offset[i + 1]].astype(np.int64)
            assert (np.diff(t) >= 0).all() and f["recordings/duration"][i] == (t[-1] if len(t) else 0)
        assert f["events/x"][:].max() < 34 and set(f["events/p"][:]) == {0, 1}
        assert list(f["recordings/label"]) == [i % 3 for i in range(12)]
        assert f["recordings/t_offset"][5] == -1000000000000 + 5
        assert f["recordings/source"][2] == b"Train/2/aa2.bin"
        assert list(f["recordings/split"]) == [1 if i % 4 == 0 else 0 for i in range(12)]


def check_frames(path):
    with h5py.File(path, "r") as f:
        assert f.attrs["schema"] == "dltonic.frames" and f.attrs["version"] == 3 and f.attrs["depth"] == 1
        shape = [int(f.attrs[name]) for name in ("channels", "height", "width")]
        assert shape == [2, 5, 7]
        assert f.attrs["key"] == hashlib.sha256(f.attrs["settings"].encode()).hexdigest()
        frames = f["frames"]
        assert frames.shape == (30, 16) and frames.dtype == np.uint8
        assert frames.chunks is None and frames.compression is None and frames.id.get_offset() is not None
        bits = np.unpackbits(frames[:], axis=1, bitorder="little")[:, :70]
        expected = np.zeros((30, 70), np.uint8)
        expected[np.arange(30), np.arange(30)] = 1
        expected[:, 69] = 1
        assert (bits == expected).all()
        assert f["labels"].dtype == "<u2" and list(f["labels"]) == [i % 3 for i in range(30)]
        assert f["recording"].dtype == "<u4" and list(f["recording"]) == [i % 12 for i in range(30)]
        columns(f["recordings"], RECORDINGS)


def checksum(content, block=1 << 20):
    """As core/checksum.h says it, by the library that the header comes with."""

    class Hash128(ctypes.Structure):
        _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]

    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_128bits.restype = Hash128
    library.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]

    def digest(data):
        value = library.XXH3_128bits(data, len(data))
        return value.high.to_bytes(8, "big") + value.low.to_bytes(8, "big")

    return "xxh3:" + digest(b"".join(digest(content[i:i + block]) for i in range(0, len(content), block))).hex()


def check_checkpoint(folder):
    (path,) = glob.glob(folder + "/checkpoints/step-7_*Z")
    with open(path + "/manifest.json") as f:
        manifest = json.load(f)
    with open(path + "/state.h5", "rb") as f:
        content = f.read()
    assert manifest["state"] == {"file": "state.h5", "bytes": len(content), "checksum": checksum(content)}
    assert manifest["parts"]["config"]["train"]["epochs"] == 5 and manifest["step"] == 7
    with h5py.File(path + "/state.h5", "r") as f:
        for tensor in manifest["tensors"]:
            assert list(f[tensor["name"]].shape) == tensor["shape"]
        assert (f["layer0/logits"][:] == np.arange(1000000, dtype=np.float32).reshape(250000, 4) + 0.5).all()
        assert f["step"][()] == 7
    return content


contents = []
for ranks in ("1", "3"):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*mpiexec, "-n", ranks, probe, "samples", folder], check=True, timeout=60)
        check_events(folder + "/events.h5")
        check_frames(folder + "/frames.h5")
        state = check_checkpoint(folder)
        with open(folder + "/events.h5", "rb") as e, open(folder + "/frames.h5", "rb") as f:
            contents.append((e.read(), f.read(), state))
for name, one, three in zip(("events.h5", "frames.h5", "state.h5"), *contents):
    assert one == three, f"{name} of 1 rank and of 3 ranks differ in {sum(a != b for a, b in zip(one, three))} bytes"
print("h5py", h5py.__version__, "reads all; 1 and 3 ranks wrote the same bytes")
