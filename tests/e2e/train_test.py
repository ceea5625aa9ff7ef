"""dltonic train: what a run computes is a function of its configuration, not of ranks, threads or interruptions."""
import unittest

from program import NMNIST, SMALL, ProgramTest

MODELS = {"difflogic": ["model.gates=400"], "mlp": ["model=mlp", "model.hidden=[32]"],
          "cnn": ["model=cnn", "model.channels=[4,8]", "model.cnn_hidden=16"]}
FRAMES = ["data.frames.bins=3"]
ON_CPU = ["train.device=cpu"]  # a machine with one GPU would give it to one rank, and CPU cores to three
CANONICAL = ["distributed.reduction=canonical"]


class Training(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *NMNIST, *FRAMES, ranks=2)

    def train(self, name, *words, ranks, model="difflogic", epochs=2, **options):
        """Metrics without clocks, and the final state's checksum. The run is called `name`."""
        self.done("train", *NMNIST, *FRAMES, *SMALL, *MODELS[model], *ON_CPU, f"train.epochs={epochs}", f"run.name={name}",
                  *words, ranks=ranks, **options)
        run = self.run_folder(name)
        return self.metrics(run), self.manifest(run)["state_checksum"]

    def losses(self, metrics):
        found = [line["loss"] for line in metrics]
        self.assertEqual(len(found), 4)  # train and val of each epoch
        return found

    def test_fast_losses_agree_on_1_to_4_ranks(self):
        wanted = self.losses(self.train("one", ranks=1)[0])
        for ranks in (2, 3, 4):
            found = self.losses(self.train(f"fast{ranks}", ranks=ranks)[0])
            for a, b in zip(found, wanted):
                self.assertLess(abs(a - b), 1e-5 * abs(b), f"{ranks} ranks: {found}, one rank: {wanted}")

    def test_canonical_is_equal_on_1_to_4_ranks(self):
        wanted = self.train("one", *CANONICAL, ranks=1)
        for ranks in (2, 3, 4):
            self.assertEqual(self.train(f"canonical{ranks}", *CANONICAL, ranks=ranks), wanted, f"{ranks} ranks")

    def test_canonical_mlp_is_equal_on_1_and_3_ranks(self):
        wanted, wanted_state = self.train("one", *CANONICAL, ranks=1, model="mlp")
        found, state = self.train("three", *CANONICAL, ranks=3, model="mlp")
        self.assertEqual(state, wanted_state)
        for a, b in zip(found, wanted, strict=True):
            if a["split"] == "val":  # a rank evaluates its share at once, and LibTorch rounds by the size of a batch
                for key in ("loss", "loss_hard"):
                    self.assertAlmostEqual(a.pop(key), b.pop(key), delta=1e-6)
            self.assertEqual(a, b)

    def test_threads_change_nothing(self):
        wanted = self.train("one", ranks=2)
        for threads in (2, 3):
            found = self.train(f"threads{threads}", ranks=2, env={"OMP_NUM_THREADS": threads})
            self.assertEqual(found, wanted, f"{threads} threads")

    def resumed(self, model):
        wanted = self.train("whole", ranks=2, model=model, epochs=4)
        self.train("parts", ranks=2, model=model, epochs=2)
        self.assertEqual(self.train("parts", "--resume", ranks=2, model=model, epochs=4), wanted)

    def test_resume_difflogic(self):
        self.resumed("difflogic")

    def test_resume_mlp(self):
        self.resumed("mlp")

    def test_resume_cnn(self):
        self.resumed("cnn")

    def test_resume_on_other_ranks(self):
        wanted = self.train("whole", *CANONICAL, ranks=1, epochs=3)
        self.train("parts", *CANONICAL, ranks=3, epochs=1)
        found = self.train("parts", *CANONICAL, "--resume", ranks=2, epochs=3)
        self.assertEqual(found, wanted)

    def test_seed_matters(self):
        self.assertNotEqual(self.train("zero", "train.seed=0", ranks=1, epochs=1),
                            self.train("one", "train.seed=1", ranks=1, epochs=1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
