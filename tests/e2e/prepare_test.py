"""dltonic prepare: the same files whatever the number of ranks, found again, and readable by others."""
import unittest

from program import IMAGES, NMNIST, RECORDINGS, SMALL, ProgramTest, sha256

SIMULATED = ["experiment=mnist_events_difflogic", f"data.root={IMAGES}"]
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
