"""Wrong recordings and damaged prepared files: exit code 2, one line that names the file, both numbers and the way out."""
import os
import shutil
import unittest

from program import FIXTURES, NMNIST, RECORDINGS, SMALL, ProgramTest, copy_of_recordings, sha256

PREPARE = ["prepare", "experiment=nmnist_difflogic"]
TRAIN = ["train", *NMNIST, *SMALL, "train.epochs=1"]


class DamagedRecordings(ProgramTest):
    def setUp(self):
        super().setUp()
        self.root = copy_of_recordings(self.folder)

    def prepare_refused(self, *facts, ranks=2, root=None):
        self.refused(*PREPARE, f"data.root={root or self.root}", ranks=ranks, facts=facts)
        self.assertEqual(self.prepared(), [], "a file was made of damaged recordings")

    def cut(self, name, bytes_off=2):
        path = self.root / name
        os.truncate(path, path.stat().st_size - bytes_off)
        return path.stat().st_size

    def test_cut_recording(self):
        size = self.cut("Train/9/00029.bin")
        self.prepare_refused("Train/9/00029.bin", size)

    def test_several_damaged_recordings_are_counted(self):
        size = self.cut("Train/2/00012.bin")
        self.cut("Test/7/00007.bin")
        self.cut("Train/9/00029.bin")
        self.prepare_refused("Train/2/00012.bin", size, "2 more files are damaged", "data.on_error=skip", ranks=3)

    def test_cut_recording_one_rank(self):
        size = self.cut("Test/0/00000.bin")
        self.prepare_refused("Test/0/00000.bin", size, ranks=None)

    def test_event_outside_the_sensor(self):
        path = self.root / "Train/4/00014.bin"
        rows = bytearray(path.read_bytes())
        rows[5 * 7] = 200  # x of event 7
        path.write_bytes(rows)
        self.prepare_refused("Train/4/00014.bin", "200", "34")

    def test_empty_label_folder(self):
        for file in (self.root / "Train" / "3").iterdir():
            file.unlink()
        self.prepare_refused(self.root, "Test/3 holds recordings", "Train/3 holds none")

    def test_empty_root(self):
        empty = self.folder / "empty"
        empty.mkdir()
        self.prepare_refused(empty, "<root>/{Train,Test}/<label>/*.bin", root=empty)

    def test_no_such_root(self):
        self.prepare_refused("data.root", self.folder / "nowhere", root=self.folder / "nowhere")

    def test_label_folder_missing_in_one_part(self):
        shutil.rmtree(self.root / "Test" / "5")
        self.prepare_refused("Train/5", "Test/5")

    def one_rank_sees_less(self, parts):
        """Rank 1 works in a folder of its own, as on a host where a mount is missing something."""
        for rank in (0, 1):
            (self.folder / f"rank{rank}").mkdir()
        (self.folder / "rank0" / "data").symlink_to(self.root)
        shutil.copytree(self.root, self.folder / "rank1" / "data")
        for part in parts:
            shutil.rmtree(self.folder / "rank1" / "data" / part / "3")
        wrapper = ["sh", "-c", f'cd "{self.folder}/rank$OMPI_COMM_WORLD_RANK" && exec "$@"', "sh"]
        return self.run_program(*PREPARE, "data.root=data", "data.layout=folder", ranks=2, wrapper=wrapper)

    def test_label_folder_missing_on_one_rank(self):
        result = self.one_rank_sees_less(["Train", "Test"])
        self.assert_refused(result, "rank 1 of 2", "data", "36", "40", "all ranks must see the same files")
        self.assertEqual(self.prepared(), [])

    def test_label_folder_missing_on_one_rank_in_one_part(self):
        result = self.one_rank_sees_less(["Train"])
        self.assert_refused(result, "rank 1 of 2", "Test/3", "Train/3")
        self.assertEqual(self.prepared(), [])

    def test_skip_counts_and_lists(self):
        self.cut("Train/2/00012.bin")
        self.cut("Test/7/00007.bin")
        result = self.done(*PREPARE, f"data.root={self.root}", "data.on_error=skip", "--json", ranks=2)
        report = result.json()
        self.assertEqual(report["recordings"], 38, result)
        self.assertEqual(len(report["skipped"]), 2, result)
        self.assertIn("Train/2/00012.bin", report["skipped"][0] + report["skipped"][1])
        for name in ("Train/2/00012.bin", "Test/7/00007.bin"):
            self.assertRegex(result.err, f"skipped: .*{name}")
        self.assertRegex(result.err, r"skipped 2 of 40 recordings")

    def test_a_class_is_missing(self):
        for part in ("Train", "Test"):
            shutil.rmtree(self.root / part / "3")
        self.prepare_refused(self.root, "no recordings of class 3", "10 classes")

    def test_time_that_runs_backwards(self):
        path = self.root / "Train/4/00014.bin"
        rows = path.read_bytes()
        path.write_bytes(rows[-5:] + rows[5:])
        self.prepare_refused("Train/4/00014.bin", "backwards", "data.unsorted=sort")
        result = self.done(*PREPARE, f"data.root={self.root}", "data.unsorted=sort", ranks=2)
        self.assertIn("in 1 recordings time ran backwards", result.err)

    def test_cut_archive(self):
        archive = self.folder / "Train.zip"
        shutil.make_archive(archive.with_suffix(""), "zip", self.root)
        os.truncate(archive, archive.stat().st_size // 2)
        self.prepare_refused(archive, "cut or no zip archive", "download it again", root=archive)

    def test_images_cut(self):
        images = self.folder / "images"
        shutil.copytree(FIXTURES / "events_idx", images)
        path = images / "train-images-idx3-ubyte.gz"
        os.truncate(path, path.stat().st_size // 2)
        self.refused("prepare", "experiment=mnist_events_difflogic", f"data.root={images}", facts=[path], ranks=2)
        self.assertEqual(self.prepared(), [])


class KilledPrepare(ProgramTest):
    """A job that dies while it decodes leaves what the next one goes on from; the result is the same."""

    def test_the_next_job_goes_on(self):
        self.done(*PREPARE, f"data.root={RECORDINGS}")
        whole = {path.name: sha256(path) for path in self.prepared()}
        shutil.rmtree(self.folder / "project")
        killed = self.start(*PREPARE, f"data.root={RECORDINGS}", ranks=2, env={"DLTONIC_FAIL_AT": "decode:1:5:kill"})
        killed.wait(clean=False)
        self.assertEqual(self.prepared(), [], "a half file has a final name")
        self.assertEqual(len(list((self.folder / "project" / "data").glob("*.part"))), 1)
        result = self.done(*PREPARE, f"data.root={RECORDINGS}", ranks=3)
        self.assertRegex(result.err, r"going on with what a job that ended left of .*: [1-9]\d* of 40 recordings")
        self.assertEqual({path.name: sha256(path) for path in self.prepared()}, whole)
        self.assertEqual(list((self.folder / "project" / "data").glob("*.part")), [])


class DamagedPreparedFiles(ProgramTest):
    """What train says of them; prepare must be able to make them anew, as that line advises."""

    def setUp(self):
        super().setUp()
        self.frames = self.prepare()

    def prepare(self, *words):
        return self.folder / self.done("prepare", *NMNIST, *words, "--json").json()["frames"]

    def refused_until_prepared_again(self, *facts):
        self.refused(*TRAIN, ranks=2, facts=[self.frames.name, "prepare again", *facts])
        self.done("prepare", *NMNIST, ranks=2)
        self.done(*TRAIN, ranks=2)

    def test_not_prepared(self):
        self.frames.unlink()
        self.refused(*TRAIN, ranks=2, facts=[self.frames.name, "dltonic prepare " + NMNIST[0]])
        shutil.rmtree(self.folder / "project")
        self.refused(*TRAIN, ranks=2, facts=["never prepared", RECORDINGS, "dltonic prepare"])

    def test_truncated_frames_file(self):
        size = self.frames.stat().st_size
        os.truncate(self.frames, size // 2)
        self.refused_until_prepared_again(size // 2)

    def test_frames_file_cut_by_a_byte(self):
        os.truncate(self.frames, self.frames.stat().st_size - 1)
        self.refused_until_prepared_again(self.frames.stat().st_size)

    def test_empty_frames_file(self):
        os.truncate(self.frames, 0)
        self.refused_until_prepared_again()

    def test_frames_file_of_another_schema(self):
        content = self.frames.read_bytes()
        self.assertEqual(content.count(b"dltonic.frames"), 1)
        self.frames.write_bytes(content.replace(b"dltonic.frames", b"dltonic.frumes"))
        self.refused_until_prepared_again("dltonic.frumes", "dltonic.frames")

    def test_cache_of_other_settings(self):
        other = self.prepare("data.frames.bins=5")
        self.assertNotEqual(other, self.frames)
        other.replace(self.frames)
        self.refused_until_prepared_again("made by other settings", "bins", "5", "10")

    def test_truncated_events_file(self):
        events = self.prepared("*-events-*.h5")[0]
        os.truncate(events, events.stat().st_size // 2)
        self.frames.unlink()
        self.done("prepare", *NMNIST, ranks=2)
        self.done(*TRAIN)


if __name__ == "__main__":
    unittest.main(verbosity=2)
