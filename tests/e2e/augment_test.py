"""dltonic train with augmentation of events: rows are cut anew from the events file, alike on any number of ranks and threads."""
import unittest

from program import NMNIST, SMALL, ProgramTest

EVENTS = ["data.augmentation.events.shift=2", "data.augmentation.events.event_drop=0.75", "data.augmentation.events.noise=0.1"]
MIXED = ["data.augmentation.events.event_mix=0.5", "data.augmentation.events.cut_mix=0.3"]
PLAIN = ["data.augmentation.shift=0", "train.device=cpu", "distributed.reduction=canonical"]


class EventAugmentation(ProgramTest):
    def train(self, name, *words, ranks=1, epochs=2, **options):
        result = self.done("train", *NMNIST, *SMALL, *PLAIN, f"train.epochs={epochs}", f"run.name={name}", *words, ranks=ranks,
                           **options)
        return result, self.metrics(self.run_folder(name)), self.manifest(self.run_folder(name))["state_checksum"]

    def test_rows_are_cut_from_events_alike_on_any_number_of_ranks_and_threads(self):
        self.done("prepare", *NMNIST, ranks=2)
        plain = self.train("plain")
        self.assertNotIn("cut from events", plain[0].err)
        result, *wanted = self.train("one", *EVENTS)
        self.assertIn("training frames are cut from events in each epoch, augmented: shift 2, event_drop 0.75, noise 0.1",
                      result.err)
        self.assertRegex(result.err, r"a thread reads, augments and frames [0-9,]+ recordings/s")
        self.assertNotEqual(wanted[1], plain[2])
        text = (self.run_folder("one") / "metrics.jsonl").read_text()
        self.assertIn("cut_recordings_per_thread_s", text)
        self.assertNotIn("cut_recordings_per_thread_s", (self.run_folder("plain") / "metrics.jsonl").read_text())
        self.assertEqual(self.train("two", *EVENTS, ranks=2)[1:], tuple(wanted))
        self.assertEqual(self.train("threads", *EVENTS, ranks=2, env={"OMP_NUM_THREADS": 3})[1:], tuple(wanted))

    def test_mixed_recordings_train_and_go_on(self):
        self.done("prepare", *NMNIST)
        _, *wanted = self.train("whole", *MIXED)
        self.train("parts", *MIXED, ranks=2, epochs=1)
        self.assertEqual(self.train("parts", *MIXED, "--resume", ranks=2)[2], wanted[1])

    def test_what_does_not_go_together_is_said_before_work_begins(self):
        self.refused("train", *NMNIST, *SMALL, *EVENTS, "data.frames.mode=event_count",
                     facts=["data.frames.mode", "needs one sample a recording"])
        self.refused("train", *NMNIST, *SMALL, *EVENTS, "data.store_events=false", facts=["data.store_events", "events file"])
        self.refused("train", *NMNIST, *SMALL, *MIXED, "data.augmentation.events.event_mix=0.8",
                     facts=["data.augmentation.events.cut_mix", "add up to more than 1"])

    def test_a_missing_events_file_is_named_with_the_command_that_makes_it(self):
        self.done("prepare", *NMNIST)
        for path in self.prepared("*-events-*.h5"):
            path.unlink()
        self.refused("train", *NMNIST, *SMALL, *PLAIN, *EVENTS, "run.name=none",
                     facts=["data.augmentation.events", "dltonic prepare"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
