#!/usr/bin/env python3
"""LibTorch ships headers of another fmt: sources that use spdlog or fmt must see the system's, and must not have
LibTorch on their include path at all.

    fmt_not_shadowed.py COMPILE_COMMANDS LIBTORCH_INCLUDE_DIR
"""

import json
import pathlib
import re
import shlex
import subprocess
import sys

commands, libtorch = json.loads(pathlib.Path(sys.argv[1]).read_text()), str(pathlib.Path(sys.argv[2]).resolve())
users = 0
for entry in commands:
    source = pathlib.Path(entry["directory"], entry["file"])
    if not source.exists():
        continue  # made by a build that has not run yet
    if not re.search(r"#\s*include\s*<(spdlog|fmt)/", source.read_text(encoding="utf-8")):
        continue
    users += 1
    assert libtorch not in entry["command"], f"{source} includes spdlog or fmt and has LibTorch on its include path"
    # The compiler's own word: all headers of this source.
    words = shlex.split(entry["command"])
    output = words.index("-o")
    words[output : output + 2] = []
    words[words.index("-c") : words.index("-c") + 1] = ["-M"]
    headers = subprocess.run(words, cwd=entry["directory"], check=True, capture_output=True, text=True).stdout
    fmt = [header for header in headers.split() if re.search(r"/fmt/\w+\.h$", header)]
    assert fmt and not any(header.startswith(libtorch) for header in fmt), f"{source}: {fmt}"
assert users > 0, "no source uses spdlog or fmt: this test looks at nothing"
print(f"{users} sources use spdlog or fmt, all the system's")
