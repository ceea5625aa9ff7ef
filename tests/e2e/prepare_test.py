"""dltonic prepare: the same files whatever the number of ranks, found again, and readable by others."""
import shutil
import unittest

from program import IMAGES, NMNIST, RECORDINGS, SMALL, ProgramTest, copy_of_recordings, sha256

SIMULATED = ["experiment=mnist_events_difflogic", f"data.root={IMAGES}"]
STROKES = ["dataset=gesture_sim", "model=difflogic", "data.sensor_width=32", "data.sensor_height=32", "data.strokes.classes=4",
           "data.strokes.train=5", "data.strokes.test=2", "data.frames.values=counts"]
PIXELS = ["experiment=mnist_difflogic", f"data.root={IMAGES}"]


class Prepare(ProgramTest):
    def same_on_any_number_of_ranks(self, words, files):
        sums = {}
        for ranks in (1, 2, 3, 4):
            folder = self.folder / f"ranks{ranks}"
            folder.mkdir()
            self.done("prepare", *words, ranks=ranks, folder=folder)
            sums[ranks] = {path.name: sha256(path) for path in sorted((folder / "project" / "data").glob("*.h5"))}
            self.assertEqual(len(sums[ranks]), files, sums)
            self.assertEqual(sums[ranks], sums[1], f"{ranks} ranks write other bytes than one")

    def test_prepare_recordings_on_1_to_4_ranks(self):
        self.same_on_any_number_of_ranks(NMNIST, files=2)

    def test_prepare_simulated_on_1_to_4_ranks(self):
        self.same_on_any_number_of_ranks(SIMULATED, files=1)

    def test_prepare_images_on_1_to_4_ranks(self):
        self.same_on_any_number_of_ranks(PIXELS, files=1)

    def test_prepare_with_fitted_thresholds_on_1_to_4_ranks(self):
        self.same_on_any_number_of_ranks([*NMNIST, "data.frames.values=recency"], files=2)

    def test_prepare_strokes_on_1_to_4_ranks(self):
        self.same_on_any_number_of_ranks(STROKES, files=1)

    def test_a_network_trains_on_strokes_and_reads_all_of_them(self):
        self.done("prepare", *STROKES, ranks=2)
        self.done("train", *STROKES, *SMALL, "train.epochs=1", "run.name=strokes", ranks=2)
        found = self.done("evaluate", "--run", self.run_folder("strokes"), "--json", ranks=2).json()
        self.assertEqual(found["recordings"], 8)

    def test_prepare_finds_its_files_again(self):
        first = self.done("prepare", *NMNIST, "--json", ranks=2).json()
        self.assertEqual((first["cached"], first["recordings"], first["samples"], first["events"], first["skipped"]),
                         (False, 40, 40, 11391, []))
        stamps = {path: path.stat().st_mtime_ns for path in self.prepared()}
        result = self.done("prepare", *NMNIST, "--json", ranks=2)
        second = result.json()
        self.assertTrue(second["cached"])
        self.assertEqual(second["frames"], first["frames"])
        self.assertIn("already prepared", result.err)
        self.assertEqual(stamps, {path: path.stat().st_mtime_ns for path in self.prepared()})
        # Other frames of the same events: another frames file beside it, the events file is used again.
        third = self.done("prepare", *NMNIST, "data.frames.bins=4", "--json", ranks=2).json()
        self.assertNotEqual(third["frames"], first["frames"])
        self.assertFalse(third["cached"])
        self.assertEqual(len(self.prepared()), 3)
        for path, stamp in stamps.items():
            self.assertEqual(path.stat().st_mtime_ns, stamp)

    def test_archives_give_the_same_events(self):
        """As N-MNIST is downloaded: two zip archives side by side; and all of it in a tar, which is unpacked once."""
        (self.folder / "zips").mkdir()
        for part in ("Train", "Test"):
            shutil.make_archive(self.folder / "zips" / part, "zip", RECORDINGS, part)
        tar = shutil.make_archive(self.folder / "all", "gztar", RECORDINGS)
        reports = [self.done("prepare", "experiment=nmnist_difflogic", f"data.root={root}", "--json", ranks=2).json()
                   for root in (RECORDINGS, self.folder / "zips", tar)]
        self.assertEqual([report["recordings"] for report in reports], [40] * 3)
        self.assertEqual(len({report["frames"] for report in reports}), 1, "the same content has other names")
        self.assertEqual([report["cached"] for report in reports], [False, True, True])
        self.assertEqual(len(list((self.folder / "project/data/unpacked").glob("all.tar.gz-*"))), 1)

    def test_check(self):
        result = self.run_program("prepare", "--check", *NMNIST, "--json", ranks=2)
        self.assertEqual(result.code, 2, result)  # the fixture is a small part of N-MNIST
        report = result.json()
        self.assertEqual(report["recordings"], 40)
        self.assertIn("N-MNIST (compared with the original), train: class 0 has 3 good recordings, 5,923 are published", report["faults"][0])
        self.assertIn("garrickorchard.com", report["faults"][0])
        self.assertEqual(self.prepared(), [])
        folder = [*NMNIST, "data.layout=folder"]
        self.assertEqual(self.done("prepare", "--check", *folder, "--json").json()["faults"], [])
        root = copy_of_recordings(self.folder)
        (root / "Train/2/00012.bin").write_bytes(b"123")
        shutil.make_archive(self.folder / "Train", "zip", RECORDINGS, "Train")
        (self.folder / "Train.zip").rename(root / "Train.zip")
        result = self.run_program("prepare", "--check", "experiment=nmnist_difflogic", f"data.root={root}", "--json", ranks=3)
        faults = "\n".join(result.json()["faults"])
        self.assertRegex(faults, "Train.zip has md5 [0-9a-f]{32}, published is 20959b8e626244a1b502305a9e6e2031")
        self.assertIn("Train/2/00012.bin", faults)

    def test_list_and_prune(self):
        mine = self.done("prepare", *NMNIST, "--json").json()["frames"]
        other = self.done("prepare", *NMNIST, "data.frames.bins=4", "--json").json()["frames"]
        listed = self.done("prepare", "--list", *NMNIST, "--json").json()["prepared"]
        self.assertEqual({(entry["kind"], entry["wanted"]) for entry in listed}, {("events", True), ("frames", True), ("frames", False)})
        self.assertTrue(all(entry["name"] == "nmnist" and "sensor" in entry["settings"] for entry in listed))
        self.assertEqual(len(self.done("prepare", "--list", "--json").json()["prepared"]), 3)
        self.assertEqual(self.run_program("prepare", "--prune").code, 2)
        for words in (["--prune", *NMNIST], ["--prune", "--dry-run", "--yes", *NMNIST]):
            report = self.done("prepare", *words, "--json").json()
            self.assertTrue(report["dry_run"])
            self.assertEqual([entry["path"] for entry in report["removed"]], [other])
            self.assertEqual(len(self.prepared()), 3)
        self.assertEqual(self.done("prepare", "--prune", "--yes", "--older-than", "1", *NMNIST, "--json").json()["removed"], [])
        self.done("prepare", "--prune", "--yes", *NMNIST)
        self.assertEqual(len(self.prepared()), 2)
        self.assertTrue(self.done("prepare", *NMNIST, "--json").json()["cached"])
        self.assertTrue((self.folder / mine).exists())

    def test_several_frames_a_recording(self):
        for mode in (["data.frames.mode=event_count", "data.frames.events_per_frame=50"],
                     ["data.frames.mode=time_window", "data.frames.window_us=50000", "data.frames.overlap=0.5"]):
            words = [*NMNIST, *mode, f"run.name={mode[0][-11:]}"]
            report = self.done("prepare", *words, "--json", ranks=3).json()
            self.assertEqual(report["recordings"], 40)
            self.assertGreater(report["samples"], 100)
            self.done("train", *words, *SMALL, "train.epochs=2", ranks=3)
            found = self.done("evaluate", "--run", self.run_folder(mode[0][-11:]), "--json", ranks=3).json()
            self.assertEqual(found["recordings"], 10)
            self.assertGreater(found["samples"], 20)
            self.assertEqual(sum(map(sum, found["confusion"])), found["samples"])
            self.assertEqual(sum(map(sum, found["confusion_recording"])), 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
