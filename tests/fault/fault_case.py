"""What the tests of faults share: how soon a job ends after one, and that going on loses nothing and ends like a run that was never
disturbed."""
import json
import os
import time

from program import ProgramTest

ENDS_WITHIN_S = 15  # from the death of a rank to the end of the job


class FaultTest(ProgramTest):
    def ends_soon(self, job, since, limit_s=ENDS_WITHIN_S, code=None):
        """The job fails within that time and leaves no process. `since`: the moment of the fault, or what the job says then."""
        if isinstance(since, str):
            while since not in job.said() and job.process.poll() is None:
                time.sleep(0.02)
            since = time.monotonic()
        result = job.wait(clean=False)  # the half of a save or of a copy is removed by the next start
        busy = os.getloadavg()[0] / os.cpu_count()  # where more than two wait for each core, all takes that much longer
        self.assertLess(time.monotonic() - since, limit_s * max(1, busy / 2), result)
        self.assertNotEqual(result.code, 0, result) if code is None else self.assertEqual(result.code, code, result)
        return result

    def newest(self, run):
        """Name of the newest checkpoint of those that bear a good name; None where there is none."""
        manifests = (run / "checkpoints").glob("step-*Z/manifest.json")
        return max(((json.loads(path.read_text())["step"], path.parent.name) for path in manifests), default=(0, None))[1]

    def goes_on_like(self, words, broken="broken", whole="whole", ranks=3, whole_ranks=2):
        """Goes on from the newest checkpoint, and ends with the state and the metrics of a run that nothing broke."""
        run, unbroken = self.run_folder(broken), self.run_folder(whole)
        newest = self.newest(run)
        resumed = self.done("train", *words, f"run.name={broken}", "--resume", ranks=ranks)  # nor is the half of anything left
        self.assertIn(f"going on from {newest} at step" if newest else "starting anew", resumed.err)
        self.done("train", *words, f"run.name={whole}", ranks=whole_ranks)
        self.assertEqual(self.manifest(run)["state_checksum"], self.manifest(unbroken)["state_checksum"])
        self.assertEqual(self.metrics(run)[-2:], self.metrics(unbroken)[-2:])
        return resumed
