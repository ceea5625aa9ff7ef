"""Disks that are full. A limit on the size of a file stands for the disk on every machine; on machines where a test may
mount a tmpfs, a disk of a megabyte is really full."""
import json
import os
import resource
import subprocess
import unittest

from fault_case import FaultTest
from program import NMNIST, SMALL

MANY_FRAMES = ["data.frames.mode=time_window", "data.frames.window_us=2000", "data.frames.overlap=0.95"]
LARGE_MODEL = ["model.gates=40000", "train.batch_size=6", "train.epochs=1"]  # 24 MB a checkpoint


def limit_files(megabytes):
    """Above 4 MB: Open MPI's own shared memory must still fit."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (megabytes << 20, megabytes << 20))


class FileLimits(FaultTest):
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
        self.goes_on_like([*NMNIST, *LARGE_MODEL], broken="nmnist_difflogic", ranks=2)  # nothing stands in its way

    def test_metrics_on_a_full_disk(self):
        self.done("prepare", *NMNIST)
        run = self.run_folder("nmnist_difflogic")
        run.mkdir(parents=True)
        os.symlink("/dev/full", run / "metrics.jsonl")
        result = self.run_program("train", *NMNIST, *SMALL, ranks=2)
        self.assertNotIn(result.code, (0, 2), result)
        self.assertRegex(result.err, r"error: .*metrics.jsonl: No space left on device")
        (run / "metrics.jsonl").unlink()
        self.goes_on_like([*NMNIST, *SMALL, "train.epochs=2"], broken="nmnist_difflogic", ranks=2)


    def test_error_while_the_mirror_copies(self):
        self.done("prepare", *NMNIST)
        run = self.run_folder("nmnist_difflogic")
        run.mkdir(parents=True)
        (run / "a_long_file").write_bytes(b"\1" * (32 << 20))
        os.symlink("/dev/full", run / "metrics.jsonl")
        job = self.start("train", *NMNIST, *SMALL, ranks=2, env={"DLTONIC_FAIL_AT": "during_sync:0:*:sleep=1"})
        result = job.wait(90)  # which looks for half files
        self.assertRegex(result.err, r"rank 0: error: .*metrics.jsonl: No space left on device")
        self.assertNotIn("a_long_file", [path.name for path in (self.folder / "project").rglob("*")])


class FullDisk(FaultTest):
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
        subprocess.run(["mount", "-o", "remount,size=256m", disk], check=True)
        self.goes_on_like([*NMNIST, *LARGE_MODEL], broken="nmnist_difflogic", ranks=2)

    def test_stage_evicts_what_is_unused_the_longest(self):
        self.done("prepare", *NMNIST)
        disk = self.small_disk("scratch", 8)
        (disk / "data").mkdir()
        for name in ("old-1.h5", "held-1.h5"):
            for place in (self.folder / "project", disk):
                (place / "data" / name).write_bytes(b"\1" * (4128768 if name == "old-1.h5" else 4096000))
        os.utime(disk / "data" / "held-1.h5", (1, 1))
        holder = {"host": os.uname().nodename, "space": "another container", "process": 1, "start": "1",
                  "since": "2026-11-22T22:06:57Z", "what": "reads held-1.h5"}
        (disk / "data" / "held-1.h5.other-1.lease").write_text(json.dumps(holder))
        result = self.done("train", *NMNIST, *SMALL, "train.epochs=1", "storage.mirror=false", ranks=2)
        self.assertRegex(result.err, r"scratch is full: removed \S+/data/old-1.h5 \(4.1 MB\)")
        left = sorted(path.name for path in (disk / "data").glob("*.h5"))
        self.assertEqual(left, ["held-1.h5", *[path.name for path in self.prepared("nmnist-[!e]*.h5")]])

    def train_beside(self):
        """Training goes on whatever project storage does; returns what it said."""
        result = self.start("train", *NMNIST, *LARGE_MODEL, "storage.mirror_wait_s=20", ranks=2).wait(clean=False)
        self.assertEqual(result.code, 0, result)
        self.assertIn("not yet safe on project storage: ", result.err)
        self.assertIn("dltonic sync push nmnist_difflogic", result.err)
        self.assertTrue((self.checkpoint(self.run_folder("nmnist_difflogic")) / "manifest.json").exists())
        return result.err

    def test_mirror_to_a_full_disk(self):
        self.done("prepare", *NMNIST)
        (self.folder / "project" / "runs").mkdir()
        disk = self.small_disk("project/runs", 4)
        said = self.train_beside()
        self.assertRegex(said, r"takes no copies of this run \(.*disk full: .*more bytes .* are free in ")
        self.assertEqual(list(disk.rglob("step-*/*.part")), [])
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        self.done("sync", "push", "nmnist_difflogic")
        self.done("checkpoints", "verify", disk / "nmnist_difflogic")

    def test_mirror_to_a_read_only_disk(self):
        self.done("prepare", *NMNIST)
        (self.folder / "project" / "runs").mkdir()
        disk = self.small_disk("project/runs", 64)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        self.assertIn("Read-only file system", self.train_beside())
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        result = self.done("train", *NMNIST, *LARGE_MODEL, "--resume", ranks=2)
        self.assertIn("nothing left to train", result.err)
        self.done("checkpoints", "verify", disk / "nmnist_difflogic")

    def test_background_save_on_a_disk_that_is_full_for_a_while(self):
        """Training goes on, says so once a save, and saves when there is room again."""
        self.done("prepare", *NMNIST)
        disk = self.small_disk("scratch", 80)
        filler = disk / "filler"
        filler.write_bytes(bytes(60 << 20))
        job = self.start("train", *NMNIST, *LARGE_MODEL, "train.epochs=30", "checkpoint.keep_last=1", "storage.mirror=false", ranks=2)
        job.wait_for("a checkpoint was not saved, training goes on")
        filler.unlink()
        result = job.wait()
        self.assertEqual(result.code, 0, result)
        self.assertRegex(result.err, f"warning: .*disk full: {disk}.*are free")
        self.assertEqual(self.manifest(self.run_folder("nmnist_difflogic"))["step"], 90)
        self.done("checkpoints", "verify", self.run_folder("nmnist_difflogic"))
        subprocess.run(["mount", "-o", "remount,size=256m", disk], check=True)
        self.done("train", *NMNIST, *LARGE_MODEL, "train.epochs=30", "run.name=whole", "storage.mirror=false", ranks=2)
        self.assertEqual(self.manifest(self.run_folder("nmnist_difflogic"))["state_checksum"],
                         self.manifest(self.run_folder("whole"))["state_checksum"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
