"""What a run leaves behind, and what evaluate and inspect make of it."""
import json
import unittest

from program import IMAGES, NMNIST, RECORDINGS, SMALL, ProgramTest

KEYS = ["accuracy_hard", "accuracy_soft", "accuracy_hard_recording", "f1_macro", "precision_macro", "recall_macro"]


class RunFolder(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *NMNIST, ranks=2)
        self.summary = self.done("train", *NMNIST, *SMALL, "train.epochs=3", "--json", ranks=2).json()
        self.run = self.run_folder("nmnist_difflogic")

    def test_run_folder_is_complete(self):
        for name in ("config.yaml", "metrics.jsonl", "log.txt", "summary.json"):
            self.assertGreater((self.run / name).stat().st_size, 0, name)
        self.assertEqual(len(list((self.run / "tensorboard").glob("events.out.tfevents.*"))), 1)
        self.assertEqual(json.loads((self.run / "summary.json").read_text()), self.summary)
        self.assertEqual((self.summary["steps"], self.summary["epochs"], self.summary["ranks"]), (9, 3, 2))
        self.assertEqual([(line["split"], line["epoch"], line["step"]) for line in self.metrics(self.run)],
                         [(split, epoch, 3 * epoch) for epoch in (1, 2, 3) for split in ("train", "val")])
        log = (self.run / "log.txt").read_text()
        for epoch in (1, 2, 3):
            self.assertIn(f"epoch {epoch}/3: loss", log)
        for marker in ("latest", "best"):
            manifest = self.manifest(self.run, marker)
            self.assertEqual(manifest["config"]["train"]["epochs"], 3)
            self.assertEqual(manifest["progress"]["ranks"], 2)
            self.assertIn("accuracy_hard", manifest["metrics"])
            self.assertIn("dltonic", manifest["versions"])
        self.assertEqual(self.manifest(self.run)["progress"]["step"], 9)

    def test_config_of_a_run_makes_it_again(self):
        again = self.folder / "again"
        self.done("train", self.run / "config.yaml", f"run.dir={again}", ranks=2)
        self.assertEqual(self.metrics(again), self.metrics(self.run))
        self.assertEqual(self.manifest(again)["state_checksum"], self.manifest(self.run)["state_checksum"])
        texts = [(run / "config.yaml").read_text().replace(str(run), "RUN") for run in (self.run, again)]
        self.assertEqual(*texts)

    def test_evaluate_counts_every_sample_once(self):
        for split, samples in (("test", 10), ("val", 10), ("train", 20)):
            found = {}
            for ranks in (1, 3):
                found[ranks] = self.done("evaluate", "--run", self.run, "--split", split, "--json", "train.device=cpu",
                                         ranks=ranks).json()
                found[ranks].pop("seconds")
                self.assertEqual(found[ranks]["samples"], samples)
                self.assertEqual(sum(map(sum, found[ranks]["confusion"])), samples)
                for key in KEYS:
                    self.assertTrue(0 <= found[ranks][key] <= 1, key)
            for key in ("loss", "loss_hard"):  # sums of doubles in another order
                self.assertAlmostEqual(found[1].pop(key), found[3].pop(key), places=10)
            self.assertEqual(found[1], found[3])
        table = self.done("evaluate", "--run", self.run)
        self.assertIn("10 frames of 10 recordings", table.out)

    def test_evaluate_knows_best_and_latest(self):
        names = [self.done("evaluate", "--run", self.run, "--checkpoint", which, "--json").json()["checkpoint"]
                 for which in ("best", "latest", self.checkpoint(self.run).name)]
        self.assertEqual(names, [self.checkpoint(self.run, "best").name] + 2 * [self.checkpoint(self.run).name])
        self.refused("evaluate", "--run", self.run, "--checkpoint", "step-7", facts=["step-7", names[1]])

    def test_best_is_that_of_the_metrics(self):
        values = [line["accuracy_hard"] for line in self.metrics(self.run) if line["split"] == "val"]
        self.assertEqual(self.summary["best"], max(values))
        last = max(i for i, value in enumerate(values) if value == max(values))  # among equals the later one
        self.assertEqual(self.summary["best_step"], 3 * (1 + last))
        self.assertEqual(self.manifest(self.run, "best")["progress"]["step"], self.summary["best_step"])

    def test_inspect_knows_every_kind_of_file(self):
        frames = [path for path in self.prepared() if "-events-" not in path.name][0]
        events = self.prepared("*-events-*.h5")[0]
        for path, facts in (
                (frames, {"kind": "frames", "samples": 40, "recordings": 40, "shape": [20, 34, 34]}),
                (events, {"kind": "events", "recordings": 40, "events": 11391, "sensor": [34, 34]}),
                (self.checkpoint(self.run), {"kind": "checkpoint", "good": True}),
                (RECORDINGS / "Train/3/00013.bin", {"overflow_rows": 1}),
                (IMAGES / "t10k-images-idx3-ubyte.gz", {"kind": "IDX images", "count": 10, "size": [28, 28]}),
                (IMAGES / "t10k-labels-idx1-ubyte.gz", {"kind": "IDX labels", "count": 10})):
            found = self.done("inspect", path, "--json").json()
            self.assertEqual({key: found.get(key) for key in facts}, facts)
            self.assertEqual(found["file"], str(path))
        self.refused("inspect", self.folder / "none.h5", ranks=2, facts=[self.folder / "none.h5"])
        self.refused("inspect", self.run / "log.txt", facts=["log.txt", ".txt", ".aedat"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
