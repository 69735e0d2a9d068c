"""Wrap a job as DIRAC's own wrapper does, but look sooner whether its command has begun.

DIRAC's first look is after five seconds, which each job would last at least. The job agent makes a copy of
this file for each job, with the job's description beside it under the copy's name.
"""

from __future__ import annotations

from pathlib import Path

from DIRAC.WorkloadManagementSystem.JobWrapper import JobWrapper

JobWrapper.CHILD_PID_POLL_INTERVALS = [0.2, 0.3, 0.5, *[1] * 30]
template = Path(JobWrapper.__file__).with_name("JobWrapperTemplate.py").read_text(encoding="utf-8")
# The template expects to be a file of its own, which the agent would have completed.
exec(compile(template.replace("@SITE" + "PYTHON@", "@SITEPYTHON@"), __file__, "exec"))  # noqa: S102
