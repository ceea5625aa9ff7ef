"""Wrong configurations: exit code 2, all faults at once, before any work."""
import unittest

from program import NMNIST, RECORDINGS, SMALL, ProgramTest


class WrongConfiguration(ProgramTest):
    def test_three_faults_in_a_file(self):
        config = self.folder / "mine.yaml"
        config.write_text("data:\n"
                          "  name: mine\n"
                          "  kind: recording\n"         # 3:9, no such choice
                          "train:\n"
                          "  epochs: many\n"            # 5:11, not a number
                          "  bach_size: 10\n"           # 6:3, unknown
                          "model: {kind: difflogic}\n")
        self.refused("train", config, ranks=2,
                     facts=["3 faults", f"{config.name}:3:9: data.kind", f"{config.name}:5:11: train.epochs", "many",
                            f"{config.name}:6:3: train.bach_size", "did you mean train.batch_size?"])

    def test_file_that_is_no_yaml(self):
        config = self.folder / "mine.yaml"
        config.write_text("data:\n  name: [a, b\n")
        self.refused("train", config, facts=["mine.yaml:2:"])

    def test_file_that_is_not_there(self):
        self.refused("train", self.folder / "none.yaml", ranks=2, facts=[self.folder / "none.yaml"])

    def test_unknown_key_names_the_nearest(self):
        self.refused("train", *NMNIST, "model.gatez=100", ranks=2, facts=["model.gatez", "did you mean model.gates?"])

    def test_unknown_key_of_the_python_tool_names_the_new_one(self):
        self.refused("train", *NMNIST, "model.difflogic.num_neurons=100",
                     facts=["model.difflogic.num_neurons", "is model.gates here"])

    def test_unknown_experiment_lists_known_ones(self):
        self.refused("train", "experiment=nmnist_diflogic", facts=["nmnist_diflogic", "nmnist_difflogic"])

    def test_unknown_command_and_option(self):
        for words in (["tarin"], ["train", "--resum"], ["evaluate"], []):
            result = self.run_program(*words, ranks=2)
            self.assertEqual(result.code, 2, result)
            self.assertEqual(result.out, "", result)
            ours = [line for line in result.err.splitlines() if "--help" in line]
            self.assertEqual(len(ours), 1, result)

    def test_storage_folder_that_is_a_file(self):
        (self.folder / "project").write_text("")
        self.refused("prepare", *NMNIST, ranks=2,
                     facts=["PROJECT_STORAGE_DIR", self.folder / "project", "it is not a folder", "set PROJECT_STORAGE_DIR"])

    def test_doctor_tells_of_an_unusable_storage_folder(self):
        (self.folder / "scratch").write_text("")
        result = self.run_program("doctor")
        self.assertEqual(result.code, 0, result)
        self.assertRegex(result.out, f"WRONG: SCRATCH_STORAGE_DIR.*{self.folder}/scratch")


class WrongForTheRanksOrTheData(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *NMNIST)

    def train_refused(self, *words, ranks, facts):
        self.refused("train", *NMNIST, *SMALL, *words, ranks=ranks, facts=facts)

    def test_more_ranks_than_samples_in_a_batch(self):
        self.train_refused("train.batch_size=2", ranks=3, facts=["train.batch_size is 2", "3 ranks"])

    def test_shards_that_do_not_divide_the_batch(self):
        self.train_refused("distributed.reduction=canonical", "distributed.canonical_shards=4", ranks=2,
                           facts=["distributed.canonical_shards is 4", "train.batch_size 6"])

    def test_more_ranks_than_shards(self):
        self.train_refused("distributed.reduction=canonical", "distributed.canonical_shards=2", ranks=3,
                           facts=["distributed.canonical_shards is 2", "3 ranks"])

    def test_batch_larger_than_the_data(self):
        self.train_refused("train.batch_size=1000", ranks=2, facts=["train.batch_size is 1000", "only 20 samples"])

    def test_run_folder_that_holds_checkpoints(self):
        words = [*NMNIST, *SMALL, "train.epochs=1"]
        self.done("train", *words)
        before = {path: path.stat().st_mtime_ns for path in self.run_folder("nmnist_difflogic").rglob("*")}
        self.refused("train", *words, ranks=2, facts=[self.run_folder("nmnist_difflogic"), "--resume"])
        after = {path: path.stat().st_mtime_ns for path in self.run_folder("nmnist_difflogic").rglob("*")}
        self.assertEqual(before, after, "the run's folder was touched")

    def test_resume_of_another_model(self):
        self.done("train", *NMNIST, *SMALL, "train.epochs=1")
        self.train_refused("train.epochs=2", "model.gates=800", "--resume", ranks=2, facts=["400", "800"])

    def test_evaluate_what_is_no_run(self):
        self.refused("evaluate", "--run", RECORDINGS, ranks=2, facts=[RECORDINGS, "config.yaml"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
