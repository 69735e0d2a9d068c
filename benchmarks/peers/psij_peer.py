"""Submit so many trivial jobs to Slurm with PSI/J, and print the seconds until it has them all."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

from psij import Job, JobAttributes, JobExecutor, JobSpec

executor = JobExecutor.get_instance("slurm")
begun = time.monotonic()
jobs = []
for _ in range(int(sys.argv[1])):
    attributes = JobAttributes(duration=timedelta(minutes=10))
    jobs.append(Job(JobSpec(executable="/bin/true", attributes=attributes)))
    executor.submit(jobs[-1])
print(time.monotonic() - begun)
