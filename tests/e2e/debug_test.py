"""What helps where a run goes wrong: a log a rank, what each rank did last, a rank that waits for a debugger, what ranks use."""
import json
import os
import re
import signal
import unittest

from program import NMNIST, SMALL, ProgramTest


class Debugging(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *NMNIST)

    def test_every_rank_has_a_log_and_tells_what_it_uses(self):
        result = self.done("train", *NMNIST, *SMALL, "train.epochs=2", "train.device=cpu", ranks=3)
        run = self.run_folder("nmnist_difflogic")
        self.assertEqual(sorted(path.name for path in (run / "ranks").iterdir()), ["log-rank1.txt", "log-rank2.txt"],
                         "lists of collectives are gone after a good end")
        self.assertIn(" rank 2: ", (run / "ranks" / "log-rank2.txt").read_text())
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        found = [line for line in lines if line["split"] == "resources"]
        self.assertEqual([line["epoch"] for line in found], [1, 2])
        for line in found:
            for rank in range(3):
                self.assertGreater(line[f"rank{rank}/cpu_percent"], 0)
                self.assertGreater(line[f"rank{rank}/memory_bytes"], 20e6)
                self.assertGreaterEqual(line[f"rank{rank}/threads"], 2)
                self.assertGreaterEqual(line[f"rank{rank}/open_files"], 3)
        self.assertRegex(result.err, r"a rank used [0-9]+ (to [0-9]+ )?% of a core, [0-9.]+ MB")

    def test_a_rank_waits_for_a_debugger(self):
        job = self.start("--hang-rank", "1", "train", *NMNIST, *SMALL, "train.epochs=1", ranks=2)
        job.wait_for("waits for a debugger: gdb -p ")
        pid = int(re.search(r"rank 1: warning: process ([0-9]+) on ", job.said()).group(1))
        self.assertEqual(pid, job.pid_of(1))
        self.assertNotIn("epoch 1", job.said())
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(job.wait().code, 0)
        self.refused("--hang-rank", "2", "train", *NMNIST, ranks=2, facts=["--hang-rank is 2", "0 to 1"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
