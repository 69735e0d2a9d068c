"""The floor: a bare Starlette that keeps jobs in a dictionary and checks nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

_numbers = count()
_jobs: dict[str, dict[str, Any]] = {}


async def submit_job(request: Request) -> JSONResponse:
    """Keep whatever was sent."""
    spec = await request.json()
    now = datetime.now(UTC).isoformat()
    job_id = f"job-{next(_numbers)}"
    _jobs[job_id] = {
        "id": job_id,
        "name": spec.get("name"),
        "facility_id": spec["facility_id"],
        "owner": "anonymous",
        "labels": spec.get("labels"),
        "state": "pending",
        "attempt": 1,
        "created_at": now,
        "updated_at": now,
        "stale": False,
        "history": [{"state": "pending", "at": now, "attempt": 1}],
        "spec": spec,
    }
    return JSONResponse(_jobs[job_id], 201, {"Location": f"/jobs/{job_id}"})


async def get_job(request: Request) -> JSONResponse:
    """Give what is kept."""
    return JSONResponse(_jobs[request.path_params["job_id"]])


app = Starlette(
    routes=[Route("/jobs", submit_job, methods=["POST"]), Route("/jobs/{job_id}", get_job, methods=["GET"])]
)
