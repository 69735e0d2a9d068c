"""A FastAPI server of two operations: pydantic models in and out, jobs in a dictionary."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Annotated

from fastapi import FastAPI, HTTPException, Path, Response

from peers.fastapi_models import HistoryEntry, Job, JobSpec, State

_numbers = count()
_jobs: dict[str, Job] = {}

app = FastAPI()


@app.post("/jobs", status_code=201, response_model=Job, response_model_exclude_none=True)
async def submit_job(spec: JobSpec, response: Response) -> Job:
    """Keep a job specification that fits the models."""
    now = datetime.now(UTC)
    job = Job(
        id=f"job-{next(_numbers)}",
        name=spec.name,
        facility_id=spec.facility_id,
        owner="anonymous",
        labels=spec.labels,
        state=State.PENDING,
        attempt=1,
        created_at=now,
        updated_at=now,
        stale=False,
        history=[HistoryEntry(state=State.PENDING, at=now, attempt=1)],
        spec=spec,
    )
    _jobs[job.id] = job
    response.headers["Location"] = f"/jobs/{job.id}"
    return job


@app.get("/jobs/{job_id}", response_model=Job, response_model_exclude_none=True)
async def get_job(job_id: Annotated[str, Path(pattern="^[a-z0-9-]{1,32}$")]) -> Job:
    """Give a job."""
    if job_id not in _jobs:
        raise HTTPException(404)
    return _jobs[job_id]
