"""The command line: help, doctor, the shipped configurations, every key, and calls as users of the Python tool type them."""
import json
import re
import unittest

from program import BINS, IMAGES, NMNIST, RECORDINGS, SMALL, SOURCE, ProgramTest

MIGRATION = [line for line in (SOURCE / "docs" / "migration.md").read_text().splitlines() if line.startswith("| `")]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def flat(section, prefix=""):
    for key, value in section.items():
        if isinstance(value, dict):
            yield from flat(value, prefix + key + ".")
        else:
            yield prefix + key, value


class Commands(ProgramTest):
    def test_help(self):
        text = self.done("--help", ranks=2).out
        for command in ("prepare", "train", "evaluate", "inspect", "doctor"):
            self.assertEqual(len(re.findall(rf"^ +{command} ", text, re.MULTILINE)), 1, text)
            self.assertIn("--help", self.done(command, "--help").out)
        self.assertRegex(self.done("--version").out, r"^dltonic \d+\.\d+")

    def test_help_config_lists_every_key(self):
        text = self.done("train", "--help-config", ranks=2).out
        for line in MIGRATION:
            for key in re.findall(r"`([a-z_.]+)`", cells(line)[1]):
                self.assertIn(key.rsplit(".", 1)[1], text, line)

    def test_doctor(self):
        facts = self.done("doctor", "--json", ranks=2).json()
        self.assertEqual(len(facts["ranks"]), 2)
        for key in ("dltonic", "MPI", "HDF5", "LibTorch", "CPU", "CUDA", "NCCL", "GPU", "SCRATCH_STORAGE_DIR", "PROJECT_STORAGE_DIR", "wrong"):
            self.assertIn(key, facts)
        self.assertIn("parallel", facts["HDF5"])
        self.assertRegex(facts["MPI-IO"], "^ROMIO")
        self.assertFalse([line for line in facts["wrong"] if "MPI-IO" in line])
        if facts["GPUs"]:
            self.assertEqual(facts["GPU"], f"{len(facts['GPUs'])} seen by rank 0")
            self.assertRegex(facts["NCCL"], "NCCL")
            for gpu in facts["GPUs"]:
                self.assertRegex(gpu["pci_address"], r"^[0-9A-Fa-f]+:[0-9A-Fa-f]+:[0-9A-Fa-f]+\.")
                self.assertRegex(gpu["compute_capability"], r"^\d+\.\d+$")
                self.assertGreater(gpu["memory_bytes"], 10**9)
        else:
            self.assertRegex(facts["GPU"], r"^none: .")
        hidden = self.done("doctor", "--json", env={"CUDA_VISIBLE_DEVICES": ""}).json()
        self.assertRegex(hidden["GPU"], r"^none: .")
        self.assertEqual(hidden["GPUs"], [])
        self.assertIn("rank 0", self.done("doctor").out)
        if "Open MPI" in facts["MPI"]:
            other = self.done("doctor", "--json", env={"OMPI_MCA_io": "ompio"}).json()
            self.assertRegex(other["MPI-IO"], "^OMPIO")
            self.assertTrue([line for line in other["wrong"] if "set OMPI_MCA_io=^ompio" in line])

    def test_shipped_experiments_load(self):
        experiments = sorted((SOURCE / "configs" / "experiment").glob("*.yaml"))
        self.assertGreaterEqual(len(experiments), 6)
        for path in experiments:
            for words in ([path], [f"experiment={path.stem}"]):
                # Reading the configuration succeeds: what fails is the look for the data.
                result = self.refused("prepare", *words, "data.root=/nonexistent", facts=["/nonexistent"])
                self.assertNotIn("in the configuration", result.err, result)

    def test_every_key_is_accepted_on_the_command_line(self):
        self.done("prepare", *NMNIST)
        self.done("train", *NMNIST, *SMALL, "train.epochs=1")
        config = dict(flat(self.manifest(self.run_folder("nmnist_difflogic"))["config"]))
        words = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in config.items()]
        for line in MIGRATION:
            old, new = cells(line)[:2]
            for key in re.findall(r"`([a-z_.]+)`", new):
                self.assertIn(key, config, line)
        again = self.done("train", *words, "run.name=again", f"run.dir={self.run_folder('again')}")
        self.assertEqual(self.metrics(self.run_folder("again")), self.metrics(self.run_folder("nmnist_difflogic")), again)

    def test_old_keys_are_answered_with_new_ones(self):
        wanted = []
        for line in MIGRATION:
            old, new = (re.findall(r"`([a-z_.*]+)`", cell) for cell in cells(line)[:2])
            if old != new and "." in old[0]:
                wanted.append((old[0].replace("*", "rotate"), new))
        self.assertGreater(len(wanted), 12)
        result = self.refused("prepare", *NMNIST, *[f"{old}=1" for old, _ in wanted], facts=[f"{len(wanted)} faults"])
        lines = result.err.splitlines()
        for old, new in wanted:
            said = [line for line in lines if f"{old}=1" in line or f"{old}:" in line]
            self.assertEqual(len(said), 1, f"{old}\n{result}")
            for key in new:
                self.assertIn(key, said[0])

    def test_call_as_with_the_python_tool(self):
        (self.folder / "data").mkdir()
        (self.folder / "data" / "nmnist").symlink_to(RECORDINGS)
        self.done("prepare", "experiment=nmnist_difflogic")
        words = ["experiment=nmnist_difflogic", "model=mlp", "train.epochs=1", "train.batch_size=10"]
        summary = self.done("train", *words, "--json", ranks=2).json()
        self.assertEqual((summary["steps"], summary["epochs"]), (2, 1))
        found = self.done("evaluate", "--run", self.run_folder(summary["run"]), "--json", ranks=2).json()
        self.assertEqual(found["samples"], 10)

    def test_storage_defaults_are_said_once(self):
        result = self.done("prepare", *NMNIST, ranks=2, env={"SCRATCH_STORAGE_DIR": None, "PROJECT_STORAGE_DIR": None})
        for name, folder in (("SCRATCH_STORAGE_DIR", "scratch"), ("PROJECT_STORAGE_DIR", "project_storage")):
            self.assertEqual(result.err.count(f"{name} is not set: using ./{folder}"), 1, result)
            self.assertTrue((self.folder / folder).is_dir())

    def test_images_and_simulated_recordings_train(self):
        for experiment, features in (("mnist_difflogic", 400), ("mnist_events_difflogic", 23120)):
            words = [f"experiment={experiment}", f"data.root={IMAGES}", *(BINS if "events" in experiment else [])]
            self.done("prepare", *words, ranks=2)
            self.done("train", *words, *SMALL, "model.layers=2", "train.epochs=2", ranks=2)
            found = self.done("evaluate", "--run", self.run_folder(experiment), "--json", ranks=2).json()
            self.assertEqual((found["samples"], found["recordings"]), (10, 10))
            manifest = self.manifest(self.run_folder(experiment))
            shape = manifest["fit"]["input"]
            self.assertEqual(shape["channels"] * shape["height"] * shape["width"], features)


if __name__ == "__main__":
    unittest.main(verbosity=2)
