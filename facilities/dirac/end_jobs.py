"""Kill all jobs that have not ended: one that the facility takes down with it would seem to run for ever.

end_jobs.py       with the administrator's proxy
"""

from __future__ import annotations

import DIRAC
from DIRAC.WorkloadManagementSystem.Client.JobManagerClient import JobManagerClient
from DIRAC.WorkloadManagementSystem.Client.JobMonitoringClient import JobMonitoringClient

ALIVE = ["Received", "Checking", "Staging", "Waiting", "Matched", "Running", "Stalled", "Rescheduled"]


def main() -> None:
    """Kill them in one call."""
    DIRAC.initialize()
    found = JobMonitoringClient().getJobs({"Status": ALIVE})
    if not found["OK"]:
        raise SystemExit(f"The jobs that have not ended cannot be listed: {found['Message']}")
    jobs = [int(job) for job in found["Value"]]
    if not jobs:
        return
    killed = JobManagerClient().killJob(jobs)
    if not killed["OK"]:
        raise SystemExit(f"{len(jobs)} jobs cannot be killed: {killed['Message']}")


if __name__ == "__main__":
    main()
