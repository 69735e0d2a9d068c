"""What a client submits by one way, again and again until it hears an answer, and what became of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from proxy import Proxy

ARRAY_TASKS = 2

_PATIENCE_SECONDS = 400
# To read in the usual authorities for each request takes longer than to ask.
_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_TERMINAL = {"succeeded", "failed", "cancelled"}


@dataclass
class Batch:
    """Single jobs and an array that one client submits, and what became of them."""

    name: str
    way: str
    ids: dict[str, str] = field(default_factory=dict)
    """The job's id for each idempotency key, as the 201 or its replay told."""
    all_handed_over: float | None = None
    """When the service knew of all jobs that the facility has them, in monotonic seconds."""
    faults: list[str] = field(default_factory=list)
    lost: int = 0
    """Tasks that did not run, jobs that the facility does not have, and jobs that did not succeed."""
    twice: int = 0
    """Tasks that ran, and jobs that the facility has, more than once."""

    @property
    def tasks(self) -> list[str]:
        """Name each task as it names itself in the file."""
        return [
            f"{job_id}/{index}"
            for key, job_id in self.ids.items()
            for index in range(ARRAY_TASKS if key.endswith("array") else 1)
        ]

    def note(self, counted: Mapping[str, int], what: str) -> None:
        """Note what was not counted once."""
        for name, count in counted.items():
            if count != 1:
                self.faults.append(f"{name} {what} {count} times")
                self.lost += count < 1
                self.twice += count > 1

    def recovery_seconds(self, cut_at: float | None) -> float:
        """Give the time from the cut until the service knew that the facility has all jobs."""
        if cut_at is None or self.all_handed_over is None:
            return 0.0
        return max(self.all_handed_over - cut_at, 0.0)


class Submitter:
    """The client of one way: a facility of the server, reached by a proxy before the server.

    Each task appends its job's id and its index to a file: `ran_there` as the task names it, `ran_here` as
    this machine does.
    """

    def __init__(self, name: str, singles: int, ran_there: str, ran_here: Path) -> None:
        self.name = name
        self.to_server = Proxy("127.0.0.1", 0)
        self._singles = singles
        self._ran_there = ran_there
        self._ran_here = ran_here
        self._batches = 0

    async def submit(self) -> Batch:
        """Submit a batch, each job again and again until its answer was heard."""
        self._batches += 1
        batch = Batch(f"{self.name}-{self._batches}", self.name)
        for what in (*range(self._singles), "array"):
            key = f"{batch.name}-{what}"
            body = {
                "facility_id": self.name,
                "software": {"kind": "installed", "name": "posix-shell"},
                "command": ["/bin/sh", "-c", f"echo $CC_JOB_ID/$CC_TASK_INDEX >>{self._ran_there}"],
                "labels": {"batch": batch.name},
                **({"array": {"count": ARRAY_TASKS}} if what == "array" else {}),
            }
            answer = await self._insist("POST", "/jobs", json=body, headers={"Idempotency-Key": key})
            if answer.status_code not in (200, 201):
                raise RuntimeError(f"submit_job: {answer.status_code} {answer.text}")
            batch.ids[key] = answer.json()["id"]
        return batch

    async def ended(self, batch: Batch) -> None:
        """Wait for the batch, and hold what the service says and its tasks wrote against the promise."""
        last = time.monotonic() + _PATIENCE_SECONDS
        while True:
            answer = await self._insist("GET", "/jobs", params={"label": f"batch={batch.name}"})
            jobs: list[dict[str, Any]] = answer.json()["jobs"]
            states = Counter(job["state"] for job in jobs)
            if batch.all_handed_over is None and "pending" not in states:
                batch.all_handed_over = time.monotonic()
            if states and states.keys() <= _TERMINAL:
                break
            if time.monotonic() > last:
                batch.faults.append(f"not ended after {_PATIENCE_SECONDS} s: {dict(states)}")
                break
            await asyncio.sleep(0.15 if batch.all_handed_over is None else 0.5)
        if Counter(batch.ids.values()) != Counter(job["id"] for job in jobs):
            batch.faults.append(
                f"accepted {sorted(batch.ids.values())}, listed {[job['id'] for job in jobs]}"
            )
        expected = len(batch.ids)
        batch.lost += sum(job["state"] != "succeeded" for job in jobs) + max(expected - len(jobs), 0)
        if states != {"succeeded": expected}:
            reasons = [job.get("reason") for job in jobs]
            batch.faults.append(f"states {dict(states)}, reasons {reasons}")
        self.count_lines(batch)

    def count_lines(self, batch: Batch) -> None:
        """Compare the tasks with the lines that they wrote."""
        lines = Counter(self._ran_here.read_text().split() if self._ran_here.exists() else [])
        batch.note({task: lines[task] for task in batch.tasks}, "wrote its line")
        of_others = {line for line in lines if line.split("/")[0] in batch.ids.values()} - set(batch.tasks)
        if of_others:
            batch.faults.append(f"lines of no task: {sorted(of_others)}")

    async def _insist(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask, each time on a new connection, until somebody answers."""
        url = f"http://127.0.0.1:{self.to_server.port}/v1{path}"
        last = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                async with httpx.AsyncClient(timeout=8, trust_env=False, verify=_NOBODY) as client:
                    return await client.request(method, url, **arguments)
            except httpx.TransportError:
                if time.monotonic() > last:
                    raise
                await asyncio.sleep(0.2)
