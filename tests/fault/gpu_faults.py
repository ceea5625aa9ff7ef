"""A rank with a GPU of its own that dies, hangs or throws ends the job as one on CPU cores does, and its GPU is free again."""
import signal
import subprocess
import time
import unittest

from program import OUR_ERROR
from rank_faults import ENDLESS, LONG, RankInMidEpoch

ON_GPUS = ["train.device=gpu", "checkpoint.every_steps=200"]


def processes_on_gpus():
    query = ["nvidia-smi", "--query-compute-apps=pid", "--format=csv,noheader"]
    return subprocess.run(query, check=True, capture_output=True, text=True).stdout.split()


class OnTwoGpus(RankInMidEpoch):
    def in_mid_epoch(self):
        job = self.start("train", *LONG, *ENDLESS, *ON_GPUS, ranks=2)
        job.wait_for("epoch 2/")
        return job

    def ended(self, job, since, limit_s):
        result = job.wait(clean=False)
        self.assertLess(time.monotonic() - since, limit_s, result)
        self.assertNotEqual(result.code, 0, result)
        until = time.monotonic() + 10  # the driver takes a dead process's memory back a moment after its end
        while processes_on_gpus() and time.monotonic() < until:
            time.sleep(0.2)
        self.assertEqual(processes_on_gpus(), [])
        return result

    def goes_on_as_if_unbroken(self):
        """From the newest save of the dead job to the end of an epoch: the state of a run that nothing broke."""
        run = self.run_folder("long")
        epochs = int(self.manifest(run)["progress"]["epoch"]) + 2
        more = [*LONG, "train.device=gpu", f"train.epochs={epochs}"]
        self.assertIn("going on from", self.done("train", *more, "--resume", ranks=2).err)
        self.done("train", *more, "run.name=unbroken", ranks=2)
        self.assertEqual(self.manifest(run)["state_checksum"], self.manifest(self.run_folder("unbroken"))["state_checksum"])

    def killed(self, rank):
        job = self.in_mid_epoch()
        result = self.ended(job, self.send(job, rank, signal.SIGKILL), 15)
        self.assertRegex(result.err, "signal 9|SIGKILL")
        self.goes_on_as_if_unbroken()

    def test_gpu_rank_killed(self):
        self.killed(rank=1)

    def test_gpu_first_rank_killed(self):
        self.killed(rank=0)

    def test_gpu_rank_stopped(self):
        job = self.in_mid_epoch()
        result = self.ended(job, self.send(job, 1, signal.SIGSTOP), 3 + 15)
        self.assertEqual(len(OUR_ERROR.findall(result.err)), 1, result)
        self.assertRegex(result.err, r"rank 0: error: .*stuck in .*waiting for other ranks in .*the limit is 3.0 s")
        self.goes_on_as_if_unbroken()

    def test_gpu_rank_throws_in_an_evaluation(self):
        self.done("train", *LONG, *ON_GPUS, "train.epochs=1", ranks=2)
        job = self.start("train", *LONG, *ENDLESS, *ON_GPUS, "--resume", ranks=2, env={"DLTONIC_FAIL_AT": "in_evaluation:1:*:throw"})
        job.wait_for("error:")
        result = self.ended(job, time.monotonic(), 15)
        self.assertEqual(len(OUR_ERROR.findall(result.err)), 1, result)
        self.goes_on_as_if_unbroken()


if __name__ == "__main__":
    unittest.main(verbosity=2)
