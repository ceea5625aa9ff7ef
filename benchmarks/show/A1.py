"""A1: jobs/quickstart.sh, from what is there to a trained and evaluated run."""

import subprocess
import time

import figures as show


def measure(figures, _):
    program = show.Program("A1")
    program.path = show.ROOT / "build/release/dltonic"  # the one that quickstart builds
    was_built = program.path.exists()
    began = time.monotonic()
    with program.log.open("w") as log:
        done = subprocess.run(["jobs/quickstart.sh"], cwd=show.ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                              env={**show.os.environ, **program.storage})
    minutes = (time.monotonic() - began) / 60
    log = program.log.read_text()
    if done.returncode:
        raise show.NotMeasured(f"jobs/quickstart.sh ended with {done.returncode}; see {program.log}")
    cold = "set-up: installing" in log or "set-up: downloading" in log
    show.say(f"  set-up {'cold (it installed or downloaded)' if cold else 'warm (nothing was missing)'}, build "
             f"{'warm' if was_built else 'cold (ccache may have held objects)'}, data prepared anew; see {program.log}")
    runs = list((program.folder / "runs").iterdir())
    result = program("evaluate", "--run", runs[0], "--split", "test")
    figures.at_least("quickstart_accuracy_hard", 100 * result["accuracy_hard"], "%", 75)
    figures.at_most(f"quickstart_time_{'cold' if cold else 'warm'}", minutes, "min", 15)


show.main("A1", measure)
