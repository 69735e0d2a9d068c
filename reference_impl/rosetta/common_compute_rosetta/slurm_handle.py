"""Slurm's id of a part's job, kept in the part's handle."""

from __future__ import annotations

import json


def with_job(handle: str, job: str) -> str:
    """Write Slurm's id into a handle."""
    return json.dumps({**(json.loads(handle) if handle else {}), "job": job})


def job_of(handle: str | None) -> str:
    """Read Slurm's id from a handle; `0`, which no job has, if there is none."""
    job = json.loads(handle).get("job") if handle else None
    return job if isinstance(job, str) and job.isdecimal() else "0"
