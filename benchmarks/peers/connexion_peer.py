"""Stock connexion over the contract's own document: requests and answers validated, jobs in a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from connexion import AsyncApp
from connexion.resolver import Resolver

_SPEC = Path(__file__).parents[2] / "spec" / "openapi.yaml"
_OPERATIONS = {"/jobs": "post", "/jobs/{job_id}": "get"}

_JSON = {"Content-Type": "application/json"}
"""It has to be said, since an error would have another type."""

_numbers = count()
_jobs: dict[str, dict[str, Any]] = {}


async def submit_job(body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Keep a job specification that connexion has found valid."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    job_id = f"job-{next(_numbers)}"
    _jobs[job_id] = {
        "id": job_id,
        "name": body["name"],
        "facility_id": body["facility_id"],
        "owner": "anonymous",
        "labels": body["labels"],
        "state": "pending",
        "attempt": 1,
        "created_at": now,
        "updated_at": now,
        "stale": False,
        "history": [{"state": "pending", "at": now, "attempt": 1}],
        "spec": body,
    }
    return _jobs[job_id], 201, {**_JSON, "Location": f"/v1/jobs/{job_id}", "X-Request-Id": job_id}


async def get_job(job_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Give a job."""
    return _jobs[job_id], 200, {**_JSON, "ETag": f'W/"{job_id}"', "X-Request-Id": job_id}


def _cut(document: dict[str, Any]) -> dict[str, Any]:
    """Leave the two operations, without the security that connexion wants code for."""
    paths = {
        path: {name: item for name, item in document["paths"][path].items() if name in ("parameters", method)}
        for path, method in _OPERATIONS.items()
    }
    return {**document, "paths": paths, "security": []}


def _function(operation_id: str) -> Callable[..., Any]:
    return {"submit_job": submit_job, "get_job": get_job}[operation_id]


app = AsyncApp("peers.connexion_peer")
app.add_api(
    _cut(yaml.safe_load(_SPEC.read_bytes())),
    resolver=Resolver(_function),
    strict_validation=True,
    validate_responses=True,
)
