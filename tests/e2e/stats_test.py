"""dltonic stats: its numbers against numpy's on the same files, its page in a real browser."""
import json
import os
import shutil
import unittest

import numpy as np
from atis import decode_atis
from program import NMNIST, ProgramTest, copy_of_recordings
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select


class Stats(ProgramTest):
    def setUp(self):
        super().setUp()
        self.root = copy_of_recordings(self.folder)
        shutil.copy(self.root / "Train/3/00013.bin", self.root / "Test/5/twin.bin")  # the same events in two splits and classes
        self.words = [*NMNIST, f"data.root={self.root}", "data.val_split=0"]
        self.out = self.folder / "stats"

    def statistics(self, **options):
        told = self.done("stats", *self.words, "--out", self.out, "--json", **options).json()
        self.assertEqual(told["json"], str(self.out / "stats.json"))
        return json.loads((self.out / "stats.json").read_text())

    def test_stats_count_what_the_files_hold(self):
        statistics = self.statistics(ranks=2)
        self.assertEqual(statistics["sensor"], [34, 34])
        self.assertEqual([split["name"] for split in statistics["splits"]], ["train", "val", "test"])
        for split, part in ((statistics["splits"][0], "Train"), (statistics["splits"][2], "Test")):
            everything = []
            for label, of_class in enumerate(split["classes"]):
                recordings = [decode_atis(path) for path in sorted((self.root / part / str(label)).glob("*.bin"))]
                everything += recordings
                counts = [len(t) for _, _, _, t in recordings]
                self.assertEqual((of_class["name"], of_class["recordings"], of_class["events"]), (str(label), len(recordings), sum(counts)))
                self.assertAlmostEqual(of_class["events_per_recording"]["mean"], np.mean(counts))
                self.assertEqual(of_class["events_per_recording"]["max"], max(counts))
                durations = [t[-1] - t[0] for _, _, _, t in recordings]
                self.assertEqual(of_class["duration_us"]["min"], min(durations))
                self.assertAlmostEqual(of_class["on_share"], sum(p.sum() for _, _, p, _ in recordings) / sum(counts))
            maps = np.zeros((2, 34, 34), int)
            for x, y, p, _ in everything:
                np.add.at(maps, (p, y, x), 1)
            np.testing.assert_array_equal(split["map"]["off"], maps[0].ravel())
            np.testing.assert_array_equal(split["map"]["on"], maps[1].ravel())
            step = statistics["rate_step_ms"] * 1000
            steps = np.concatenate([(t - t[0]) // step for _, _, _, t in everything])
            rate = np.bincount(steps) / (step * 1e-6) / len(everything)
            np.testing.assert_allclose(split["rate"], rate, atol=1)
            # Bits by the definition of time_bins: event -> bin of ten, channel = bin * 2 + polarity.
            share = np.zeros(20)
            for x, y, p, t in everything:
                bins = np.minimum(9, 10 * (t - t[0]) // max(1, t[-1] - t[0]))
                frame = np.zeros((20, 34, 34), bool)
                frame[2 * bins + p, y, x] = True
                share += frame.reshape(20, -1).mean(axis=1) / len(everything)
            np.testing.assert_allclose(split["channel_bits_share"], share)
        self.assertEqual(statistics["splits"][1]["recordings"], 0)
        self.assertEqual([[r["name"] for r in group] for group in statistics["duplicates"]], [["Train/3/00013.bin", "Test/5/twin.bin"]])

    def test_stats_are_the_same_on_1_to_4_ranks(self):
        texts = []
        for ranks in (1, 2, 3, 4):
            self.statistics(ranks=ranks)
            texts.append((self.out / "stats.json").read_bytes())
        self.assertEqual(len(set(texts)), 1)

    def test_stats_name_what_is_damaged(self):
        cut = self.root / "Train/7" / sorted(os.listdir(self.root / "Train/7"))[0]
        cut.write_bytes(cut.read_bytes()[:-2])
        self.refused("stats", *self.words, "--out", self.out, ranks=2, facts=[cut.name])
        self.assertFalse((self.out / "stats.json").exists())
        statistics = json.loads(self.done("stats", *self.words, "data.on_error=skip", "--out", self.out, "--json").out)
        self.assertEqual(len(statistics["skipped"]), 1)
        self.assertIn(cut.name, statistics["skipped"][0])

    def browser(self):
        options = webdriver.ChromeOptions()
        for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000", f"--user-data-dir={self.folder}/browser"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options)
        self.addCleanup(driver.quit)
        return driver

    def test_stats_page_in_a_browser(self):
        statistics = self.statistics()
        driver = self.browser()
        driver.get(f"file://{self.out}/stats.html")
        self.assertIn(statistics["name"], driver.title)
        rows = driver.find_elements(By.CSS_SELECTOR, "#table tbody tr")
        self.assertEqual(len(rows), 11)
        self.assertEqual(rows[3].find_elements(By.TAG_NAME, "td")[3].text.replace(",", ""), str(statistics["splits"][0]["classes"][3]["events"]))
        for plot, marks in (("recordings", "rect"), ("events", "g"), ("duration", "g"), ("balance", "rect"), ("rate", "polyline"), ("bits", "rect")):
            self.assertGreaterEqual(len(driver.find_elements(By.CSS_SELECTOR, f"#{plot} svg {marks}")), 10, plot)
        def colours():
            return driver.execute_script("const c = document.getElementById('map'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
                                         "const s = {}; for (let i = 0; i < d.length; i += 4) s[[d[i], d[i + 1], d[i + 2]]] = 1; return [c.width, c.height, Object.keys(s).sort().join(' ')];")
        width, height, all_classes = colours()
        self.assertEqual((width, height), (34, 34))
        self.assertGreater(len(all_classes.split()), 10)
        rows[3].click()
        self.assertEqual(driver.find_element(By.ID, "class").get_attribute("value"), "3")
        self.assertNotEqual(colours()[2], all_classes)
        Select(driver.find_element(By.ID, "split")).select_by_index(2)
        self.assertEqual(driver.find_elements(By.CSS_SELECTOR, "#table tbody tr")[5].find_elements(By.TAG_NAME, "td")[1].text, "2")
        Select(driver.find_element(By.ID, "split")).select_by_index(1)  # an empty one draws, too
        self.assertIn("twin.bin", driver.find_element(By.ID, "noticed").text)
        self.assertEqual([line for line in driver.get_log("browser") if line["level"] == "SEVERE"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
