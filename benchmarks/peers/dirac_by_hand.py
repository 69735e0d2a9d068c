"""Submit to DIRAC by its own client, as a user does by hand; run by a Python that has DIRAC.

    dirac_by_hand.py jobs COUNT    COUNT jobs one after the other: prints the seconds until DIRAC has them all
    dirac_by_hand.py array COUNT   one parametric job: prints the seconds until its last task has ended

What was submitted is deleted.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import DIRAC

DIRAC.initialize()
DIRAC.gLogger.setLevel("FATAL")

from DIRAC.Interfaces.API.Dirac import Dirac  # noqa: E402  (DIRAC is read once it is initialised)

_JDL = """[Executable = "/bin/sh"; Arguments = "job.sh"; InputSandbox = {{"job.sh"}}; StdOutput = "out";
    StdError = "err"; OutputSandbox = {{"out", "err"}}; CPUTime = 600; JobName = "by-hand"; {more}]"""
_ENDED = ("Done", "Failed", "Killed")


def main() -> None:
    """Do what is asked for in a directory of its own."""
    what, count = sys.argv[1], int(sys.argv[2])
    Path("job.sh").write_text("exit 0\n")
    dirac = Dirac()
    begun = time.monotonic()
    if what == "jobs":
        jobs = [value(dirac.submitJob(_JDL.format(more=""))) for _ in range(count)]
    else:
        jobs = value(dirac.submitJob(_JDL.format(more=f"Parameters = {count};")))
        while any(each["Status"] not in _ENDED for each in value(dirac.getJobStatus(jobs)).values()):
            time.sleep(0.5)
    print(time.monotonic() - begun)
    value(dirac.killJob(jobs))
    while left := [
        job for job, each in value(dirac.getJobStatus(jobs)).items() if each["Status"] != "Deleted"
    ]:
        # One that just ends is not deleted at once.
        dirac.deleteJob(left)
        time.sleep(1)


def value(answer: dict) -> object:
    """Give what DIRAC answers, or end with its words."""
    if not answer["OK"]:
        raise SystemExit(answer["Message"])
    return answer["Value"]


main()
