"""A rank that dies, stops or fails in each phase of a save: what bears a good name is whole, nothing else does, and going on
gives the result of a run that was never disturbed."""
import os
import time
import unittest

from fault_case import ENDS_WITHIN_S, FaultTest
from program import NMNIST, OUR_ERROR, SMALL

TWO_EPOCHS = ["train", *NMNIST, *SMALL, "train.epochs=2", "storage.mirror=false"]  # 3 steps an epoch: saves of steps 3 and 6


class SaveTest(FaultTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *NMNIST)
        self.run = self.run_folder("nmnist_difflogic")

    def steps(self):
        """Of the checkpoints that bear a good name: all of them must be whole."""
        if not list((self.run / "checkpoints").glob("step-*Z")):
            return []
        verified, listed = (self.start("checkpoints", what, self.run, "--json").wait(clean=False).json()
                            for what in ("verify", "list"))  # half a save may lie there still
        self.assertEqual(verified["broken"], [])
        return [entry["step"] for entry in listed["checkpoints"]]

    def disturbed(self, fault, *words, ranks=2, limit_s=ENDS_WITHIN_S):
        job = self.start(*TWO_EPOCHS, *words, ranks=ranks, env={"DLTONIC_FAIL_AT": fault})
        result = self.ends_soon(job, "fault asked for at", limit_s)
        self.assertRegex(result.err, "fault asked for at")
        return result

    def goes_on_to_the_same_end(self):
        self.goes_on_like(TWO_EPOCHS[1:], broken="nmnist_difflogic", ranks=2)
        self.assertEqual(self.manifest(self.run)["step"], 6)


class KilledInASave(SaveTest):
    def killed(self, point, rank):
        self.disturbed(f"{point}:{rank}:6:kill")
        # Where another rank than the first dies, the first one may have finished what was left to do.
        may_finish = rank > 0 and point in ("before_manifest", "before_rename")
        self.assertIn(self.steps(), ([3], [6, 3]) if may_finish else ([3],))
        self.goes_on_to_the_same_end()

    def test_kill_before_write_first_rank(self):
        self.killed("before_write", 0)

    def test_kill_before_write_other_rank(self):
        self.killed("before_write", 1)

    def test_kill_between_ranks_writes_first_rank(self):
        self.killed("between_ranks_writes", 0)

    def test_kill_between_ranks_writes_other_rank(self):
        self.killed("between_ranks_writes", 1)

    def test_kill_before_manifest_first_rank(self):
        self.killed("before_manifest", 0)

    def test_kill_before_manifest_other_rank(self):
        self.killed("before_manifest", 1)

    def test_kill_before_rename_first_rank(self):
        self.killed("before_rename", 0)

    def test_kill_before_rename_other_rank(self):
        self.killed("before_rename", 1)

    def test_kill_during_prune(self):
        words = ["checkpoint.keep_last=1", "data.val_split=0"]  # 5 steps an epoch, and the last one is the best
        self.disturbed("during_prune:0:*:kill", *words)
        self.assertEqual(self.steps(), [10])
        self.assertEqual(len(list((self.run / "checkpoints").glob("step-5_*.part"))), 1)
        self.goes_on_like([*TWO_EPOCHS[1:], *words, "train.epochs=3"], broken="nmnist_difflogic", ranks=2)


class FailedInASave(SaveTest):
    def test_exception_in_a_save(self):
        """Not a fault of the storage, and on one rank alone: a defect, which ends the job."""
        result = self.disturbed("between_ranks_writes:1:6:throw")
        self.assertEqual(len(OUR_ERROR.findall(result.err)), 1, result)
        self.assertEqual(self.steps(), [3])
        self.goes_on_to_the_same_end()

    def test_rank_stopped_in_a_save(self):
        # An epoch of 70 steps: the others notice in a step or in the save, whichever limit ends first.
        words = ["data.frames.mode=event_count", "data.frames.events_per_frame=20", "model.gates=20000", "train.batch_size=4",
                 "checkpoint.every_steps=3", "comm.timeout_s=3", "train.epochs=100000"]
        self.done("prepare", *NMNIST, *words[:2])
        result = self.disturbed("before_manifest:1:3:stop", *words, limit_s=3 + 15)
        self.assertRegex(result.err, "error: .*stuck in (train|save the checkpoint of step 3), step .*the limit is 3.[0-9] s")
        self.assertIn(self.steps(), ([], [3]))  # the first rank may have finished what was left to do
        self.goes_on_like([*TWO_EPOCHS[1:], *words, "train.epochs=1"], broken="nmnist_difflogic", ranks=2)

    def test_rank_stopped_in_the_last_save(self):
        """No step is left that would notice: the save's own limit does, comm.timeout_s and a second for every 20 MB."""
        began = time.monotonic()
        result = self.disturbed("before_manifest:1:6:stop", "comm.timeout_s=5", limit_s=5 + 15)
        self.assertRegex(result.err, "error: .*stuck in save the checkpoint of step 6, step .*the limit is 5.[0-9] s")
        self.assertLess(time.monotonic() - began, 5 + 15 + 15)  # with the two epochs before it
        self.assertIn(self.steps(), ([3], [6, 3]))  # the first rank may have finished what was left to do
        self.goes_on_to_the_same_end()

    def test_full_disk_in_a_background_save(self):
        """Storage that fails once: training goes on, says so, and the next save succeeds."""
        result = self.done(*TWO_EPOCHS, ranks=2, env={"DLTONIC_FAIL_AT": "before_write:1:3:storage"})
        self.assertRegex(result.err, "warning: .*a checkpoint was not saved, training goes on.*rank 1 of 2: fault asked for")
        self.assertEqual(self.steps(), [6])
        self.done(*TWO_EPOCHS, "run.name=whole", ranks=2)
        self.assertEqual(self.manifest(self.run)["state_checksum"], self.manifest(self.run_folder("whole"))["state_checksum"])

    def test_last_save_fails(self):
        self.refused(*TWO_EPOCHS, ranks=2, code=1, env={"DLTONIC_FAIL_AT": "before_manifest:0:6:storage"},
                     facts=["before_manifest"])
        self.assertEqual(self.steps(), [3])
        self.goes_on_to_the_same_end()


class DamagedCheckpoints(SaveTest):
    def setUp(self):
        super().setUp()
        self.done(*TWO_EPOCHS, ranks=2)
        self.newest = self.checkpoint(self.run)

    def passed_over(self, why):
        broken = self.run_program("checkpoints", "verify", self.run, "--json")
        self.assertEqual(broken.code, 1, broken)
        self.assertEqual(len(broken.json()["broken"]), 1)
        self.assertIn(self.newest.name, broken.json()["broken"][0])
        self.assertIn(why, broken.json()["broken"][0])
        result = self.done(*TWO_EPOCHS, "--resume", ranks=3)  # with one rank more
        self.assertRegex(result.err, f"warning: .*passed over a checkpoint: .*{self.newest.name}.*{why}")
        self.assertIn("going on from step-3_", result.err)
        self.assertEqual(self.manifest(self.run)["step"], 6)

    def test_truncated_checkpoint(self):
        os.truncate(self.newest / "state.h5", 1000)
        self.passed_over("1000 bytes")

    def test_flipped_byte_in_a_checkpoint(self):
        with open(self.newest / "state.h5", "r+b") as file:
            file.seek(-5, os.SEEK_END)
            byte = file.read(1)
            file.seek(-5, os.SEEK_END)
            file.write(bytes([byte[0] ^ 1]))
        self.passed_over("checksum")

    def test_manifest_missing(self):
        (self.newest / "manifest.json").unlink()
        self.passed_over("manifest")


if __name__ == "__main__":
    unittest.main(verbosity=2)
