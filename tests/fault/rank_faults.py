"""A rank that dies or hangs in mid-epoch ends the job within a bound, with one line, and nothing is left running."""
import os
import re
import signal
import time
import unittest

from fault_case import FaultTest
from program import NMNIST, OUR_ERROR

# Some 280 training frames in batches of 4: an epoch has 70 steps, and there are more epochs than any test waits for.
LONG = [*NMNIST, "data.frames.mode=event_count", "data.frames.events_per_frame=20", "model.gates=2000", "train.batch_size=4",
        "run.name=long"]
ENDLESS = ["train.epochs=100000", "comm.timeout_s=3"]
ON_CPUS = ["train.device=cpu", "distributed.reduction=canonical"]  # the same bits on any number of ranks


class RankInMidEpoch(FaultTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *LONG)

    def in_mid_epoch(self, ranks, *words):
        job = self.start("train", *LONG, *ENDLESS, *ON_CPUS, *words, ranks=ranks)
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
        """What the dead job saved last is good: another takes it up, and its next save removes the half of one, if any."""
        self.assertIsNotNone(self.newest(self.run_folder("long")))
        done = int(self.manifest(self.run_folder("long"))["progress"]["epoch"])
        self.goes_on_like([*LONG, *ON_CPUS, f"train.epochs={done + 2}"], broken="long", ranks=2, whole_ranks=1)

    def killed(self, rank):
        job = self.in_mid_epoch(3, "comm.timeout_s=60")  # it is not time that ends this one
        since = self.send(job, rank, signal.SIGKILL)
        self.assertRegex(self.ends_soon(job, since).err, "signal 9|SIGKILL")
        self.goes_on()

    def test_rank_killed(self):
        self.killed(rank=1)

    def test_first_rank_killed(self):
        self.killed(rank=0)

    def test_rank_stopped(self):
        job = self.in_mid_epoch(2)
        since = self.send(job, 1, signal.SIGSTOP)
        result = self.ends_soon(job, since, limit_s=3 + 15)
        self.assertEqual(len(OUR_ERROR.findall(result.err)), 1, result)
        self.assertRegex(result.err, r"rank 0: error: .*stuck in .*waiting for other ranks in .*the limit is 3.[01] s")  # of the step or of a save beside it
        self.assertIn(f"what each rank did last: {self.run_folder('long') / 'ranks'}", result.err)
        lines = {}
        for rank in (0, 1):
            text = (self.run_folder("long") / "ranks" / f"collectives-rank{rank}.txt").read_text()
            lines[rank] = [line for line in text.splitlines()[1:] if line.strip()]
            self.assertTrue(lines[rank], f"rank {rank}")
        # Rank 0 waited for rank 1, in what it says. Not always its last: the step waits and a save beside it goes on, or the other way.
        waited_in = re.search("waiting for other ranks in (.*?) after", result.err)[1][:40]  # lines of the file are cut
        self.assertTrue(any(" INSIDE " in line and waited_in in line for line in lines[0]), f"{waited_in}\n{lines[0]}")
        self.goes_on()

    def test_job_ended_by_mpirun(self):
        """Ctrl-C: mpirun hands the signal on, and all are gone."""
        job = self.in_mid_epoch(2, "comm.timeout_s=60")
        os.kill(job.process.pid, signal.SIGINT)
        self.ends_soon(job, time.monotonic())
        self.goes_on()


if __name__ == "__main__":
    unittest.main(verbosity=2)
