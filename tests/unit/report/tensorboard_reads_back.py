"""TensorBoard's own reader finds each scalar that the sink wrote: name, step, value, time."""

import pathlib
import subprocess
import sys
import tempfile
import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

with tempfile.TemporaryDirectory() as folder:
    before = time.time()
    subprocess.run([sys.argv[1], folder], check=True)
    after = time.time()
    (path,) = pathlib.Path(folder).iterdir()
    events = EventAccumulator(str(path), size_guidance={"scalars": 0})
    events.Reload()

    assert events.file_version == 2.0, events.file_version
    assert set(events.Tags()["scalars"]) == {"loss/train", "accuracy/train", "f1_macro/val"}, events.Tags()

    loss = events.Scalars("loss/train")
    assert [e.step for e in loss] == [540 * epoch for epoch in range(1, 301)] + [1 << 40]
    for epoch, event in enumerate(loss[:-1], 1):
        assert abs(event.value - 1.0 / epoch) < 1e-6, event
    assert loss[-1].value == 0.0  # a zero is a value, not an absent field
    assert all(before - 1 <= e.wall_time <= after + 1 for e in loss)

    assert [(e.step, e.value) for e in events.Scalars("f1_macro/val")] == [(5400 * i, 0.5) for i in range(1, 31)]
    print(f"{len(loss)} points of loss/train read back")
