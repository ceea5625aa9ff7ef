"""dltonic checkpoints, how a checkpoint is chosen, what is kept, what is refused, and beginning with another run's weights."""
import os
import unittest

from program import NMNIST, SMALL, ProgramTest

TRAIN = ["train", *NMNIST, *SMALL, "checkpoint.mode=blocking", "storage.mirror=false"]  # 3 steps an epoch


class ManyCheckpoints(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *NMNIST)
        self.done(*TRAIN, "train.epochs=4", "checkpoint.keep_last=10", ranks=2)
        self.run = self.run_folder("nmnist_difflogic")

    def steps(self):
        listed = self.done("checkpoints", "list", self.run, "--json").json()["checkpoints"]
        return [entry["step"] for entry in listed]

    def renamed(self, step, time):
        """As if it had been saved at that time."""
        old = next((self.run / "checkpoints").glob(f"step-{step}_*"))
        new = old.with_name(f"step-{step}_{time}")
        old.rename(new)
        return new.name

    def test_list_and_show_checkpoints(self):
        listed = self.done("checkpoints", "list", self.run, "--json").json()["checkpoints"]
        self.assertEqual([(entry["step"], entry["progress"]["epoch"], entry["good"]) for entry in listed],
                         [(12, 4, True), (9, 3, True), (6, 2, True), (3, 1, True)])
        self.assertEqual([entry["latest"] for entry in listed], [True, False, False, False])
        self.assertEqual(sum(entry["best"] for entry in listed), 1)
        for entry in listed:
            self.assertIn("accuracy_hard", entry["metrics"])
        table = self.done("checkpoints", "list", self.run)
        self.assertEqual(len(table.out.splitlines()), 4)
        self.assertRegex(table.out, r"step-12_\w+ +\d.* epoch 4.00 .*accuracy_hard [01]\.\d+.*latest")
        shown = self.done("checkpoints", "show", self.run, "step-6", "--json").json()
        self.assertEqual((shown["step"], shown["config"]["train"]["epochs"], shown["fit"]["train"]["batch_size"]), (6, 4, 6))
        self.assertEqual(len(shown["fit"]["wiring"]), 64)
        self.assertEqual(self.done("checkpoints", "show", self.run, "--json").json()["step"], 12)

    def test_choosing_by_step_time_and_marker(self):
        self.renamed(3, "20260101T100000Z")
        chosen = self.renamed(6, "20260101T110000Z")
        for words in (["step-6"], ["6"], [chosen], ["@2026-01-01 11:00"], ["--at", "2026-01-01T23:00:00Z"]):
            self.assertEqual(self.done("checkpoints", "show", self.run, *words, "--json").json()["name"], chosen)
        self.assertEqual(self.done("evaluate", "--run", self.run, "--at", "2026-01-01", "--json").json()["checkpoint"], chosen)
        self.assertEqual(self.done("evaluate", "--run", self.run, "--checkpoint", "step-6", "--json").json()["checkpoint"], chosen)
        self.refused("checkpoints", "show", self.run, "--at", "2025-01-01", facts=["2025-01-01", chosen])
        self.refused("checkpoints", "show", self.run, "step-7", ranks=2, facts=["step-7", chosen])
        self.refused("checkpoints", "show", self.run, "--at", "noon", facts=["noon", "UTC"])
        self.refused("checkpoints", "list", self.folder / "project", facts=["holds no checkpoints"])

    def test_verify_names_what_is_broken(self):
        good = self.done("checkpoints", "verify", self.run, "--json", ranks=3).json()
        self.assertEqual(good, {"checkpoints": 4, "good": 4, "broken": []})
        state = next((self.run / "checkpoints").glob("step-9_*")) / "state.h5"
        os.truncate(state, state.stat().st_size - 1)
        (next((self.run / "checkpoints").glob("step-3_*")) / "manifest.json").write_text("{")
        result = self.run_program("checkpoints", "verify", self.run, ranks=2)
        self.assertEqual(result.code, 1, result)
        self.assertIn("2 of 4 checkpoints are whole\n", result.out)
        self.assertRegex(result.out, r"step-9_\w+: state.h5 has ")
        self.assertRegex(result.out, r"step-3_\w+: .*manifest.json")
        self.assertEqual(self.run_program("checkpoints", "verify", self.run, "step-9").code, 1)
        self.done("checkpoints", "verify", self.run, "latest")
        self.assertIn("BROKEN", self.done("checkpoints", "list", self.run).out)

    def test_prune_by_policy_and_by_the_command_line(self):
        best = self.checkpoint(self.run, "best").name
        wanted = {int(best.split("-")[1].split("_")[0]), 12}
        told = self.done("checkpoints", "prune", self.run, "--keep-last", "1", "--dry-run", "--json").json()
        self.assertEqual(self.steps(), [12, 9, 6, 3])
        self.assertEqual(len(told["removed"]), 4 - len(wanted))
        self.assertEqual(self.done("checkpoints", "prune", self.run, "--json").json()["removed"], [])  # the run's own policy keeps 10
        self.done("checkpoints", "prune", self.run, "--keep-last", "1", "--keep-every-steps", "6", ranks=2)
        self.assertEqual(set(self.steps()), wanted | {6, 12})
        self.done("checkpoints", "prune", self.run, "--keep-last", "1")
        self.assertEqual(set(self.steps()), wanted)
        self.assertEqual(self.checkpoint(self.run, "best").name, best)


class WhatIsKeptAndRefused(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *NMNIST)
        self.run = self.run_folder("nmnist_difflogic")

    def kept(self):
        return sorted(int(path.name.split("-")[1].split("_")[0]) for path in (self.run / "checkpoints").glob("step-*"))

    def test_saves_by_steps_and_what_is_kept(self):
        self.done(*TRAIN, "train.epochs=3", "checkpoint.every_epochs=0", "checkpoint.every_steps=2", "checkpoint.keep_last=1",
                  "checkpoint.keep_every_steps=4", ranks=2)
        self.assertTrue({4, 8, 9} <= set(self.kept()), self.kept())
        self.assertNotIn(2, self.kept())

    def test_a_checkpoint_that_does_not_fit_is_refused_with_a_list(self):
        self.done(*TRAIN, "train.epochs=1", ranks=2)
        other = [*TRAIN, "train.epochs=2", "--resume"]
        changed = ["model.tau=3", "train.seed=4", "train.batch_size=5"]
        self.refused(*other, *changed, ranks=2,
                     facts=["does not fit this configuration", 'model.tau: "auto" in the checkpoint, "3" here',
                            "train.seed: 0 in the checkpoint, 4 here", "train.batch_size: 6 in the checkpoint, 5 here", "wiring:",
                            "--allow"])
        self.refused(*other, *changed, "--allow", "train,wiring", facts=["model.tau"])
        result = self.done(*other, "model.tau=3", "--allow", "model.tau", ranks=2)
        self.assertIn("going on from step-3_", result.err)

    def test_what_may_always_change(self):
        self.done(*TRAIN, "train.epochs=1", ranks=2)
        self.done(*TRAIN, "train.epochs=2", "--resume", "train.micro_batch_size=1", "train.learning_rate=0.001",
                  "train.precision=bfloat16", ranks=3)

    def test_begins_with_the_weights_of_another_run(self):
        self.done(*TRAIN, "train.epochs=2", "run.name=first", ranks=2)
        first = self.run_folder("first")
        began = self.done(*TRAIN, "train.epochs=1", "run.name=second", "train.init_from=first:latest", "train.learning_rate=1e-12",
                          ranks=2)
        self.assertRegex(began.err, r"train.init_from: begins with \d+ tensors of .*first/checkpoints/step-6_.*layer0/logits.*anew")
        self.assertNotIn("moment1", began.err)
        # With next to no rate the weights stay, so the second run reads the data as the first one does.
        evaluated = [self.done("evaluate", "--run", run, "--checkpoint", "latest", "--json").json()
                     for run in (first, self.run_folder("second"))]
        self.assertEqual(evaluated[0]["confusion"], evaluated[1]["confusion"])
        self.assertEqual(self.manifest(self.run_folder("second"))["step"], 3)
        some = self.done(*TRAIN, "train.epochs=1", "run.name=third", f"train.init_from={first}", "train.init_layers=[layer1]", ranks=2)
        self.assertRegex(some.err, r"begins with 3 tensors of .*\(layer1/logits, layer1/a, layer1/b\)")
        self.refused(*TRAIN, "run.name=fourth", f"train.init_from={first}:best", "model.gates=800", ranks=2,
                     facts=["does not fit this model", "layer0/logits: f32 [400, 16] in the checkpoint, f32 [800, 16] wanted",
                            "layer1/a"])
        self.refused(*TRAIN, "run.name=fifth", f"train.init_from={first}", "train.init_layers=[layer9]", facts=["layer9", "layer0"])
        self.refused(*TRAIN, "run.name=sixth", "train.init_from=nobody", facts=["nobody", "neither a run nor a checkpoint"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
