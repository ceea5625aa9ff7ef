"""Every data set but N-MNIST in the layout in which it is downloaded, from the archive to an evaluated network: prepare, train,
train in two parts, evaluate, with what configs/dataset and configs/model say."""
import io
import json
import random
import sys
import tarfile
import unittest
import zipfile

from program import FIXTURES, ProgramTest

sys.path.insert(0, str(FIXTURES))
import make_fixtures as fixtures  # noqa: E402
import recording_formats as formats  # noqa: E402

OBJECTS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
GESTURES = ["hand_clapping", "right_hand_wave", "left_hand_wave", "right_arm_clockwise", "right_arm_counter_clockwise",
            "left_arm_clockwise", "left_arm_counter_clockwise", "arm_roll", "air_drums", "air_guitar", "other_gestures"]
TINY = ["train.epochs=2", "train.device=cpu", "distributed.reduction=canonical"]


def zip_of(members):
    """{name: bytes} as a zip archive's bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tar_of(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Layouts(ProgramTest):
    def setUp(self):
        super().setUp()
        self.root = self.folder / "downloads"
        self.random = random.Random(11)

    def put(self, members):
        for name, content in members.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def events(self, width, height, count=60, t0=0):
        return fixtures.walk(count, self.random, width, height, t0)

    def run_through(self, dataset, *words, frames, parts, classes, tests, batch=6):
        """`frames`: channels, height and width; `parts`: numbers of recordings that train, validate and test; `tests`: those
        that test, by class. Returns what prepare and train said, and the lists of recordings."""
        recordings = sum(parts)
        words = [f"dataset={dataset}", "model=difflogic", f"data.root={self.root}", "data.augmentation.shift=1", *words]
        prepared = self.done("prepare", *words, "--json", ranks=2)
        report = prepared.json()
        self.assertEqual((report["recordings"], report["samples"], report["skipped"]), (recordings, recordings, []))

        words += [*TINY, f"train.batch_size={batch}"]
        whole = self.done("train", *words, "run.name=whole", ranks=2)
        channels, height, width = frames
        self.assertIn(f"{recordings} frames of {channels} x {height} x {width} bits from {recordings} recordings, {len(classes)} classes; "
                      f"{parts[0]} train, {parts[1]} validate, {parts[2]} test", whole.err)
        self.done("train", *words, "run.name=parts", "train.epochs=1")
        self.done("train", *words, "run.name=parts", "--resume")
        one, two = self.run_folder("whole"), self.run_folder("parts")
        self.assertEqual(self.metrics(two), self.metrics(one))
        self.assertEqual(self.manifest(two)["state_checksum"], self.manifest(one)["state_checksum"])

        (path,) = self.prepared("*-splits-*.json")
        splits = json.loads(path.read_text())
        self.assertEqual([len(splits[name]) for name in ("train", "val", "test")], parts)
        self.assertEqual(sorted(splits["train"] + splits["val"] + splits["test"]), list(range(recordings)))
        found = self.done("evaluate", "--run", one, "--json").json()
        self.assertEqual(found["classes"], classes)
        self.assertEqual((found["recordings"], found["samples"]), (parts[2], parts[2]))
        self.assertEqual([sum(row) for row in found["confusion"]], tests)
        return prepared.err + whole.err, splits

    def test_cifar10dvs_in_ten_zip_archives(self):
        for name in OBJECTS:
            members = {}
            for number in range(4):
                events = self.events(128, 128, t0=(1 << 32) - 20000)  # the clock wraps
                if number == 3:  # and steps back, as jAER wrote some
                    events[20], events[21] = events[21], events[20]
                members[f"{name}/cifar10_{name}_{number}.aedat"] = formats.aedat2(events, special_before=(2,))
            self.put({name + ".zip": zip_of(members)})
        said, _ = self.run_through("cifar10dvs", frames=(20, 128, 128), parts=[20, 10, 10], classes=OBJECTS, tests=[1] * 10)
        self.assertEqual(said.count("in 10 recordings time ran backwards"), 1, said)

    def test_cifar10dvs_repacked_by_the_numbers_in_names(self):
        archives = {}
        for name in OBJECTS:
            members = {}
            for number, packing in zip((7, 99, 100, 412, 999), ("none", "lz4", "zstd", "lz4", "lz4")):
                content = formats.aedat4(self.events(128, 128, t0=1605537493718345), packing, (128, 128))
                members[f"{name}/cifar10_{name}_{number}.aedat4"] = content
            archives[name + ".zip"] = zip_of(members)
        self.put({"CIFAR10DVS.zip": zip_of(archives)})
        _, splits = self.run_through("cifar10dvs", "data.split=tebn", "data.frames.downsample=2", frames=(20, 64, 64), parts=[20, 10, 20],
                                     classes=OBJECTS, tests=[2] * 10)
        self.assertEqual([recording % 5 for recording in splits["test"]], [2, 3] * 10)  # in the order of names: 100, 412, 7, 99, 999

    def gesture_rows(self, events, gestures):
        """A label file's text: gestures, from 1 on, one after the other, ten events each."""
        rows = [f"{gesture},{events[10 * i][0]},{events[10 * i + 9][0] + 1}" for i, gesture in enumerate(gestures)]
        return ("class,startTime_usec,endTime_usec\n" + "\n".join(rows) + "\n").encode()

    def test_dvsgesture_as_published(self):
        members, lists = {}, {"train": "", "test": ""}
        rows = [*range(1, 12), 8]  # arm roll twice
        for user in (1, 2, 22, 23, 24):
            name = f"DvsGesture/user{user:02d}_led"
            events = self.events(128, 128, 10 * len(rows), (1 << 31) - 20000)
            members[name + ".aedat"] = formats.aedat3(events, invalid=(3,))
            members[name + "_labels.csv"] = self.gesture_rows(events, rows)
            lists["train" if user < 24 else "test"] += f"user{user:02d}_led.aedat\n"
        members.update({f"DvsGesture/trials_to_{part}.txt": names.encode() for part, names in lists.items()})
        self.put({"DvsGesture.tar.gz": tar_of(members)})
        said, splits = self.run_through("dvsgesture", frames=(32, 128, 128), parts=[36, 12, 12], classes=GESTURES,
                                        tests=[1] * 7 + [2] + [1] * 3, batch=12)
        self.assertIn("unpacking", said)
        self.assertEqual(self.done("stats", "dataset=dvsgesture", f"data.root={self.root}", "--json").json()["recordings"], 60)
        self.assertEqual({recording // 12 for recording in splits["test"]}, {4})  # user 24
        self.assertEqual(len({recording // 12 for recording in splits["val"]}), 1)  # one person's

    def test_dvsgesture_repacked(self):
        for part, users in (("Train", (1, 2, 3)), ("Test", (24, 25))):
            members = {}
            for user in users:
                for gesture in range(11):
                    rows = [(x, y, p, t // 100) for t, x, y, p in self.events(128, 128)]  # milliseconds
                    members[f"ibmGesture{part}/user{user:02d}_lab/{gesture}.npy"] = formats.npy(rows, "f8" if gesture % 2 else "i4")
            self.put({f"ibmGesture{part}.tar.gz": tar_of(members)})
        _, splits = self.run_through("dvsgesture", "data.frames.downsample=4", frames=(32, 32, 32), parts=[22, 11, 22],
                                     classes=GESTURES, tests=[2] * 11, batch=10)
        self.assertEqual(splits["test"], list(range(33, 55)))
        self.assertEqual(len({recording // 11 for recording in splits["val"]}), 1)

    def test_ncaltech101(self):
        members, classes = {}, ["BACKGROUND_Google", *(f"object_{number:03d}" for number in range(100))]
        for name in classes:
            for number in range(1, 4):
                width, height = self.random.randint(80, 233), self.random.randint(80, 173)
                content = fixtures.atis_rows(self.events(width, height, t0=8192), overflow_before=30)
                members[f"Caltech101/{name}/image_{number:04d}.bin"] = content
        self.put({"Caltech101.zip": zip_of(members)})
        self.run_through("ncaltech101", "train.class_weights=balanced", frames=(20, 180, 240), parts=[101, 101, 101], classes=classes,
                         tests=[1] * 101)

    def test_ncars_from_events_augmented_by_recency(self):
        inner = {}
        for part, count in (("train", 10), ("test", 4)):
            members = {f"n-cars_{part}/{name}/obj_{number:06d}_td.dat": formats.dat(self.events(100 + number, 60 + number))
                       for name in ("background", "cars") for number in range(count)}
            inner[f"n-cars_{part}.zip"] = zip_of(members)
        self.put({"Prophesee_Dataset_n_cars.zip": zip_of(inner)})
        said, _ = self.run_through("ncars", "data.augmentation.shift=0", "data.augmentation.events.flip_x=0.5",
                                   "data.augmentation.events.event_drop=0.75", "data.augmentation.events.event_mix=0.3",
                                   "data.frames.values=recency", "data.frames.bins=3", "data.frames.downsample=4",
                                   frames=(3 * 2 * 4, 25, 30), parts=[18, 2, 8], classes=["background", "cars"], tests=[4, 4])
        self.assertIn("training frames are cut from events in each epoch, augmented: flip_x 0.5, event_drop 0.75, event_mix 0.3", said)

    def test_a_folder_of_one_format_among_others(self):
        for part, count in (("Train", 4), ("Test", 2)):
            for name in ("10", "9"):
                for number in range(count):
                    events = self.events(60, 40)
                    self.put({f"{part}/{name}/day{number % 2}/{number}.aedat4": formats.aedat4(events, "zstd", (60, 40)),
                              f"{part}/{name}/{number}.bin": b"not looked at"})
        self.run_through("folder", "data.name=mine", "data.format=aedat4", "data.sensor_width=60", "data.sensor_height=40",
                         "data.frames.values=counts", frames=(80, 40, 60), parts=[6, 2, 4], classes=["9", "10"], tests=[2, 2], batch=3)
        self.assertEqual(len(self.prepared("mine-*.h5")), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
