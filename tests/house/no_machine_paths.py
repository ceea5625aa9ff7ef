#!/usr/bin/env python3
"""No file of the project speaks of the machine that it was written on.

    no_machine_paths.py FOLDER
"""

import pathlib
import re
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
# Written so that this file does not contain what it looks for.
PATHS = re.compile(r"(?<![\w.$}>-])/(?:work|root|home)/[\w.]")
ALLOWED = re.compile(r"/home/(you|nobody|\$)")

files = subprocess.run(["git", "-C", root, "ls-files", "-z"], check=True, capture_output=True, text=True).stdout.split("\0")
faults = []
for name in filter(None, files):
    path = root / name
    data = path.read_bytes() if path.is_file() else b""
    if b"\0" in data[:4096]:
        continue  # a fixture
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if PATHS.search(line) and not ALLOWED.search(line):
            faults.append(f"{name}:{number}: {line.strip()[:120]}")
print("\n".join(faults) or f"{len(files)} files name no machine")
sys.exit(1 if faults else 0)
