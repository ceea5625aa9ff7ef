"""Baselines that read half floats in place of bits (data.frames.dtype), and what cannot."""
import json
import unittest

from program import NMNIST, ProgramTest

MLP = [*NMNIST, "model=mlp", "model.hidden=[16]", "train.batch_size=6", "train.epochs=2", "train.device=cpu", "data.frames.bins=2",
       "data.augmentation.shift=2", "train.learning_rate=0.01"]
COUNTS = ["data.frames.dtype=float16", "data.frames.values=counts"]


class Numbers(ProgramTest):
    def train(self, name, *words, **options):
        result = self.done("train", *MLP, *COUNTS, f"run.name={name}", *words, **options)
        return result, self.metrics(self.run_folder(name)), self.manifest(self.run_folder(name))["state_checksum"]

    def test_baselines_train_go_on_and_are_evaluated_on_half_floats(self):
        self.done("prepare", *MLP, *COUNTS, ranks=2)
        result, *whole = self.train("whole", "distributed.reduction=canonical")
        self.assertIn("frames of 4 x 34 x 34 half floats from 40 recordings", result.err)
        self.assertIn("mlp: 4 x 34 x 34 numbers -> 10 classes", result.err)
        self.train("parts", "distributed.reduction=canonical", "train.epochs=1", ranks=2)
        self.assertEqual(self.train("parts", "distributed.reduction=canonical", "--resume", ranks=2)[2], whole[1])
        found = self.done("evaluate", "--run", self.run_folder("whole"), "--split", "test", "--json").json()
        self.assertEqual(found["samples"], 10)
        self.done("prepare", *MLP)
        self.done("train", *MLP, "run.name=bits", "distributed.reduction=canonical")
        self.assertNotEqual(self.metrics(self.run_folder("bits")), whole[0])
        inspected = [self.done("inspect", path, "--json").json() for path in self.prepared() if "-events-" not in path.name]
        shares = {one["dtype"]: one.get("bits_set", one.get("not_zero")) for one in inspected}
        self.assertEqual(shares["bits"], shares["float16"])

    def test_learning_from_counts_and_a_cnn_on_a_time_surface(self):
        words = ["train.epochs=40", "data.augmentation.shift=0", "data.val_split=0"]
        self.done("prepare", *MLP, *COUNTS, *words)
        _, metrics, _ = self.train("fits", *words)
        losses = [line["loss"] for line in metrics if line["split"] == "train"]
        self.assertLess(losses[-1], 0.2 * losses[0])
        surface = [*MLP, "model=cnn", "data.frames.dtype=float16", "data.frames.values=time_surface", "run.name=surface"]
        self.done("prepare", *surface)
        self.done("train", *surface, ranks=2)

    def test_events_are_augmented_before_they_are_counted(self):
        words = ["data.augmentation.events.event_drop=0.5", "distributed.reduction=canonical"]
        self.done("prepare", *MLP, *COUNTS)
        result, *wanted = self.train("one", *words)
        self.assertIn("training frames are cut from events in each epoch", result.err)
        self.assertEqual(list(self.train("two", *words, ranks=2)[1:]), wanted)

    def test_statistics_count_values_that_are_not_zero(self):
        shares = []
        for words in ([], COUNTS):
            out = self.folder / f"stats{len(shares)}"
            self.done("stats", *NMNIST, *words, "--out", out)
            found = json.loads((out / "stats.json").read_text())
            shares.append([(split["bits_share"], split["channel_bits_share"]) for split in found["splits"]])
        self.assertEqual(*shares)

    def test_what_half_floats_do_not_go_with_is_said(self):
        self.refused("prepare", *MLP, "data.frames.dtype=float16", facts=["data.frames.dtype", "values bits are bits"])
        self.refused("prepare", *MLP, *COUNTS, "data.frames.thresholds=[1,2]", facts=["data.frames.thresholds", "float16"])
        self.refused("train", *MLP, *COUNTS, "data.augmentation.flip_x=true", facts=["flip_x", "float16"])
        self.refused("train", *MLP, *COUNTS, "data.augmentation.salt_pepper=0.1", facts=["salt_pepper", "float16"])
        self.refused("train", *MLP, *COUNTS, "model=difflogic", "run.name=gates",
                     facts=["model difflogic: reads bits", "data.frames.dtype is float16", "model.kind=mlp or cnn"])
        self.assertFalse(self.run_folder("gates").exists(), "known before anything is made")
        for words in ([], COUNTS):
            self.done("prepare", *MLP, *words)
        self.done("train", *MLP, "train.epochs=1", "run.name=on_bits")
        self.refused("evaluate", "--run", self.run_folder("on_bits"), *COUNTS, facts=["input.depth: 1 in the checkpoint, 16 here"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
