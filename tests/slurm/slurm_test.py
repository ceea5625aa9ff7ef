"""dltonic submit on a real Slurm of two nodes (tests/slurm/sandbox.sh): stop, requeue, resume, sweeps, the table of results."""
import csv
import io
import json
import os
import pathlib
import subprocess
import time
import unittest

from program import NMNIST, PROGRAM, SMALL, ProgramTest

# A node has a core or two: steps need no more.
SANDBOX = ["cluster.cpus_per_rank=1", "cluster.signal_s=20"]
STEPS_AN_EPOCH = 3


class SlurmTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env = {**os.environ, "SCRATCH_STORAGE_DIR": str(self.folder / "scratch"), "PROJECT_STORAGE_DIR": str(self.folder / "project")}
        # What is left of a failed test would hold the sandbox open.
        self.addCleanup(subprocess.run, ["scancel", "--user=root"], check=False)

    def command(self, *words):
        result = subprocess.run([*map(str, words)], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 0, f"{words}\n{result.stdout}{result.stderr}")
        return result

    def submit(self, *words):
        """Returns the answer of dltonic submit: job, folder, runs."""
        answer = json.loads(self.command(PROGRAM, "submit", *NMNIST, *SMALL, *SANDBOX, *words, "--json").stdout)
        self.job_folder = pathlib.Path(answer["folder"])
        return answer

    def status(self):
        return json.loads(self.command(PROGRAM, "submit", "--status", "--json").stdout)["runs"]

    def log(self, task=0):
        path = self.job_folder / f"log-{task}.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_until(self, what, condition, limit_s=200):
        until = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > until:
                queue = self.command("squeue", "--states=all", "--format=%i %T %r %M %N").stdout
                self.fail(f"not within {limit_s} s: {what}\n{queue}\n{self.log()}")
            time.sleep(0.05)

    def lines(self, run):
        path = pathlib.Path(run) / "metrics.jsonl"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def states(self):
        return sorted(run["state"] for run in self.status())

    def assert_unbroken(self, run, epochs):
        """Every epoch once, with its steps, whatever happened in between."""
        found = [(line["epoch"], line["step"]) for line in self.metrics(run) if line["split"] == "val"]
        self.assertEqual(found, [(epoch, STEPS_AN_EPOCH * epoch) for epoch in range(1, epochs + 1)])

    def prepare(self):
        self.command(PROGRAM, "prepare", *NMNIST)


class Jobs(SlurmTest):
    def stop_requeue_resume(self, *words):
        self.prepare()
        epochs = 100  # some seconds
        answer = self.submit(f"train.epochs={epochs}", "--nodes", 2, "--time", 10, *words)
        job, run = answer["job"], answer["runs"][0]["dir"]
        self.wait_until("training", lambda: self.lines(run) >= 6)
        self.assertEqual(self.states(), ["running"])
        # As Slurm does it signal_s before the limit: to the batch shell alone.
        self.command("scancel", "--batch", "--signal=USR1", job)
        self.wait_until("requeue", lambda: "stopped; to be queued again" in self.log())
        self.assertEqual((self.job_folder / "exit-0").read_text().strip(), "75")
        stopped_at = self.status()[0]["step"]
        self.assertLess(stopped_at, STEPS_AN_EPOCH * epochs)
        self.wait_until("the end", lambda: self.states() == ["done"])
        self.assertIn("Restarts=1 ", self.command("scontrol", "show", "job", job).stdout)
        log = self.log()
        self.assertRegex(log, r"attempt 1 on n\[1-2\]")
        self.assertRegex(log, r"attempt 2 on n\[1-2\]")
        self.assertIn("USR1: told to save and stop", log)
        self.assertNotIn("starting anew", log.partition("attempt 2")[2])
        self.assert_unbroken(run, epochs)
        self.assertEqual(json.loads((pathlib.Path(run) / "summary.json").read_text())["ranks"], 2)
        return run

    def test_two_nodes_stop_requeue_resume_by_srun(self):
        run = self.stop_requeue_resume()
        row = next(csv.DictReader(io.StringIO(self.command(PROGRAM, "submit", "--status", "--csv").stdout)))
        last = [line for line in self.metrics(run) if line["split"] == "val"][-1]
        self.assertEqual(float(row["val/loss"]), last["loss"])
        self.assertEqual((row["state"], row["step"]), ("done", str(last["step"])))

    def test_two_nodes_stop_requeue_resume_by_mpirun(self):
        self.stop_requeue_resume("--launcher", "mpirun")

    def test_slurm_itself_tells_before_the_limit(self):
        self.prepare()
        answer = self.submit("train.epochs=1000000", "cluster.requeues=0", "train.walltime=1-0", "--nodes", 2, "--time", 1)  # else it stops by itself
        run = answer["runs"][0]["dir"]
        self.wait_until("stop", lambda: self.states() == ["stopped"])
        self.assertIn("USR1: told to save and stop", self.log())
        self.assertIn("cluster.requeues=0 is reached", self.log())
        self.command(PROGRAM, "inspect", self.checkpoint(run))
        self.assertEqual(self.manifest(run)["progress"]["step"], self.status()[0]["step"])

    def test_a_cancelled_job_saves_and_is_not_queued_again(self):
        self.prepare()
        answer = self.submit("train.epochs=1000000", "--nodes", 2)
        self.wait_until("training", lambda: self.lines(answer["runs"][0]["dir"]) >= 6)
        self.command("scancel", answer["job"])
        self.wait_until("the end", lambda: "not queued again, since the job is C" in self.log())  # CANCELLED, COMPLETING
        time.sleep(8)  # longer than the sandbox lets a requeued job wait
        self.assertNotIn("attempt 2", self.log())
        self.assertIn("Restarts=0 ", self.command("scontrol", "show", "job", answer["job"]).stdout)

    def test_sweep_is_an_array_and_gives_a_table(self):
        self.prepare()
        answer = self.submit("train.epochs=2", "model.gates=200,400", "model.tau=1,10")
        self.assertEqual(len(answer["runs"]), 4)
        self.wait_until("the end", lambda: self.states() == 4 * ["done"])
        self.assertEqual(len(self.command("squeue", "--states=all", "--noheader", "--array", "--jobs", answer["job"]).stdout.splitlines()), 4)
        table = list(csv.DictReader(io.StringIO(self.command(PROGRAM, "submit", "--status", "--csv", "nmnist_difflogic-").stdout)))
        self.assertEqual([(row["model.gates"], row["model.tau"]) for row in table], [("200", "1"), ("200", "10"), ("400", "1"), ("400", "10")])
        for task, (row, run) in enumerate(zip(table, answer["runs"])):
            self.assertEqual((row["run"], row["state"], row["job"]), (run["run"], "done", f"{answer['job']}_{task}"))
            self.assert_unbroken(run["dir"], 2)
            last = [line for line in self.metrics(run["dir"]) if line["split"] == "val"][-1]
            for name, value in last.items():
                if name not in ("split", "epoch", "step") and isinstance(value, (int, float)):
                    self.assertEqual(float(row[f"val/{name}"]), value)
            config = (pathlib.Path(run["dir"]) / "config.yaml").read_text()
            self.assertIn(f"  gates: {row['model.gates']}\n", config)
            self.assertIn(f"  tau: \"{row['model.tau']}\"\n", config)
        self.assertEqual(len({row["val/loss"] for row in table}), 4)

    def test_names_with_spaces_and_quotes(self):
        self.prepare()
        name = "it's \"a\" #run"
        answer = self.submit("train.epochs=1", f"run.name={name}", "cluster.env=[\"NOTE=a b'c\"]")
        self.wait_until("the end", lambda: self.states() == ["done"])
        self.assertEqual(answer["runs"][0]["dir"], str(self.folder / "scratch" / "runs" / name))
        self.assert_unbroken(answer["runs"][0]["dir"], 1)
        self.assertIn(f"JobName={name}", self.command("scontrol", "show", "job", answer["job"]).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
