"""singularity/build.sh with a stand-in for Apptainer: names, cache, retention, verification."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from program import SOURCE, ProgramTest

VERSION = re.search(r"project\(dltonic VERSION ([0-9.]+)", (SOURCE / "CMakeLists.txt").read_text())[1]

# Makes a file of the arguments that it got, and answers from it.
APPTAINER = r"""#!/bin/bash
echo "$*" >>"$CALLS"
case $1 in
  build)
    [[ $BREAK != build ]] || { echo half >"${@: -2:1}"; exit 1; }
    shift; words=()
    while [[ $1 == --build-arg ]]; do words+=("$2"); shift 2; done
    tar -tf "$(printf '%s\n' "${words[@]}" | sed -n 's/^source=//p')" | grep -qx CMakeLists.txt || exit 9
    grep -q '^%test' "$2" || exit 9
    { printf '%s\n' "${words[@]}"; echo "$RANDOM$RANDOM"; } >"$1";;
  inspect) sed -nE 's/^version=/org.opencontainers.image.version: /p; s/^git=/org.opencontainers.image.revision: /p' "$3" | if [[ $BREAK == labels ]]; then head -n 1; else cat; fi;;
  test) [[ $BREAK != test ]];;
esac
"""


class Build(ProgramTest):
    def setUp(self):
        super().setUp()
        self.repository = self.folder / "repository"
        (self.repository / "singularity").mkdir(parents=True)
        shutil.copy(SOURCE / "CMakeLists.txt", self.repository)
        for name in ("build.sh", "dltonic.def"):
            shutil.copy(SOURCE / "singularity" / name, self.repository / "singularity")
        (self.folder / "bin").mkdir()
        self.stand_in = self.folder / "bin" / "apptainer"
        self.stand_in.write_text(APPTAINER)
        self.stand_in.chmod(0o755)
        self.env = {**os.environ, "PATH": f"{self.folder}/bin:/usr/bin:/bin", "CALLS": str(self.folder / "calls"), "BREAK": "",
                    "DLTONIC_CACHE": str(self.folder / "cache"), "HOME": str(self.folder),
                    **{f"GIT_{who}_{what}": "nobody@nowhere" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}}
        self.env.pop("APPTAINER_CACHEDIR", None)
        self.git("init", "--quiet")
        self.commit()
        self.images = self.folder / "images"

    def git(self, *words):
        return subprocess.run(["git", "-C", self.repository, *words], check=True, env=self.env, capture_output=True, text=True).stdout.strip()

    def commit(self):
        with open(self.repository / "CMakeLists.txt", "a") as file:
            file.write("# more\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "more")
        return self.git("rev-parse", "--short=12", "HEAD")

    def build(self, *words, code=0, **variables):
        """Returns the image, or what was said where another exit code is expected."""
        result = subprocess.run([self.repository / "singularity" / "build.sh", "--output", self.images, *words],
                                env={**self.env, **variables}, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        self.said = result.stderr
        if code:
            self.assertEqual(result.stdout, "")
            return result.stderr
        return pathlib.Path(result.stdout.strip())

    def builds(self):
        calls = self.folder / "calls"
        return [line for line in calls.read_text().splitlines() if line.startswith("build")] if calls.exists() else []

    def names(self):
        return sorted(path.name for path in self.images.iterdir() if not path.name.startswith("."))

    def hidden(self):
        return sorted(path.name for path in self.images.iterdir() if path.name.startswith(".") and path.name != ".lock")

    def test_names_labels_and_checksum(self):
        git = self.git("rev-parse", "--short=12", "HEAD")
        image = self.build()
        self.assertEqual(image.name, f"dltonic-{VERSION}-{git}-cpu.sif")
        self.assertEqual(self.names(), sorted([image.name, image.name + ".sha256", image.name + ".key", "dltonic-cpu.sif"]))
        self.assertEqual((self.images / "dltonic-cpu.sif").resolve(), image)
        self.assertEqual((self.images / (image.name + ".sha256")).read_text().split()[0], hashlib.sha256(image.read_bytes()).hexdigest())
        text = image.read_text()
        for line in ("base=debian:12.8", "run_base=debian:12.8-slim", f"version={VERSION}", f"git={git}"):
            self.assertIn(line + "\n", text)
        self.assertEqual(self.hidden(), [])
        self.assertIn("jobs=\n", text)
        cuda = self.build("--cuda", "--jobs", "3")
        self.assertIn("jobs=3\n", cuda.read_text())
        self.assertEqual(cuda.name, f"dltonic-{VERSION}-{git}-cuda.sif")
        self.assertIn("base=nvidia/cuda:", cuda.read_text())

    def test_a_good_image_is_not_built_again(self):
        image = self.build()
        self.assertEqual(self.build(), image)
        self.assertEqual(len(self.builds()), 1)
        (self.repository / "notes").write_text("not committed")
        self.build()
        self.assertEqual(len(self.builds()), 1)
        self.build("--again")
        self.assertEqual(len(self.builds()), 2)
        image.write_text("damaged")
        self.assertEqual(self.build(), image)
        self.assertIn("its checksum is wrong", self.said)
        self.assertEqual(len(self.builds()), 3)
        self.assertNotEqual(image.read_text(), "damaged")
        self.commit()
        self.assertNotEqual(self.build(), image)
        self.assertEqual(len(self.builds()), 4)

    def test_the_last_few_stay(self):
        images = []
        for _ in range(4):
            self.commit()
            images.append(self.build("--keep", "2"))
        other = self.build("--cuda", "--keep", "1")
        left = [path for path in self.images.glob("dltonic-*-*.sif")]
        self.assertEqual(sorted(left), sorted([*images[-2:], other]))
        self.assertEqual(len(list(self.images.glob("*.sha256"))), 3)
        self.assertEqual((self.images / "dltonic-cpu.sif").resolve(), images[-1])

    def test_what_fails_gets_no_name_and_replaces_nothing(self):
        old = self.build()
        self.commit()
        for broken, fact in (("build", "build failed"), ("labels", "lacks the label 'org.opencontainers.image.revision"), ("test", "fails its own test")):
            self.assertIn(fact, self.build(code=1, BREAK=broken))
            self.assertEqual((self.hidden(), [path.name for path in self.images.glob("dltonic-*-cpu.sif")]), ([], [old.name]))
            self.assertEqual((self.images / "dltonic-cpu.sif").resolve(), old)
        self.assertIn("--keep 0", self.build("--keep", "0", code=1))
        self.assertIn("--jobs all", self.build("--jobs", "all", code=1))
        self.stand_in.unlink()
        self.assertIn("neither apptainer nor singularity", self.build(code=1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
