"""One rank dies or throws where the others rely on it: in a sum, in an evaluation, while a batch is made, while a checkpoint is
copied to project storage. The job ends soon, and going on, on one rank more, reaches an unbroken run's bits."""
import json
import os
import unittest

from program import NMNIST, SMALL, ProgramTest

# 3 steps an epoch, a save after every second step.
RUN = [*NMNIST, *SMALL, "train.epochs=4", "train.device=cpu", "distributed.reduction=canonical", "checkpoint.every_steps=2",
       "checkpoint.keep_last=20"]


class OneRank(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *RUN)

    def goes_on(self, ranks=3):
        self.done("train", *RUN, "run.name=broken", "--resume", ranks=ranks)  # nor is the half of anything left behind
        self.done("train", *RUN, "run.name=whole", ranks=2)
        self.assertEqual(self.manifest(self.run_folder("broken"))["state_sha256"],
                         self.manifest(self.run_folder("whole"))["state_sha256"])
        self.assertEqual(self.metrics(self.run_folder("broken"))[-2:], self.metrics(self.run_folder("whole"))[-2:])

    def broken(self, wish, says):
        job = self.start("train", *RUN, "run.name=broken", ranks=2, env={"DLTONIC_FAIL_AT": wish})
        result = job.wait(clean=False)  # the half of a save or of a copy is removed by the next start
        self.assertNotEqual(result.code, 0, result)
        self.assertLess(result.seconds, 60, result)
        self.assertRegex(result.err, says)
        return result

    def test_killed_in_a_sum(self):
        self.broken("in_collective:1:7:kill", "signal 9|SIGKILL")
        self.goes_on()

    def test_killed_in_an_evaluation(self):
        self.broken("in_evaluation:1:5:kill", "signal 9|SIGKILL")
        self.goes_on()

    def test_exception_while_a_batch_is_made(self):
        result = self.broken("loader:1:7:throw", "fault asked for at loader")
        self.assertRegex(result.err, r"rank 1: error: .*fault asked for at loader, step 7")
        self.goes_on()

    def test_killed_while_a_checkpoint_is_copied(self):
        self.broken("during_sync:0:*:kill", "signal 9|SIGKILL")
        self.goes_on()

    def test_newest_checkpoint_broken_and_one_rank_more(self):
        self.broken("loader:1:9:throw", "fault asked for")
        folder = self.run_folder("broken") / "checkpoints"
        newest = max(folder.glob("step-*/manifest.json"), key=lambda path: json.loads(path.read_text())["step"]).parent
        with open(newest / "state.h5", "r+b") as file:
            file.truncate(os.path.getsize(newest / "state.h5") // 2)
        for copy in (self.folder / "project" / "runs" / "broken").glob("checkpoints/step-*/state.h5"):
            copy.write_bytes(b"not a checkpoint")
        result = self.run_program("train", *RUN, "run.name=broken", "--resume", ranks=3)
        self.assertEqual(result.code, 0, result)
        self.assertIn(newest.name, result.err)
        self.goes_on()


if __name__ == "__main__":
    unittest.main(verbosity=2)
