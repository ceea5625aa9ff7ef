"""Two hosts, made by tests/support/fakersh, of which one has a disk of its own that is full."""
import unittest

from fault_case import FaultTest
from point_faults import RUN
from program import SOURCE

TWO_HOSTS = ["--host", "a:1,b:1", "--mca", "plm_rsh_agent", SOURCE / "tests" / "support" / "fakersh"]


class OneHost(FaultTest):
    """Needs the right to mount: the disk is a tmpfs in the host's own namespace."""

    def setUp(self):
        super().setUp()
        self.done("prepare", *RUN)
        (self.folder / "scratch" / "data").mkdir(parents=True)

    def on_two_hosts(self, *words, disk, name="broken"):
        return self.start("train", *RUN, f"run.name={name}", *words, ranks=2, wrapper=TWO_HOSTS, env={"DISK_b": disk})

    def test_full_disk_on_one_host(self):
        """Scratch is each host's own: the one where the frames do not fit ends the job for both, in one line."""
        own = self.folder / "scratch" / "data"
        result = self.on_two_hosts(disk=f"64k {own}").wait()
        self.assert_refused(result, "rank 1 of 2", "disk full", own, "are free", code=1)
        left = [path.name for path in own.iterdir() if not path.name.startswith(".")]
        self.assertEqual([name for name in left if not name.endswith(".h5")], [], "host a keeps its copy, and no half")
        self.assertEqual(self.newest(self.run_folder("broken")), None)
        # With room on both, each host has its copy, and the run is like one on one host.
        result = self.on_two_hosts("--resume", disk=f"8m {own}").wait()
        self.assertEqual(result.code, 0, result)
        self.done("train", *RUN, "run.name=whole", ranks=2)
        self.assertEqual(self.manifest(self.run_folder("broken"))["state_checksum"],
                         self.manifest(self.run_folder("whole"))["state_checksum"])

    def test_disk_that_fails_on_one_host_in_a_save(self):
        """Run folders are shared, but a host may be out of its quota: its part of a save fails, training goes on everywhere."""
        fault = {"DLTONIC_FAIL_AT": "before_write:1:6:storage"}
        job = self.start("train", *RUN, "run.name=broken", ranks=2, wrapper=TWO_HOSTS, env=fault)
        result = job.wait()
        self.assertEqual(result.code, 0, result)
        self.assertRegex(result.err, "warning: .*a checkpoint was not saved, training goes on.*rank 1 of 2: fault asked for")
        self.done("checkpoints", "verify", self.run_folder("broken"))
        self.done("train", *RUN, "run.name=whole", ranks=2)
        self.assertEqual(self.manifest(self.run_folder("broken"))["state_checksum"],
                         self.manifest(self.run_folder("whole"))["state_checksum"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
