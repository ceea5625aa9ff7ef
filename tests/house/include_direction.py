#!/usr/bin/env python3
"""Holds the direction of dependencies: a module includes only modules above it, and a third-party library is included
only by the modules that it belongs to (docs/architecture.md).

    include_direction.py [FOLDER]    checks the project in FOLDER (default: the one this file lies in)
    include_direction.py --self-test checks that planted violations are found
"""

import pathlib
import re
import sys
import tempfile

# Each may use those before it; app may use all.
MODULES = "core config device comm events store logic data model export train report serve app".split()

# Headers of third parties: where they may be included. ".cu" stands for the CUDA sources of a module.
EVERYBODY = set(MODULES)
THIRD_PARTY = [
    (r"(spdlog|fmt)/", {"core"}),
    (r"openssl/", {"core"}),
    (r"xxhash\.h$", {"core"}),
    (r"yaml-cpp/", {"config"}),
    (r"(cuda_runtime(_api)?|cuda|nvml)\.h$", {"device", "logic.cu", "data.cu", "comm.cu"}),
    (r"nvtx3/", {"device"}),
    (r"(cub|cooperative_groups|thrust)[/.]|cuda_(bf16|fp16)\.h$|mma\.h$", {"device", "logic.cu", "data.cu", "comm.cu"}),
    (r"mpi\.h$", {"comm", "store"}),
    (r"nccl\.h$", {"comm"}),
    (r"(zlib|zip|lz4\w*|zstd|archive|archive_entry)\.h$|flatbuffers/", {"events"}),
    (r"(hdf5|H5\w+)\.h$", {"store"}),
    (r"(torch|ATen|c10|caffe2)/", {"model", "train"}),
    (r"google/protobuf/|.*\.pb\.h$", {"export", "report"}),
    (r"png\.h$", {"events", "report"}),
    (r"gif_lib\.h$", {"report"}),
    (r"httplib\.h$", {"serve"}),
    (r"CLI/", {"app"}),
    (r"nlohmann/", EVERYBODY),
]
# Public headers of ours that carry a third-party header, and who may include them.
CARRIERS = {"dltonic/comm/mpi_handle.h": {"comm", "store"}}
IN_PUBLIC_HEADERS = {"nlohmann/json_fwd.hpp"}  # declarations only

SYSTEM = re.compile(
    r"[a-z_]+$"  # the C++ library
    r"|(sys|linux|netinet|arpa)/\w+\.h$"
    r"|(unistd|fcntl|dlfcn|poll|pthread|sched|signal|termios|syslog|netdb|spawn|dirent|errno|immintrin|omp|cpuid|execinfo)\.h$"
)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
USES = re.compile(r"dltonic_module\(\s*(\w+)(.*?)\)", re.DOTALL)


def comes_after(user, used):
    return MODULES.index(used) > MODULES.index(user)


def faults_of_include(module, is_public, is_cuda, header):
    """What is wrong with one #include, or None."""
    first = header.removeprefix("dltonic/").split("/")[0]
    if "/" in header and first in MODULES:
        if comes_after(module, first):
            return f"{module} stands above {first} and must not use it"
        if is_public and not header.startswith("dltonic/"):
            return "a public header must not include a private one"
        if header in CARRIERS and module not in CARRIERS[header]:
            return f"belongs to {', '.join(sorted(CARRIERS[header]))}"
        return None
    for pattern, owners in THIRD_PARTY:
        if re.match(pattern, header):
            if module not in owners and not (is_cuda and module + ".cu" in owners):
                return f"belongs to {', '.join(sorted(owners))}, not to {module}"
            if is_public and header not in IN_PUBLIC_HEADERS:
                return "a public header must not include a third party's"
            return None
    if SYSTEM.match(header):
        return None
    return "is in no table: if it is a new library, say in tests/house/include_direction.py whose it is"


def check(root):
    faults = []
    for folder, is_public in (("include/dltonic", True), ("src", False)):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in {".h", ".hpp", ".cpp", ".cu", ".cuh"}:
                continue
            where = path.relative_to(root)
            module = path.relative_to(root / folder).parts[0]
            if module not in MODULES:
                faults.append(f"{where}: there is no module '{module}'; the modules are {', '.join(MODULES)}")
                continue
            text = path.read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                header = match[2]
                is_local = match[1] == '"' and "/" not in header  # a neighbour, or a file that the build makes
                if is_local and not any(re.match(pattern, header) for pattern, _ in THIRD_PARTY):
                    continue
                is_carrier = str(path.relative_to(root / "include")) in CARRIERS if is_public else False
                fault = faults_of_include(module, is_public and not is_carrier, path.suffix in {".cu", ".cuh"}, header)
                if fault:
                    line = text.count("\n", 0, match.start(2)) + 1
                    faults.append(f"{where}:{line}: {header}: {fault}")
    for path in sorted((root / "src").glob("*/CMakeLists.txt")):
        for module, arguments in USES.findall(path.read_text(encoding="utf-8")):
            used = re.search(r"\bUSES\b(.*?)(\bLINKS\b|\bSOURCES\b|$)", arguments, re.DOTALL)
            for name in used[1].split() if used else []:
                if name not in MODULES or comes_after(module, name) or name == module:
                    faults.append(f"{path.relative_to(root)}: {module} must not use {name}")
    return faults


def self_test():
    """Each planted violation gives one fault, each honest line none."""
    planted = [
        ("src/core/a.cpp", '#include "dltonic/config/loader.h"'),
        ("src/events/a.cpp", '#include "store/private.h"'),
        ("include/dltonic/model/a.h", '#include "dltonic/train/trainer.h"'),
        ("include/dltonic/model/b.h", "#include <torch/torch.h>"),
        ("include/dltonic/core/b.h", "#include <nlohmann/json.hpp>"),
        ("include/dltonic/events/b.h", '#include "events/private.h"'),
        ("src/logic/a.cpp", "#include <torch/torch.h>"),
        ("src/data/a.cpp", "#include <mpi.h>"),
        ("src/data/b.cpp", '#include "dltonic/comm/mpi_handle.h"'),
        ("src/comm/a.cpp", "  #  include <hdf5.h>"),
        ("src/config/a.cpp", "#include <spdlog/spdlog.h>"),
        ("src/logic/b.cpp", "#include <cuda_runtime.h>"),
        ("src/train/a.cpp", "#include <event.pb.h>"),
        ("src/report/a.cpp", "#include <CLI/CLI.hpp>"),
        ("src/core/c.cpp", "#include <boost/any.hpp>"),
        ("src/misc/a.cpp", "#include <vector>"),
        ("src/store/CMakeLists.txt", "dltonic_module(store\n  SOURCES a.cpp\n  USES core logic\n  LINKS HDF5::HDF5)"),
    ]
    honest = [
        ("src/core/log.cpp", '#include <spdlog/spdlog.h>\n#include "dltonic/core/log.h"\n#include <sys/stat.h>\n#include <vector>'),
        ("src/store/file.cpp", '#include <hdf5.h>\n#include <mpi.h>\n#include "dltonic/comm/mpi_handle.h"\n#include <nlohmann/json.hpp>'),
        ("include/dltonic/comm/mpi_handle.h", "#include <mpi.h>"),
        ("src/logic/kernel.cu", "#include <cuda_runtime.h>"),
        ("src/model/mlp.cpp", '#include <torch/torch.h>\n#include "model/registry.h"'),
        ("src/app/main.cpp", '#include <CLI/CLI.hpp>\n#include "dltonic/report/sinks.h"'),
        ("src/report/CMakeLists.txt", "dltonic_module(report SOURCES a.cpp USES core config LINKS png)"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in honest + planted:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text + "\n", encoding="utf-8")
        faults = check(root)
        for name, _ in planted:
            if sum(fault.startswith(name) for fault in faults) != 1:
                raise SystemExit(f"planted in {name}, found: {[f for f in faults if f.startswith(name)]}")
        for name, _ in honest:
            if any(fault.startswith(name) for fault in faults):
                raise SystemExit(f"false alarm in {name}: {faults}")
    print(f"{len(planted)} planted violations found, {len(honest)} honest files passed")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    else:
        found = check(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2])
        print("\n".join(found) or "includes point upwards")
        sys.exit(1 if found else 0)
