"""A rank that dies or hangs in mid-epoch ends the job within a bound, with one line, and nothing is left running."""
import os
import signal
import time
import unittest

from program import NMNIST, OUR_ERROR, ProgramTest

# Some 280 training frames in batches of 4: an epoch has 70 steps, and there are more epochs than any test waits for.
LONG = [*NMNIST, "data.frames.mode=event_count", "data.frames.events_per_frame=20", "model.gates=2000", "train.batch_size=4",
        "run.name=long"]
ENDLESS = ["train.epochs=100000", "comm.timeout_s=3"]


class RankInMidEpoch(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *LONG)

    def in_mid_epoch(self, ranks):
        job = self.start("train", *LONG, *ENDLESS, ranks=ranks)
        job.wait_for("epoch 1/")
        while not (self.run_folder("long") / "checkpoints" / "latest").exists():
            self.assertIsNone(job.process.poll(), job.said())
            time.sleep(0.02)
        time.sleep(0.1)
        return job

    def send(self, job, rank, what):
        os.kill(job.pid_of(rank), what)
        return time.monotonic()

    def goes_on(self):
        """What the dead job saved is good: another takes it up, and its next save removes the half of one, if any."""
        done = int(self.manifest(self.run_folder("long"))["progress"]["epoch"])
        result = self.done("train", *LONG, f"train.epochs={done + 2}", "--resume", ranks=2)
        self.assertIn("going on from", result.err)

    def killed(self, rank):
        job = self.in_mid_epoch(ranks=3)
        since = self.send(job, rank, signal.SIGKILL)
        result = job.wait(clean=False)  # kill -9 in the midst of a save: the next start removes the half
        self.assertNotEqual(result.code, 0, result)
        self.assertLess(time.monotonic() - since, 10, result)
        self.assertRegex(result.err, "signal 9|SIGKILL")
        self.goes_on()

    def test_rank_killed(self):
        self.killed(rank=1)

    def test_first_rank_killed(self):
        self.killed(rank=0)

    def test_rank_stopped(self):
        job = self.in_mid_epoch(ranks=2)
        since = self.send(job, 1, signal.SIGSTOP)
        result = job.wait(clean=False)
        self.assertLess(time.monotonic() - since, 3 + 15, result)
        self.assertNotEqual(result.code, 0, result)
        self.assertEqual(len(OUR_ERROR.findall(result.err)), 1, result)
        self.assertRegex(result.err, r"rank 0: error: .*stuck in .*waiting for other ranks in .*the limit is 3.0 s")
        self.assertIn(f"what each rank did last: {self.run_folder('long') / 'ranks'}", result.err)
        last = {}
        for rank in (0, 1):
            lines = (self.run_folder("long") / "ranks" / f"collectives-rank{rank}.txt").read_text().splitlines()[1:]
            last[rank] = max((line for line in lines if line.strip()), key=lambda line: int(line.split()[0]))
        self.assertIn(" INSIDE ", last[0])  # rank 0 waited for rank 1
        self.goes_on()

    def test_job_ended_by_mpirun(self):
        """Ctrl-C: mpirun hands the signal on, and all are gone."""
        job = self.in_mid_epoch(ranks=2)
        os.kill(job.process.pid, signal.SIGINT)
        since = time.monotonic()
        result = job.wait(clean=False)
        self.assertLess(time.monotonic() - since, 10, result)
        self.assertNotEqual(result.code, 0, result)
        self.goes_on()


if __name__ == "__main__":
    unittest.main(verbosity=2)
