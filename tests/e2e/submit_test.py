"""dltonic submit and the scripts of jobs/, with stand-ins for Slurm's commands and mpirun: what is refused, what is handed to
Slurm, and what a job does with signals and exit codes. tests/slurm/ does the same on a real Slurm."""
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from program import NMNIST, SMALL, SOURCE, ProgramTest

# Stand-ins note how they were called, a line a call.
SBATCH = """#!/bin/sh
echo "sbatch $*" >>"$CALLS"
case $* in
  *--test-only*) cat >"$CALLS.checked"; [ -z "$REFUSE" ] || { echo "sbatch: error: $REFUSE" >&2; exit 1; }
    echo "sbatch: Job 7 to start at 2026-01-01T00:00:00 using 2 processors on nodes n[1-2]" >&2;;
  *) echo 4711;;
esac
"""
SQUEUE = """#!/bin/sh
echo "squeue $*" >>"$CALLS"
echo "$STATE"
"""
SCONTROL = """#!/bin/sh
echo "scontrol $*" >>"$CALLS"
"""
# Takes the place of srun and mpirun: the ranks' job, which ends with a code of each attempt's own, or by USR1.
LAUNCH = """#!/bin/bash
echo "launch $*" >>"$CALLS"
attempt=$(grep -c "^launch" "$CALLS")
read -ra codes <<<"$CODES"
code=${codes[$((attempt - 1))]}
case $code in
  wait) trap 'echo "told USR1" >>"$CALLS"; sleep 0.3; exit 75' USR1; echo ready >>"$CALLS"; while :; do sleep 0.05; done;;
  deaf) echo ready >>"$CALLS"; exec sleep 60;;
  *) exit "$code";;
esac
"""


# BASH_ENV of a script: once, a signal comes after a child is started and before its number is known.
SIGNAL_IN_BETWEEN = """set -T
trap '[[ $BASH_COMMAND != "child=\$!" || -e $CALLS.sent ]] || { : >"$CALLS.sent"; kill -USR1 $$; }' DEBUG
"""


class SubmitTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.calls_file = self.folder / "calls"
        self.without_slurm = {"PATH": str(self.bin)}
        for name in ("orted", "ssh"):  # Open MPI looks for them in a process without mpirun too
            if shutil.which(name):
                (self.bin / name).symlink_to(shutil.which(name))
        self.env = {"CALLS": self.calls_file, "PATH": f"{self.bin}:{os.environ['PATH']}", "SLURM_CONF": "/nonexistent"}

    def stand_in(self, name, text):
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def calls(self, word=""):
        if not self.calls_file.exists():
            return []
        return [line for line in self.calls_file.read_text().splitlines() if line.startswith(word)]

    def wait_for_call(self, word, limit_s=30):
        until = time.monotonic() + limit_s
        while not self.calls(word):
            self.assertLess(time.monotonic(), until, f"nobody did: {word}; {self.calls()}")
            time.sleep(0.02)

    def submitted(self):
        folders = sorted((self.folder / "project" / "jobs").glob("*"))
        self.assertEqual(len(folders), 1, folders)
        return folders[0]


class Submit(SubmitTest):
    def test_dry_run_prints_the_script_and_leaves_nothing(self):
        self.stand_in("sbatch", SBATCH)
        result = self.done("submit", *NMNIST, "model.gates=8000,16000", "model.tau=1,10", "--nodes", 2, "--gpus-per-node", 4, "--time", "02:00:00",
                           "cluster.partition=gpu", "--dry-run", env=self.env)
        for line in ("#SBATCH --nodes=2", "#SBATCH --ntasks-per-node=4", "#SBATCH --gpus-per-node=4", "#SBATCH --array=0-3", "#SBATCH --time=02:00:00",
                     "#SBATCH --signal=B:USR1@180", "#SBATCH --partition=gpu", "#SBATCH --job-name=nmnist_difflogic"):
            self.assertEqual(result.out.splitlines().count(line), 1, result)
        for name in ("gates=8000-tau=1", "gates=8000-tau=10", "gates=16000-tau=1", "gates=16000-tau=10"):
            self.assertIn(f"nmnist_difflogic-{name}: {self.folder}/scratch/runs/nmnist_difflogic-{name}\n", result.err)
        self.assertIn("Job 7 to start", result.err)
        self.assertIn("not prepared", result.err)
        self.assertEqual(self.calls(), ["sbatch --test-only"])
        self.assertEqual((self.folder / "calls.checked").read_text(), result.out)
        self.assertFalse((self.folder / "project").exists())

    def test_faults_are_found_before_anything_is_queued(self):
        self.stand_in("sbatch", SBATCH)
        for words, facts in (
                ([*NMNIST, "model.gatse=8000,16000"], ["model.gatse", "did you mean model.gates"]),
                ([*NMNIST, "model.gates=8000,many"], ["the run gates=many", "model.gates=many", "integer"]),
                ([*NMNIST, "model.gates=8000,,1"], ["a value is empty"]),
                (["experiment=nmnist_diflogic"], ["nmnist_diflogic"]),
                ([*NMNIST, "--cluster", "nowhere"], ["cluster=nowhere", "slurm"]),
                ([*NMNIST, "--time", "soon"], ["cluster.time", "soon"]),
                ([*NMNIST, "cluster.lancher=srun"], ["cluster.launcher"]),
                ([*NMNIST, "--prepare", "cluster.script=no.sh"], ["no.sh"]),
                (NMNIST, ["not prepared", "dltonic prepare", "--prepare"])):
            self.refused("submit", *words, facts=facts, env=self.env)
        self.assertEqual(self.calls(), [])
        self.refused("submit", *NMNIST, "--prepare", facts=["sbatch refuses this job: invalid partition"], env={**self.env, "REFUSE": "invalid partition"})
        self.assertEqual(self.calls(), ["sbatch --test-only"])
        self.assertFalse((self.folder / "project" / "jobs").exists())
        self.refused("submit", *NMNIST, "--prepare", ranks=2, facts=["one process"], env=self.env)

    def test_placeholder_that_nothing_fills(self):
        self.stand_in("sbatch", SBATCH)
        (self.folder / "mine.sh").write_text("#!/bin/sh\n#SBATCH --nodes={{node}}\n")
        self.refused("submit", *NMNIST, "--prepare", "cluster.script=./mine.sh", facts=["./mine.sh:2: nothing fills {{node}}", "nodes"], env=self.env)

    def test_without_slurm_the_other_way_is_named(self):
        self.refused("submit", *NMNIST, "--prepare", facts=["no sbatch", "jobs/mpirun.sh"], env={**self.env, **self.without_slurm})
        self.assertFalse((self.folder / "project" / "jobs").exists())
        self.assertIn("unchecked", self.done("submit", *NMNIST, "--dry-run", env={**self.env, **self.without_slurm}).err)

    def test_submission_is_written_down(self):
        self.stand_in("sbatch", SBATCH)
        self.stand_in("squeue", SQUEUE)
        words = [*NMNIST, *SMALL, "model.tau=1,10"]
        answer = self.done("submit", *words, "--prepare", "--at-once", 1, "--json", env=self.env).json()
        folder = self.submitted()
        self.assertEqual(answer["job"], "4711")
        self.assertEqual(answer["folder"], str(folder))
        self.assertEqual(self.calls("sbatch"), ["sbatch --test-only", f"sbatch --parsable {folder}/job.sh"])
        record = json.loads((folder / "submit.json").read_text())
        self.assertEqual([run["values"] for run in record["runs"]], [{"model.tau": "1"}, {"model.tau": "10"}])
        self.assertIn("#SBATCH --array=0-1%1\n", (folder / "job.sh").read_text())
        # Each task is whole: no include, no override, no variable is left to be looked up when the job runs.
        for task, run in enumerate(answer["runs"]):
            text = (folder / f"task-{task}.yaml").read_text()
            self.assertIn(f"  tau: \"{[1, 10][task]}\"\n", text)
            self.assertIn(f"  name: {run['run']}\n", text)
            self.assertIn(f"  dir: {run['dir']}\n", text)
            self.assertNotIn("include", text.partition("\n")[2])
        states = {**self.env, "STATE": "4711|0|RUNNING\n4711|1|PENDING"}
        table = list(csv.DictReader(io.StringIO(self.done("submit", "--status", "--csv", env=states).out)))
        self.assertEqual([(row["run"], row["state"], row["job"], row["model.tau"]) for row in table],
                         [("nmnist_difflogic-tau=1", "running", "4711_0", "1"), ("nmnist_difflogic-tau=10", "pending", "4711_1", "10")])
        # Two jobs must not write one run; others may be queued.
        self.refused("submit", *words, "--prepare", facts=["nmnist_difflogic-tau=1", "4711_0", "RUNNING", "scancel"], env=states)
        self.done("submit", *words, "--prepare", "run.name=other", env=states)

    def test_status_of_a_run_in_the_foreground(self):
        self.done("prepare", *NMNIST)
        self.done("train", *NMNIST, *SMALL, "train.epochs=2", "run.name=here")
        env = {**self.env, **self.without_slurm}  # no Slurm
        status = self.done("submit", "--status", "--json", env=env).json()["runs"]
        self.assertEqual(len(status), 1)
        self.assertEqual((status[0]["run"], status[0]["state"], status[0]["step"], status[0]["epoch"], status[0]["epochs"]), ("here", "done", 6, 2, "2"))
        last = [line for line in self.metrics(self.run_folder("here")) if line["split"] == "val"][-1]
        self.assertEqual(status[0]["value"], last[status[0]["monitor"]])
        self.assertEqual(status[0]["metrics"]["val/loss"], last["loss"])
        self.assertRegex(self.done("submit", "--status", env=env).out, r"(?m)^here +done +6 +2/2 +\w+ +[\d.]+$")
        self.assertEqual(self.done("submit", "--status", "elsewhere", "--csv", env=env).out, "run,state,job,step,epoch\n")


class Running(SubmitTest):
    """A script that bash runs, with stand-ins for what it calls. CODES: how each launch ends."""

    def setUp(self):
        super().setUp()
        for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scontrol", SCONTROL), ("srun", LAUNCH), ("mpirun", LAUNCH)):
            self.stand_in(name, text)
        self.stand_in("sleep", "#!/bin/sh\n[ \"$1\" = 30 ] || exec /bin/sleep \"$1\"\n")  # 30: the wait for Slurm's own end of the job

    def start_script(self, command, codes, **variables):
        env = {**os.environ, **{name: str(value) for name, value in self.env.items()}, "CODES": codes, **variables}
        self.log = self.folder / "log"
        with open(self.log, "w") as log:
            process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd="/")
        self.addCleanup(process.kill)
        return process

    def ended(self, process, code):
        self.assertEqual(process.wait(30), code, self.log.read_text())
        return self.log.read_text()

    def signal_in_between(self):
        path = self.folder / "in_between.sh"
        path.write_text(SIGNAL_IN_BETWEEN)
        return {"BASH_ENV": str(path)}

    def assert_told_once(self, text):
        """Whether or not it lived long enough to hear it."""
        self.assertTrue((self.folder / "calls.sent").exists())
        self.assertEqual(text.count("USR1: told to save and stop"), 1, text)
        self.assertLessEqual(len(self.calls("launch")), 1, text)
        self.assertIn(self.calls("told"), ([], ["told USR1"]), text)


class JobScript(Running):
    def start_job(self, codes, words=(), state="RUNNING", **variables):
        self.done("submit", *NMNIST, *SMALL, *words, "--prepare", env=self.env)
        self.job = self.submitted()
        self.calls_file.unlink()
        return self.start_script(["bash", self.job / "job.sh"], codes, STATE=state,
                                 **{"SLURM_JOB_ID": "12", "SLURM_JOB_NODELIST": "n1", "SLURM_CPUS_PER_TASK": "3", **variables})

    def exit_noted(self, task=0):
        return (self.job / f"exit-{task}").read_text().strip()

    def test_prepares_then_trains(self):
        text = self.ended(self.start_job("0 0"), 0)
        launches = self.calls("launch")
        self.assertRegex(launches[0], r"^launch --mpi=pmix --kill-on-bad-exit=1 /\S+dltonic prepare " + f"{self.job}/task-0.yaml$")
        self.assertRegex(launches[1], r"dltonic train " + f"{self.job}/task-0.yaml --resume$")
        self.assertEqual((len(launches), self.calls("scontrol"), self.exit_noted()), (2, [], "0"), text)

    def test_a_failure_ends_the_job(self):
        self.ended(self.start_job("2"), 2)
        self.assertEqual((len(self.calls("launch")), self.calls("scontrol"), self.exit_noted()), (1, [], "2"))

    def test_told_before_the_limit_saves_and_is_queued_again(self):
        for heard, sent in ((signal.SIGUSR1, "USR1"), (signal.SIGTERM, "TERM")):
            with self.subTest(sent):
                process = self.start_job("0 wait", [f"run.name={sent}"]) if sent == "USR1" else self.start_script(
                    ["bash", self.job / "job.sh"], "0 wait", STATE="RUNNING", SLURM_JOB_ID="12", SLURM_JOB_NODELIST="n1")
                self.wait_for_call("ready")
                process.send_signal(heard)
                text = self.ended(process, 75)
                self.assertIn(f"{sent}: told to save and stop", text)
                self.assertEqual((self.calls("told"), self.calls("scontrol"), self.exit_noted()), (["told USR1"], ["scontrol requeue 12"], "75"), text)
                self.calls_file.unlink()

    def test_a_task_of_an_array_is_queued_again_alone(self):
        process = self.start_job("0 75", ["model.tau=1,10"], SLURM_ARRAY_JOB_ID="9", SLURM_ARRAY_TASK_ID="1", SLURM_RESTART_COUNT="2")
        text = self.ended(process, 75)
        self.assertIn("job 9_1: attempt 3 on n1", text)
        self.assertTrue(self.calls("launch")[1].endswith(f"{self.job}/task-1.yaml --resume"))
        self.assertEqual(self.calls("scontrol"), ["scontrol requeue 9_1"])
        self.assertEqual(self.exit_noted(1), "75")

    def test_a_signal_before_the_ranks_can_hear_it_is_no_failure(self):
        process = self.start_job("0 deaf")
        self.wait_for_call("ready")
        process.send_signal(signal.SIGUSR1)
        self.ended(process, 75)
        self.assertEqual(self.calls("scontrol"), ["scontrol requeue 12"])

    def test_a_signal_while_preparing_starts_no_training(self):
        process = self.start_job("deaf 0")
        self.wait_for_call("ready")
        process.send_signal(signal.SIGUSR1)
        self.ended(process, 75)
        self.assertEqual(len(self.calls("launch")), 1)

    def test_a_signal_just_as_the_ranks_start(self):
        self.assert_told_once(self.ended(self.start_job("wait", **self.signal_in_between()), 75))
        self.assertEqual(self.calls("scontrol"), ["scontrol requeue 12"])

    def test_a_cancelled_job_stays_cancelled(self):
        text = self.ended(self.start_job("0 75", state="CANCELLED"), 75)
        self.assertEqual(self.calls("scontrol"), [])
        self.assertIn("not queued again, since the job is CANCELLED", text)

    def test_requeues_have_a_limit(self):
        text = self.ended(self.start_job("0 75", ["cluster.requeues=2"], SLURM_RESTART_COUNT="2"), 75)
        self.assertEqual(self.calls("scontrol"), [])
        self.assertIn("cluster.requeues=2 is reached", text)
        self.assertIn(f"sbatch {self.job}/job.sh", text)

    def test_environment_of_the_job(self):
        self.stand_in("srun", '#!/bin/bash\necho "launch" >>"$CALLS"\nprintf "%s|" "$PWD" "$SCRATCH_STORAGE_DIR" "$PROJECT_STORAGE_DIR" "$NAME" "$MORE" "$OMP_NUM_THREADS" "$SRUN_CPUS_PER_TASK" >>"$CALLS"\n')
        words = ["cluster.env=[\"NAME=it's $HOME\"]", "cluster.setup=[\"export MORE=$((1 + 1))\"]", f"cluster.scratch={self.folder}/my scratch"]
        self.ended(self.start_job("", words), 0)
        self.assertEqual(self.calls(str(self.folder))[0].split("|")[:7],
                         [str(self.folder), f"{self.folder}/my scratch", f"{self.folder}/project", "it's $HOME", "2", "3", "3"])


class MpirunScript(Running):
    def start_mpirun(self, codes, *words, **variables):
        program = self.folder / "dltonic"
        program.write_text("")
        program.chmod(0o755)
        return self.start_script([SOURCE / "jobs" / "mpirun.sh", *words], codes, DLTONIC=str(program), **variables)

    def test_goes_on_while_ranks_say_run_me_again(self):
        self.ended(self.start_mpirun("75 75 0", "-n", "2", "--hostfile", "my hosts", "--", "experiment=x", "data.root=/a b"), 0)
        self.assertEqual(self.calls("launch"), 3 * [f"launch -n 2 --hostfile my hosts {self.folder}/dltonic train experiment=x data.root=/a b --resume"])

    def test_a_failure_ends_it(self):
        self.ended(self.start_mpirun("75 1", "-n", "2", "--", "experiment=x"), 1)

    def test_restarts_have_a_limit(self):
        text = self.ended(self.start_mpirun("75 75 75 75", "--", "experiment=x", RESTARTS="2"), 75)
        self.assertEqual(len(self.calls("launch")), 3)
        self.assertIn("RESTARTS=2 is reached", text)

    def test_signals_are_handed_on_and_end_it(self):
        for number in (signal.SIGUSR1, signal.SIGTERM):
            with self.subTest(number):
                process = self.start_mpirun("wait 0", "--", "experiment=x")
                self.wait_for_call("ready")
                process.send_signal(number)
                self.ended(process, 75)
                self.assertEqual((len(self.calls("launch")), self.calls("told")), (1, ["told USR1"]))
                self.calls_file.unlink()

    def test_a_signal_just_as_mpirun_starts(self):
        self.assert_told_once(self.ended(self.start_mpirun("wait 0", "--", "experiment=x", **self.signal_in_between()), 75))

    def test_says_how_to_call_it(self):
        self.assertIn("jobs/mpirun.sh -n 8", self.ended(self.start_mpirun("", "-n", "2"), 2))
        self.assertIn("missing", self.ended(self.start_script([SOURCE / "jobs" / "mpirun.sh", "--", "x"], "", DLTONIC="/nonexistent/dltonic"), 2))


if __name__ == "__main__":
    unittest.main(verbosity=2)
