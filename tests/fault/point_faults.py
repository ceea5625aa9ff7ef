"""One rank dies or throws where the others rely on it: in a sum, in an evaluation, while a batch is made, while a checkpoint is
copied to project storage. The job ends soon, and going on, on one rank more, reaches an unbroken run's bits."""
import json
import os
import unittest

from fault_case import FaultTest
from program import NMNIST, SMALL

# 3 steps an epoch, a save after every second step.
RUN = [*NMNIST, *SMALL, "train.epochs=4", "train.device=cpu", "distributed.reduction=canonical", "checkpoint.every_steps=2",
       "checkpoint.keep_last=20"]


class OneRank(FaultTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *RUN)

    def goes_on(self):
        self.goes_on_like(RUN)

    def broken(self, wish, says="signal 9|SIGKILL"):
        job = self.start("train", *RUN, "run.name=broken", ranks=2, env={"DLTONIC_FAIL_AT": wish})
        result = self.ends_soon(job, "fault asked for at")
        self.assertRegex(result.err, says)
        return result

    def killed(self, point, rank, step):
        self.broken(f"{point}:{rank}:{step}:kill")
        self.goes_on()

    def test_first_rank_killed_in_a_sum(self):
        self.killed("in_collective", 0, 7)

    def test_killed_in_a_sum(self):
        self.killed("in_collective", 1, 7)

    def test_first_rank_killed_in_an_evaluation(self):
        self.killed("in_evaluation", 0, 5)

    def test_killed_in_an_evaluation(self):
        self.killed("in_evaluation", 1, 5)

    def test_killed_while_a_checkpoint_is_copied(self):
        self.killed("during_sync", 0, "*")

    def test_exception_while_a_batch_is_made(self):
        self.broken("loader:1:7:throw", r"rank 1: error: .*fault asked for at loader, step 7")
        self.goes_on()

    def test_exception_while_a_save_runs(self):
        """The rank's line comes before the way out waits for the save."""
        self.broken("before_manifest:0:2:sleep=60;loader:1:2:throw", r"rank 1: error: .*fault asked for at loader, step 2")
        self.goes_on()

    def test_newest_checkpoint_broken_and_one_rank_more(self):
        self.broken("loader:1:9:throw", "fault asked for")
        folder = self.run_folder("broken") / "checkpoints"
        manifests = sorted(folder.glob("step-*Z/manifest.json"), key=lambda path: json.loads(path.read_text())["step"])
        self.assertGreaterEqual(len(manifests), 2)
        before, newest = (path.parent for path in manifests[-2:])
        with open(newest / "state.h5", "r+b") as file:
            file.truncate(os.path.getsize(newest / "state.h5") // 2)
        for copy in (self.folder / "project" / "runs" / "broken").glob("checkpoints/step-*/state.h5"):
            copy.write_bytes(b"not a checkpoint")
        result = self.start("train", *RUN, "train.epochs=3", "run.name=broken", "--resume", ranks=3).wait()
        self.assertEqual(result.code, 0, result)
        self.assertIn(f"passed over a checkpoint: {newest}", result.err)
        self.assertIn(f"going on from {before.name} at step", result.err)
        self.goes_on()


if __name__ == "__main__":
    unittest.main(verbosity=2)
