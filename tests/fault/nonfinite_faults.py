"""A value that is no number, on one rank alone: all ranks stop at the same step, or leave it out together; who began is named."""
import unittest

from fault_case import FaultTest
from point_faults import RUN
from program import OUR_ERROR

TELL = "train.detect_anomaly=true"
MLP = ["model=mlp", "model.hidden=[16]"]


class NotFinite(FaultTest):
    def setUp(self):
        super().setUp()
        self.done("prepare", *RUN)

    def stops(self, fault, names, *words, ranks=2):
        run = self.run_folder("broken")
        job = self.start("train", *RUN, *words, TELL, "run.name=broken", ranks=ranks, env={"DLTONIC_FAIL_AT": fault})
        result = self.ends_soon(job, "fault asked for at", limit_s=60, code=1)
        self.assertEqual(len(OUR_ERROR.findall(result.err)), 1, result)
        self.assertRegex(result.err, "error: the loss or a gradient is not finite .* at step 7, epoch 3; first " + names)
        self.assertEqual(self.newest(run)[:7], "step-6_")
        self.done("checkpoints", "verify", run)
        said = [path.read_text() for path in (run / "log.txt", *sorted((run / "ranks").glob("log-rank*.txt")))]
        self.assertEqual(len(said), ranks)
        for rank, text in enumerate(said):
            found = "none" if rank < ranks - 1 else names.split(" in ", 1)[-1].removeprefix("in ")
            self.assertRegex(text, "step 7, the first value that is not finite on this rank: " + found)
        self.goes_on_like([*RUN, *words], ranks=ranks % 2 + 1)

    def test_nan_on_one_rank(self):
        self.stops("gradients:1:7:nan", r"on rank 1 in gradients of layer1: gate 200, gradient of c0 is nan, though finite when it is")

    def test_nan_on_the_only_rank(self):
        self.stops("gradients:0:7:nan", r"in gradients of layer1: gate 200, gradient of c0 is nan, though finite when it is", ranks=1)

    def test_nan_in_the_weights_of_one_rank(self):
        self.stops("parameters:1:7:nan", r"on rank 1 in parameters of layer0: gate 200, logit 0 \(FALSE\) is nan")

    def test_nan_in_the_weights_of_one_rank_of_an_mlp(self):
        self.stops("parameters:1:7:nan", r"on rank 1 in parameters: hidden0/weight\[8, 0\] is nan", *MLP)

    def test_nan_on_the_only_rank_of_an_mlp(self):
        self.stops("gradients:0:7:nan", r"in gradient of hidden0/weight\[\d+, \d+\] is nan, though finite when it is", *MLP, ranks=1)

    def test_nan_on_one_rank_is_left_out(self):
        checksums = []
        for ranks in (2, 1):  # whichever rank it was, the same step is left out, and nothing else
            name = f"run.name=broken{ranks}"
            result = self.done("train", *RUN, TELL, "train.on_nonfinite=skip", name, "--json", ranks=ranks,
                               env={"DLTONIC_FAIL_AT": f"gradients:{ranks - 1}:7:nan"})
            self.assertEqual(result.json()["skipped_steps"], 1)
            self.assertRegex(result.err, "step 7 is left out: its loss or a gradient is not finite; first .*in gradients of layer1: ")
            checksums.append(self.manifest(self.run_folder(f"broken{ranks}"))["state_checksum"])
        self.assertEqual(*checksums)
        self.done("train", *RUN, "run.name=whole", ranks=2)
        self.assertNotEqual(checksums[0], self.manifest(self.run_folder("whole"))["state_checksum"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
