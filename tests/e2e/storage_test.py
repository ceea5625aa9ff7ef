"""Runs between the two storages: mirrored while they train, gone on with from either, copied by hand with dltonic sync."""
import json
import os
import pathlib
import shutil
import signal
import time
import unittest

from program import NMNIST, SMALL, ProgramTest, sha256

PRIVATE = {"run.lock", "journal.jsonl", ".dltonic-copies.jsonl"}
NAME = "nmnist_difflogic"


def tree(folder):
    """{path: sha256} of all that a copy has to have."""
    folder = pathlib.Path(folder)
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file() and path.name not in PRIVATE}


class StorageTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *NMNIST)
        self.scratch, self.project = self.run_folder(NAME), self.folder / "project" / "runs" / NAME

    def train(self, *more, **options):
        return self.done("train", *NMNIST, *SMALL, *more, **options)

    def cut_newest(self, run):
        """Truncates the state of the newest checkpoint; returns its name."""
        newest = self.checkpoint(run)
        os.truncate(newest / "state.h5", 1000)
        return newest.name


class Mirrored(StorageTest):
    def test_run_is_mirrored(self):
        self.train("train.epochs=3", ranks=2)
        self.assertEqual(tree(self.project), tree(self.scratch))
        self.assertGreater(len(tree(self.scratch)), 8)
        for run in (self.scratch, self.project):
            self.assertFalse((run / "run.lock").exists())
        self.assertEqual(self.manifest(self.project)["progress"]["step"], 9)
        places = {}
        for line in (self.scratch / "checkpoints" / "journal.jsonl").read_text().split("\n"):
            if line:
                line = json.loads(line)
                places.setdefault(line["checkpoint"], set()).add(line["place"])
        self.assertIn("project", places[self.checkpoint(self.scratch).name])

    def test_no_mirror_where_none_is_wished_or_both_are_one(self):
        self.train("train.epochs=1", "storage.mirror=false")
        self.assertFalse(self.project.exists())
        one = self.folder / "one"
        both = {"SCRATCH_STORAGE_DIR": one, "PROJECT_STORAGE_DIR": one}
        self.done("prepare", *NMNIST, env=both)
        self.done("train", *NMNIST, *SMALL, "train.epochs=1", env=both)
        self.assertEqual(sorted(path.name for path in (one / "runs").iterdir()), [NAME])

    def test_wiped_scratch_goes_on_from_project_storage(self):
        self.train("train.epochs=2", ranks=2)
        shutil.rmtree(self.folder / "scratch")
        self.refused("train", *NMNIST, *SMALL, "train.epochs=3", ranks=2, facts=[self.project, "--resume"])
        result = self.train("train.epochs=3", "--resume", ranks=2)
        self.assertRegex(result.err, r"fetched step-6_\S+ from project storage")
        self.assertIn("at step 6", result.err)
        self.train("train.epochs=3", "run.name=unbroken", ranks=2)
        unbroken = self.run_folder("unbroken")
        self.assertEqual(self.metrics(self.scratch), self.metrics(unbroken))
        self.assertEqual(self.manifest(self.scratch)["state_checksum"], self.manifest(unbroken)["state_checksum"])
        self.assertEqual(tree(self.project), tree(self.scratch) | {
            name: content for name, content in tree(self.project).items() if name.startswith("checkpoints/step-3_")})

    def test_broken_newest_on_scratch_is_replaced_by_its_copy(self):
        self.train("train.epochs=2", ranks=2)
        broken = self.cut_newest(self.scratch)
        result = self.train("train.epochs=3", "--resume", ranks=2)
        self.assertRegex(result.err, rf"passed over a checkpoint: {self.scratch}/checkpoints/{broken}: state.h5 has 1000 bytes.*is good")
        self.assertIn("at step 6", result.err)
        self.assertEqual(self.manifest(self.scratch)["progress"]["step"], 9)

    def test_broken_in_both_places_the_one_before_is_taken(self):
        self.train("train.epochs=2", ranks=2)
        broken = self.cut_newest(self.scratch)
        self.cut_newest(self.project)
        result = self.train("train.epochs=3", "--resume", ranks=2)
        for run in (self.scratch, self.project):
            self.assertIn(f"passed over a checkpoint: {run}/checkpoints/{broken}", result.err)
        self.assertIn("at step 3", result.err)
        self.assertEqual(self.manifest(self.project)["progress"]["step"], 9)


class Interrupted(StorageTest):
    LONG = ["train.epochs=100000", "checkpoint.every_minutes=0.005", "storage.mirror_interval_s=0.2"]

    def start_long(self, *more, **options):
        job = self.start("train", *NMNIST, *SMALL, *self.LONG, *more, **options)
        job.wait_for("epoch 3/")
        return job

    def test_two_jobs_on_one_run(self):
        job = self.start_long(ranks=2)
        pid = job.pid_of(0)
        # clean=False: the job that runs is writing files
        second = self.start("train", *NMNIST, *SMALL, "--resume", ranks=2).wait(clean=False)
        self.assert_refused(second, self.scratch, f"is in use by process {pid} on {os.uname().nodename}", "training since 20")
        pull = self.start("sync", "pull", NAME).wait(clean=False)
        self.assert_refused(pull, f"is in use by process {pid}")
        job.end()  # by SIGKILL, which may hit while a small file is written
        for half in (self.scratch / "config.yaml.tmp.1", self.scratch / "checkpoints/latest.tmp.1", self.project / "checkpoints/best.tmp.1"):
            half.parent.mkdir(parents=True, exist_ok=True)  # the mirror may not have come to a checkpoint yet
            half.write_text("half")
        result = self.start("train", *NMNIST, *SMALL, "train.epochs=1", "--resume", ranks=2).wait(clean=False)
        self.assertEqual(result.code, 0, result)
        self.assertIn(f"removed {self.scratch}/run.lock, left by process {pid}", result.err)
        self.assertFalse((self.scratch / "run.lock").exists())
        epochs = int(self.manifest(self.scratch)["progress"]["epoch"]) + 1
        self.train(f"train.epochs={epochs}", "--resume", ranks=2)
        self.train(f"train.epochs={epochs}", "run.name=unbroken", ranks=2)
        self.assertEqual(self.manifest(self.scratch)["state_checksum"], self.manifest(self.run_folder("unbroken"))["state_checksum"])

    def test_project_storage_gone_for_a_while(self):
        job = self.start_long()
        away = self.folder / "away"
        (self.folder / "project").rename(away)
        job.wait_for("project storage takes no copies of this run")
        away.rename(self.folder / "project")
        job.wait_for("project storage takes copies again")
        job.process.send_signal(signal.SIGTERM)
        result = job.wait()
        self.assertEqual(result.code, 75, result)
        self.assertEqual(result.err.count("takes no copies"), 1, result)
        newest = self.checkpoint(self.scratch).name
        self.assertEqual(tree(self.project / "checkpoints" / newest), tree(self.scratch / "checkpoints" / newest))

    def test_what_is_not_safe_is_said_and_pushed(self):
        job = self.start_long("storage.mirror_stop_wait_s=2")
        (self.folder / "project").rename(self.folder / "away")
        job.wait_for("project storage takes no copies of this run")
        time.sleep(0.5)
        job.process.send_signal(signal.SIGTERM)
        result = job.wait(clean=False)
        self.assertEqual(result.code, 75, result)
        newest = self.checkpoint(self.scratch).name
        lines = [line for line in result.err.splitlines() if "not yet safe on project storage" in line]
        self.assertEqual(len(lines), 1, result)
        self.assertIn(f"checkpoints/{newest}", lines[0])
        self.assertIn(f"dltonic sync push {NAME}", lines[0])
        (self.folder / "away").rename(self.folder / "project")
        self.done("sync", "push", NAME)
        self.assertEqual(tree(self.project) | tree(self.scratch), tree(self.project))


class Sync(StorageTest):
    def setUp(self):
        super().setUp()
        self.train("train.epochs=2", "storage.mirror=false")

    def status(self, *words):
        return {one["name"]: one for one in self.done("sync", "status", *words, "--json").json()["targets"]}

    def test_push_status_pull(self):
        self.assertEqual(self.status()[NAME]["state"], "only on scratch")
        plan = self.done("sync", "push", "--dry-run", "--json").json()
        size = sum(path.stat().st_size for path in self.scratch.rglob("*") if path.is_file() and path.name not in PRIVATE)
        self.assertEqual(plan["bytes"], size)
        self.assertFalse(self.project.exists())
        newest = self.checkpoint(self.scratch).name
        self.assertIn(f"{NAME}/checkpoints/{newest}", self.done("sync", "push", "--dry-run", NAME).out)

        done = self.done("sync", "push", "--json").json()
        self.assertEqual((done["copied"], done["bytes"]), (plan["copied"], size))
        self.assertEqual(tree(self.project), tree(self.scratch))
        self.assertEqual(self.done("sync", "push", "--json").json()["copied"], 0)
        status = self.status()[NAME]
        self.assertEqual((status["state"], status["scratch_step"], status["project_step"]), ("verified", 6, 6))
        self.assertIn("verified", self.done("sync", "status").out)

        before = tree(self.scratch)
        shutil.rmtree(self.folder / "scratch")
        self.assertEqual(self.status()[NAME]["state"], "only on project storage")
        self.done("sync", "pull", NAME)
        self.assertEqual(tree(self.scratch), before)
        self.done("sync", "pull", "nmnist")
        for path in self.prepared():
            self.assertEqual(sha256(self.folder / "scratch" / "data" / path.name), sha256(path))
        self.assertEqual({one["state"] for one in self.status("nmnist").values()}, {"verified"})

    def test_one_checkpoint_by_its_path(self):
        newest = f"runs/{NAME}/checkpoints/{self.checkpoint(self.scratch).name}"
        self.done("sync", "push", newest)
        self.assertEqual(tree(self.folder / "project" / newest), tree(self.folder / "scratch" / newest))
        self.assertEqual(len(list((self.project / "checkpoints").glob("step-*"))), 1)

    def test_wrong_words_are_refused(self):
        self.refused("sync", "push", "nmnist_diflogic", facts=["did you mean nmnist_difflogic"])
        self.refused("sync", "pull", facts=["name what to pull"])
        self.refused("sync", "pull", NAME, facts=["not on project storage"])
        broken = self.cut_newest(self.scratch)
        result = self.run_program("sync", "push", NAME)
        self.assertEqual(result.code, 2, result)
        self.assertIn(broken, result.err)
        self.assertFalse((self.project / "checkpoints" / broken).exists())
        self.assertTrue((self.project / "config.yaml").exists())

    def test_rotten_copy_is_found_by_checksum(self):
        self.done("sync", "push", NAME)
        state = self.checkpoint(self.project) / "state.h5"
        times = state.stat()
        with open(state, "r+b") as file:
            file.seek(3000)
            byte = file.read(1)
            file.seek(3000)
            file.write(bytes([byte[0] ^ 1]))
        os.utime(state, ns=(times.st_atime_ns, times.st_mtime_ns))
        self.assertEqual(self.done("sync", "push", NAME, "--json").json()["copied"], 0)
        self.assertEqual(self.done("sync", "push", NAME, "--checksum", "--json").json()["copied"], 1)
        self.assertEqual(tree(self.project), tree(self.scratch))

    def test_watch_copies_until_it_is_interrupted(self):
        job = self.start("sync", "watch", NAME, "--interval", "0.2")
        job.wait_for("copied and verified")
        (self.scratch / "note.txt").write_text("one\n")
        until = time.monotonic() + 30
        while not (self.project / "note.txt").exists() and time.monotonic() < until:
            time.sleep(0.05)
        job.process.send_signal(signal.SIGINT)
        result = job.wait()
        self.assertEqual(result.code, 0, result)
        self.assertIn("copied and verified", result.out)
        self.assertEqual(tree(self.project), tree(self.scratch))


if __name__ == "__main__":
    unittest.main(verbosity=2)
