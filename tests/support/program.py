"""Runs dltonic as a user does, under mpirun, and looks at what it leaves behind. Standard library only.

A test is a unittest.TestCase derived from ProgramTest. Where things are comes by the environment, from
tests/support/ProgramTest.cmake: DLTONIC_PROGRAM, DLTONIC_MPIEXEC, DLTONIC_SOURCE_DIR.

Every run asserts by itself that no process of the job stays, that no half file stays in the test's folder, and that
no library's own noise (a stack trace, HDF5's error stack, an uncaught exception) reaches the user.
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["DLTONIC_PROGRAM"]
MPIEXEC = os.environ["DLTONIC_MPIEXEC"]
SOURCE = pathlib.Path(os.environ["DLTONIC_SOURCE_DIR"])
FIXTURES = SOURCE / "tests" / "fixtures"
RECORDINGS = FIXTURES / "events_nmnist"  # 30 Train and 10 Test recordings of 10 classes, 11,391 events
IMAGES = FIXTURES / "events_idx"  # as many images
BINS = ["data.frames.mode=time_bins", "data.frames.bins=10", "data.frames.polarity=keep"]  # whatever the shipped files choose
NMNIST = ["experiment=nmnist_difflogic", f"data.root={RECORDINGS}", *BINS]
SMALL = ["model.gates=400", "train.batch_size=6"]  # 3 steps an epoch on the 20 recordings that train

# What a library or a crash says when nobody caught it.
NOISE = re.compile(r"HDF5-DIAG|terminate called|what\(\):|Segmentation fault|SIGSEGV|SIGABRT|\*\*\* Error in|C\+\+ exception")
OUR_ERROR = re.compile(r"^(?:rank \d+: )?error: ", re.MULTILINE)
DIES_WITHIN_S = 15  # a process that was killed: one that waits for its disk cannot die sooner
HALF_FILE = re.compile(r"\.part$|\.tmp\.|\.dltonic-probe-")


def processes_of(mark):
    """{pid: environment} of the living processes that a job with this mark started."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "environ").read_bytes().split(b"\0")
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue  # gone already, or somebody else's
        if f"DLTONIC_MARK={mark}".encode() in words and state != "Z":
            found[int(entry.name)] = dict(word.decode(errors="replace").partition("=")[::2] for word in words if word)
    return found


def half_files(folder):
    return sorted(str(path) for path in pathlib.Path(folder).rglob("*") if HALF_FILE.search(path.name))


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class Result:
    def __init__(self, command, code, out, err, seconds):
        self.command, self.code, self.out, self.err, self.seconds = command, code, out, err, seconds

    def __str__(self):
        return (f"{' '.join(map(str, self.command))}\nended with {self.code} after {self.seconds:.1f} s\n"
                f"--- standard output\n{self.out}--- standard error\n{self.err}---")

    def json(self):
        """The one object on the last line; nothing else may be on standard output."""
        lines = self.out.splitlines()
        if len(lines) != 1:
            raise AssertionError(f"one line of JSON expected on standard output\n{self}")
        return json.loads(lines[0])


class Job:
    """A running dltonic."""

    def __init__(self, folder, arguments, ranks=None, env=None, wrapper=(), limits=None):
        self.folder = pathlib.Path(folder)
        self.mark = f"dltonic-{os.getpid()}-{time.monotonic_ns()}"
        mpirun = [] if ranks is None else [MPIEXEC, "-n", str(ranks)]
        self.command = [*mpirun, *map(str, wrapper), PROGRAM, *map(str, arguments)]
        environment = {**os.environ, "SCRATCH_STORAGE_DIR": str(self.folder / "scratch"),
                       "PROJECT_STORAGE_DIR": str(self.folder / "project"), "DLTONIC_MARK": self.mark}
        for name, value in (env or {}).items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = str(value)
        self._files = [tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")]
        self._start = time.monotonic()
        self.process = subprocess.Popen(self.command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=self._files[0], stderr=self._files[1], start_new_session=True,
                                        preexec_fn=limits)

    def said(self):
        """Standard error so far."""
        return os.pread(self._files[1].fileno(), 1 << 24, 0).decode(errors="replace")

    def wait_for(self, text, limit_s=60):
        """Until standard error has `text`; fails when the job ends or is silent."""
        while time.monotonic() - self._start < limit_s:
            if text in self.said():
                return
            if self.process.poll() is not None:
                raise AssertionError(f"the job ended before it said {text!r}\n{self.said()}")
            time.sleep(0.02)
        self.end()
        raise AssertionError(f"the job did not say {text!r} within {limit_s} s\n{self.said()}")

    def pid_of(self, rank):
        for pid, environment in processes_of(self.mark).items():
            try:
                is_program = os.path.samefile(f"/proc/{pid}/exe", PROGRAM)
            except OSError:
                continue
            if is_program and environment.get("OMPI_COMM_WORLD_RANK") == str(rank):
                return pid
        raise AssertionError(f"no process of rank {rank}\n{self.said()}")

    def end(self):
        """Kills what is left of the job, and returns when it is gone. Returns the process ids."""
        left, until = set(), time.monotonic() + DIES_WITHIN_S
        while (alive := processes_of(self.mark)) and time.monotonic() < until:
            for pid in alive:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            left.update(alive)
            time.sleep(0.02)
        self.process.wait()
        return sorted(left)

    def wait(self, limit_s=60, clean=True):
        try:
            code = self.process.wait(max(0.1, limit_s))
        except subprocess.TimeoutExpired:
            self.end()
            raise AssertionError(f"{' '.join(self.command)}\ndid not end within {limit_s} s\n{self.said()}") from None
        seconds = time.monotonic() - self._start
        until = time.monotonic() + DIES_WITHIN_S  # mpirun may return a moment before the last rank is gone
        while processes_of(self.mark) and time.monotonic() < until:
            time.sleep(0.05)
        left = self.end()
        texts = []
        for file in self._files:
            file.seek(0)
            texts.append(file.read())
            file.close()
        result = Result(self.command, code, texts[0], texts[1], seconds)
        if left:
            raise AssertionError(f"processes were left behind: {left}\n{result}")
        if NOISE.search(result.out + result.err):
            raise AssertionError(f"noise that no user should see: {NOISE.search(result.out + result.err).group()}\n{result}")
        if clean and half_files(self.folder):
            raise AssertionError(f"half files were left behind: {half_files(self.folder)}\n{result}")
        return result


class ProgramTest(unittest.TestCase):
    """Each test has an empty folder of its own, with scratch and project storage in it."""
    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dltonic-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, *arguments, **options):
        job = Job(options.pop("folder", self.folder), arguments, **options)
        self.addCleanup(job.end)
        return job

    def run_program(self, *arguments, limit_s=90, **options):
        return self.start(*arguments, **options).wait(limit_s)

    def done(self, *arguments, **options):
        """Runs, asserts exit code 0, no error and no warning-free promise. Returns the result."""
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.code, 0, result)
        self.assertNotRegex(result.err, OUR_ERROR, result)
        return result

    def assert_refused(self, result, *facts, code=2):
        """That exit code, nothing on standard output, and exactly one error of ours, with all facts in it."""
        self.assertEqual(result.code, code, result)
        self.assertEqual(result.out, "", result)
        errors = list(OUR_ERROR.finditer(result.err))
        self.assertEqual(len(errors), 1, result)
        error = result.err[errors[0].start():]
        for fact in facts:
            self.assertIn(str(fact), error, result)

    def refused(self, *arguments, facts=(), code=2, **options):
        result = self.run_program(*arguments, **options)
        self.assert_refused(result, *facts, code=code)
        return result

    # -- what runs leave
    def run_folder(self, name):
        return self.folder / "scratch" / "runs" / name

    def prepared(self, pattern="*.h5"):
        return sorted((self.folder / "project" / "data").glob(pattern))

    def metrics(self, run):
        """Lines of metrics.jsonl without what a clock and the machine say."""
        clocks = re.compile("time|seconds|samples_per_s|cut_.*_per_thread_s|step_.*_ms|gpu_memory.*")
        lines = (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines()
        lines = [line for line in map(json.loads, lines) if line["split"] != "resources"]
        return [{key: value for key, value in line.items() if not clocks.fullmatch(key)} for line in lines]

    def checkpoint(self, run, marker="latest"):
        folder = pathlib.Path(run) / "checkpoints"
        return folder / (folder / marker).read_text().strip()

    def manifest(self, run, marker="latest"):
        """With the parts that the program gave to the store, and the checksum of the state, as keys of its own."""
        manifest = json.loads((self.checkpoint(run, marker) / "manifest.json").read_text())
        return {**manifest, **manifest["parts"], "state_checksum": manifest["state"]["checksum"]}


def copy_of_recordings(folder):
    """A writable copy of the fixture's recordings."""
    target = pathlib.Path(folder) / "recordings"
    shutil.copytree(RECORDINGS, target)
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target
