"""A signal to any one rank, or the end of the wall time: all ranks stop after the same step, save, and end with exit code 75;
--resume goes on to an unbroken run's numbers, on other numbers of ranks, too."""
import os
import signal
import time
import unittest

from program import NMNIST, ProgramTest

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
        self.assertEqual(self.manifest(parts)["state_sha256"], self.manifest(whole)["state_sha256"])

    def test_the_wall_time_ends_a_run(self):
        start = time.monotonic()
        result = self.run_program("train", *RUN, "train.epochs=100000", "train.walltime=2", "train.walltime_margin_s=117", ranks=2)
        self.assertEqual(result.code, RUN_AGAIN, result)
        self.assertIn("stopped by the wall time", result.err)
        self.assertLess(time.monotonic() - start, 60)

    def test_a_second_signal_ends_at_once(self):
        job = self.start("train", *RUN, env={"DLTONIC_FAIL_AT": "before_write:*:*:sleep=30"}, limits=None)
        job.wait_for("epoch 1/3")
        os.kill(job.process.pid, signal.SIGTERM)
        time.sleep(1.5)
        os.kill(job.process.pid, signal.SIGTERM)
        since = time.monotonic()
        result = job.wait(clean=False)
        self.assertLess(time.monotonic() - since, 15, result)
        self.assertEqual(result.code, 128 + signal.SIGTERM, result)
        self.assertIn("a second signal", result.err)


SLOW = "loader:*:*:sleep=0.01"  # so that a stop comes before the end

if __name__ == "__main__":
    unittest.main(verbosity=2)
