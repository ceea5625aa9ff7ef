"""A signal to any one rank, or the end of the wall time: all ranks stop after the same step, save, and end with exit code 75;
--resume goes on to an unbroken run's numbers, on other numbers of ranks, too."""
import os
import pathlib
import re
import shutil
import signal
import time
import unittest

from program import NMNIST, ProgramTest, sha256

# Some 280 training frames in batches of 4: an epoch has 70 steps.
RUN = [*NMNIST, "data.frames.mode=event_count", "data.frames.events_per_frame=20", "model.gates=2000", "train.batch_size=4",
       "train.device=cpu", "distributed.reduction=canonical", "train.epochs=3", "data.augmentation.shift=1"]
RUN_AGAIN = 75


class Stop(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *RUN)

    def stopped(self, name, rank, what, ranks, *words, after="epoch 1/3: loss"):
        """Starts or goes on with a run, stops it by a signal to one rank, and returns the step where it stopped."""
        job = self.start("train", *RUN, f"run.name={name}", "--resume", *words, ranks=ranks, env={"DLTONIC_FAIL_AT": SLOW})
        job.wait_for(after)
        os.kill(job.pid_of(rank), what)
        since = time.monotonic()
        result = job.wait()
        self.assertEqual(result.code, RUN_AGAIN, result)
        self.assertLess(time.monotonic() - since, 60, result)
        self.assertRegex(result.err, f"stopped by {what.name} after step [0-9]+, saved")
        return self.manifest(self.run_folder(name))["progress"]["step"]

    def test_three_stops_on_three_numbers_of_ranks_lose_nothing(self):
        self.done("train", *RUN, "run.name=whole")
        whole = self.run_folder("whole")
        steps = [self.stopped("parts", 1, signal.SIGUSR1, 3), self.stopped("parts", 0, signal.SIGTERM, 2, after="going on from"),
                 self.stopped("parts", 3, signal.SIGUSR2, 4, after="going on from")]
        self.assertEqual(steps, sorted(steps))
        self.done("train", *RUN, "run.name=parts", "--resume", ranks=1)
        parts = self.run_folder("parts")
        self.assertEqual(self.manifest(parts)["progress"]["step"], self.manifest(whole)["progress"]["step"])
        self.assertEqual(self.metrics(parts), self.metrics(whole))
        self.assertEqual(self.manifest(parts)["state_checksum"], self.manifest(whole)["state_checksum"])

    def ends_like_an_unbroken_run(self, name):
        self.done("train", *RUN, f"run.name={name}", "--resume", ranks=3)
        self.done("train", *RUN, "run.name=whole")
        run, whole = self.run_folder(name), self.run_folder("whole")
        self.assertEqual(self.metrics(run)[-2:], self.metrics(whole)[-2:])  # what was not saved is told a second time
        self.assertEqual(self.manifest(run)["state_checksum"], self.manifest(whole)["state_checksum"])

    def test_the_wall_time_ends_a_run(self):
        result = self.run_program("train", *RUN, "run.name=parts", "train.walltime=2", "train.walltime_margin_s=117", ranks=2,
                                  env={"DLTONIC_FAIL_AT": "loader:*:*:sleep=0.1"})  # 21 s without the stop
        self.assertEqual(result.code, RUN_AGAIN, result)
        self.assertIn("stopped by the wall time", result.err)
        self.assertLess(result.seconds, 60)
        self.ends_like_an_unbroken_run("parts")

    def test_a_second_signal_ends_at_once(self):
        job = self.start("train", *RUN, "run.name=parts", env={"DLTONIC_FAIL_AT": "before_write:*:*:sleep=30"})
        job.wait_for("epoch 1/3")
        os.kill(job.process.pid, signal.SIGTERM)
        time.sleep(1.5)
        os.kill(job.process.pid, signal.SIGTERM)
        since = time.monotonic()
        result = job.wait(clean=False)
        self.assertLess(time.monotonic() - since, 15, result)
        self.assertEqual(result.code, 128 + signal.SIGTERM, result)
        self.assertIn("a second signal", result.err)
        self.ends_like_an_unbroken_run("parts")


class StopPrepare(ProgramTest):
    """A job that prepares or counts stops, too: with one line, and what it leaves is what the next one goes on from."""

    def stopped(self, *command, what, ranks, slow, begun, facts, seconds=0.05):
        """Stops `command` by a signal to its last rank once `begun`. Returns what it left in project storage."""
        job = self.start(command[0], *NMNIST, *command[1:], ranks=ranks, env={"DLTONIC_FAIL_AT": f"{slow}:*:*:sleep={seconds}"})
        until = time.monotonic() + 30
        while not begun(job) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(job.process.pid if ranks is None else job.pid_of(ranks - 1), what)
        result = job.wait(10, clean=False)
        self.assert_refused(result, f"{command[0]} was stopped by {what.name}", "run it again", *facts, code=RUN_AGAIN)
        return sorted(path.name for path in (self.folder / "project").glob("data/*"))

    def test_a_stopped_prepare_leaves_what_the_next_one_goes_on_from(self):
        def files():
            return {path.name: sha256(path) for path in self.prepared()}

        def decodes(_):
            return list((self.folder / "project" / "data").glob("*.part"))

        self.done("prepare", *NMNIST)
        whole = files()
        for ranks, what in ((None, signal.SIGTERM), (2, signal.SIGUSR1)):
            shutil.rmtree(self.folder / "project")
            left = self.stopped("prepare", what=what, ranks=ranks, slow="survey", begun=lambda job: "40 recordings" in job.said(),
                                facts=["nothing was written yet"])
            self.assertEqual(left, [])
            left = self.stopped("prepare", what=what, ranks=ranks, slow="decode", begun=decodes, facts=["what is decoded stays"])
            self.assertEqual([name.rsplit(".")[-1] for name in left], ["part", "json"], left)  # and the note of the source's content
            result = self.done("prepare", *NMNIST, ranks=3)  # asserts that nothing half is left
            self.assertRegex(result.err, r"going on with what a job that ended left of .*: \d+ of 40 recordings")
            self.assertEqual(files(), whole)

    def test_a_prepare_that_fits_or_cuts_stops_too(self):
        def files():
            return {path.name: sha256(path) for path in self.prepared()}

        def fits(_):
            return self.prepared("*-events-*.h5" if stores else "*-source-*.json")

        def cuts(job):
            return "fitted on" in job.said()

        fitted = ["data.frames.values=recency"]
        self.done("prepare", *NMNIST, *fitted)
        whole = files()
        (events,) = (path.name for path in self.prepared("*-events-*.h5"))
        for stores in (True, False):
            words = [*fitted, f"data.store_events={str(stores).lower()}"]
            for slow, begun, fact in (("fit", fits, "thresholds were being fitted"),
                                      ("cut", cuts, "the events file stays" if stores else "nothing was written yet")):
                shutil.rmtree(self.folder / "project")
                left = self.stopped("prepare", *words, what=signal.SIGTERM, ranks=2, slow=slow, seconds=1 if slow == "fit" else 0.05,
                                    begun=begun, facts=[fact])
                self.assertEqual([name for name in left if name.endswith((".h5", ".part"))], [events] if stores else [])
                self.done("prepare", *NMNIST, *words, ranks=3)  # asserts that nothing half is left
                self.assertEqual(files(), {name: content for name, content in whole.items() if stores or name != events})

    def test_a_stopped_command_is_called_by_its_name(self):
        def listens(job):
            """It has a handler of the signal."""
            try:
                status = pathlib.Path(f"/proc/{job.pid_of(1)}/status").read_text()
            except (AssertionError, OSError):
                return False
            return int(re.search("SigCgt:\\s*([0-9a-f]+)", status).group(1), 16) >> (signal.SIGUSR2 - 1) & 1

        left = self.stopped("stats", what=signal.SIGUSR2, ranks=2, slow="survey", begun=listens, facts=["nothing is written"])
        self.assertEqual(left, [])


SLOW = "loader:*:*:sleep=0.01"  # so that a stop comes before the end

if __name__ == "__main__":
    unittest.main(verbosity=2)
