"""singularity/dltonic.def for real, but for Apptainer: each stage's sections run in a Debian of its own, which mmdebstrap makes, with
the mounts that a container has. Needs root and the network; what is mounted ends with the command that needed it."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from program import SOURCE, ProgramTest

VERSION = re.search(r"project\(dltonic VERSION ([0-9.]+)", (SOURCE / "CMakeLists.txt").read_text())[1]
SUITES = {"12": "bookworm", "13": "trixie"}  # of Debian's images
# In a mount and process namespace of its own: the words are the root folder and the script in it.
CHROOT = 'mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; mount -t tmpfs none "$1/dev/shm"; exec chroot "$1" /bin/sh "$2"'


class Stage:
    """A stage of a definition file: its header, its sections by name, and what it takes from other stages."""

    def __init__(self):
        self.header, self.sections, self.files = {}, {}, []

    def read(self, given):
        arguments = dict(line.strip().split("=", 1) for line in self.sections.get("arguments", "").splitlines() if line.strip())
        arguments.update({name: value for name, value in given.items() if name in arguments})
        filled = lambda text: re.sub(r"\{\{ *(\w+) *\}\}", lambda found: arguments[found[1]], text)  # noqa: E731
        self.header = {key: filled(value) for key, value in self.header.items()}
        self.sections = {name: filled(body) for name, body in self.sections.items()}
        self.files = [(stage, *filled(line).split()) for stage, line in self.files]
        return self


def stages_of(text, given):
    stages, section = [], None
    for line in text.splitlines():
        header = re.match(r"(Bootstrap|From|Stage): *(.*)", line)
        opens = re.match(r"%(\w+) *(?:from (\w+))?", line)
        if header:
            if header[1] == "Bootstrap":
                stages.append(Stage())
            section = None
            stages[-1].header[header[1]] = header[2]
        elif opens:
            section, origin = opens[1], opens[2]
            stages[-1].sections.setdefault(section, "")
        elif section == "files" and line.strip():
            stages[-1].files.append((origin, line.strip()))
        elif section:
            stages[-1].sections[section] += line + "\n"
    return [stage.read(given) for stage in stages]


class Sections(ProgramTest):
    def run_quietly(self, *words, **options):
        """What fails shows the end of what it said."""
        log = self.folder / "log"
        with open(log, "w") as out:
            done = subprocess.run([*map(str, words)], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, **options)
        said = log.read_text(errors="replace")
        self.assertEqual(done.returncode, 0, f"{' '.join(map(str, words[:6]))} ...\n{said[-6000:]}")
        return said

    def make_base(self, stage):
        """A Debian as its image is, from where this machine has its own packages."""
        image, release = re.fullmatch(r"(\w+):(\d+)[\d.]*(?:-slim)?", stage.header["From"]).groups()
        self.assertEqual((stage.header["Bootstrap"], image), ("docker", "debian"))
        base = self.folder / f"{SUITES[release]}.tar"
        if not base.exists():
            sources = pathlib.Path("/etc/apt/sources.list.d/debian.sources")
            here = f'VERSION_ID="{release}"' in pathlib.Path("/etc/os-release").read_text() and sources.exists()
            self.run_quietly("mmdebstrap", "--variant=minbase", SUITES[release], base, *([sources] if here else []))
        root = self.folder / stage.header["Stage"]
        root.mkdir()
        self.run_quietly("tar", "-x", "-f", base, "-C", root)
        # What this machine needs to reach the network.
        shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
        return root

    def in_root(self, root, section):
        """Runs a section as a container's builder does: as root, with a clean environment, in /bin/sh."""
        (root / ".section").write_text(section)
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
        environment.update({name: value for name, value in os.environ.items()
                            if re.fullmatch(r"(?i)(https?|no)_proxy|PIP_(INDEX_URL|PROXY|TRUSTED_HOST|DEFAULT_TIMEOUT)", name)})
        certificates = os.environ.get("PIP_CERT", "")
        if certificates:
            shutil.copy(certificates, root / "etc" / "certificates-of-the-host.crt")
            environment["PIP_CERT"] = "/etc/certificates-of-the-host.crt"
        return self.run_quietly("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", CHROOT, "sh",
                                root, "/.section", env=environment)

    def test_post_and_test_of_both_stages(self):
        source = self.folder / "source.tar"
        self.run_quietly("git", "-C", SOURCE, "archive", "--format=tar", "-o", source, "HEAD")
        given = {"source": str(source), "version": VERSION, "git": "0123456789ab", "jobs": str(os.cpu_count())}
        build, run = stages_of((SOURCE / "singularity" / "dltonic.def").read_text(), given)
        roots = {}
        for stage in (build, run):
            root = roots[stage.header["Stage"]] = self.make_base(stage)
            for origin, there, here in stage.files:
                target = root / here.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                self.run_quietly("cp", "-a", roots[origin] / there.lstrip("/") if origin else there, target)
            self.in_root(root, stage.sections["post"])
        shutil.rmtree(roots["build"])
        image = roots["run"]

        said = self.in_root(image, run.sections["test"])
        self.assertIn(f"dltonic {VERSION} (git ", said)
        evaluated = json.loads(said.splitlines()[-1])
        self.assertEqual(evaluated["samples"], 10)
        self.assertNotIn("not found", self.in_root(image, "ldd /opt/dltonic/bin/dltonic"))
        help_text = self.in_root(image, run.sections["environment"] + "set -- --help\n" + run.sections["runscript"])
        self.assertIn("prepare", help_text)
        # The second stage is what runs, and nothing that builds.
        packages = dict(line.split("\t") for line in (image / "opt/dltonic/packages").read_text().splitlines())
        self.assertIn("openmpi-bin", packages)
        self.assertEqual([name for name in packages if re.match(r"g\+\+|cmake|ninja|lib.*-dev$", name)], [])
        self.assertEqual(sorted(path.name for path in (image / "opt/dltonic/src").iterdir()), ["configs", "jobs", "tests"])
        labels = dict(line.split(None, 1) for line in run.sections["labels"].splitlines() if line.strip())
        self.assertEqual(labels["org.opencontainers.image.version"], VERSION)
        self.assertEqual(labels["org.opencontainers.image.revision"], "0123456789ab")
        self.assertEqual(re.findall(rf"^\S+ {re.escape(str(self.folder))}\S*", pathlib.Path("/proc/mounts").read_text(), re.MULTILINE), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
