"""Disks that are full. A limit on the size of a file stands for the disk on every machine; on machines where a test may
mount a tmpfs, a disk of a megabyte is really full."""
import os
import resource
import subprocess
import unittest

from program import NMNIST, SMALL, ProgramTest

MANY_FRAMES = ["data.frames.mode=time_window", "data.frames.window_us=2000", "data.frames.overlap=0.95"]
LARGE_MODEL = ["model.gates=40000", "train.batch_size=6", "train.epochs=1"]  # 24 MB a checkpoint


def limit_files(megabytes):
    """Above 4 MB: Open MPI's own shared memory must still fit."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (megabytes << 20, megabytes << 20))


class FileLimits(ProgramTest):
    def test_prepare_hits_a_file_size_limit(self):
        result = self.refused("prepare", *NMNIST, *MANY_FRAMES, ranks=2, limits=limit_files(12), code=1,
                              facts=["file size limit", "nmnist-", f"{12 << 20:,}"])
        self.assertNotIn("prepared:", result.err)
        frames = [path for path in self.prepared() if "-events-" not in path.name]
        self.assertEqual(frames, [])

    def test_save_hits_a_file_size_limit(self):
        self.done("prepare", *NMNIST)
        self.refused("train", *NMNIST, *LARGE_MODEL, ranks=2, limits=limit_files(12), code=1,
                     facts=["file size limit", "checkpoints/step-3_", f"{12 << 20:,}"])
        left = list((self.run_folder("nmnist_difflogic") / "checkpoints").glob("*"))
        self.assertEqual(left, [])
        self.done("train", *NMNIST, *LARGE_MODEL, "--resume", ranks=2)  # nothing stands in its way

    def test_metrics_on_a_full_disk(self):
        self.done("prepare", *NMNIST)
        run = self.run_folder("nmnist_difflogic")
        run.mkdir(parents=True)
        os.symlink("/dev/full", run / "metrics.jsonl")
        result = self.run_program("train", *NMNIST, *SMALL, ranks=2)
        self.assertNotIn(result.code, (0, 2), result)
        self.assertRegex(result.err, r"error: .*metrics.jsonl: No space left on device")


class FullDisk(ProgramTest):
    """Run in a mount namespace of its own (unshare --mount): what is mounted here ends with the test."""

    def small_disk(self, name, megabytes):
        disk = self.folder / name
        disk.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        return disk

    def test_prepare_on_a_full_disk(self):
        disk = self.small_disk("project", 4)
        self.refused("prepare", *NMNIST, *MANY_FRAMES, ranks=2, code=1, facts=["disk full", disk, "are free", "free some space"])
        self.assertEqual([path for path in self.prepared() if "-events-" not in path.name], [])

    def test_stage_to_a_full_disk(self):
        self.done("prepare", *NMNIST)
        disk = self.small_disk("scratch", 8)
        filler = disk / "filler"
        filler.write_bytes(b"\1" * ((8 << 20) - 65536))
        self.refused("train", *NMNIST, *SMALL, ranks=2, code=1, facts=["disk full", disk, "are free"])
        self.assertEqual(sorted((disk / "data").glob("*")), [])
        filler.unlink()
        self.done("train", *NMNIST, *SMALL, "train.epochs=1", ranks=2)

    def test_save_on_a_full_disk(self):
        self.done("prepare", *NMNIST)
        disk = self.small_disk("scratch", 8)
        self.refused("train", *NMNIST, *LARGE_MODEL, ranks=2, code=1, facts=["disk full", disk, "are free"])
        self.assertEqual(sorted((self.run_folder("nmnist_difflogic") / "checkpoints").glob("*")), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
