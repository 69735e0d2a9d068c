"""One way to DIRAC, the jobs that are submitted by it, and how often each of them ran."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from grid_points import GridPoint
from grid_server import SERVICES, Grid
from proxy import Chunk, Proxy

ARRAY_TASKS = 2
JOBS, TASKS = 2, 1 + ARRAY_TASKS

_PATIENCE_SECONDS = 400
_TERMINAL = {"succeeded", "failed", "cancelled"}


@dataclass
class Batch:
    """A job and an array that one client submits, and what became of them."""

    name: str
    ids: dict[str, str] = field(default_factory=dict)
    """The job's id for each idempotency key."""
    all_handed_over: float | None = None
    faults: list[str] = field(default_factory=list)
    lost: int = 0
    twice: int = 0

    @property
    def tasks(self) -> list[str]:
        """Name each task as it names itself in the file."""
        return [
            f"{job_id}/{index}"
            for key, job_id in self.ids.items()
            for index in range(ARRAY_TASKS if key.endswith("array") else 1)
        ]

    def note(self, counted: dict[str, int], what: str) -> None:
        """Note what was not counted once."""
        for name, count in counted.items():
            if count != 1:
                self.faults.append(f"{name} {what} {count} times")
                self.lost += count < 1
                self.twice += count > 1


@dataclass(frozen=True)
class Outcome:
    """What became of one submission that was cut; recovery is from the cut until DIRAC had all of it."""

    point: GridPoint
    batch: Batch
    reached: bool
    recovery_seconds: float


class GridWay:
    """A facility of the server, with proxies before DIRAC's services and one before the server."""

    def __init__(self, name: str, grid: Grid, room: Path) -> None:
        self.name = name
        self.proxies = {place: Proxy("127.0.0.1", grid.port(place)) for place in SERVICES}
        self.proxies["http"] = Proxy("127.0.0.1", 0)
        self.ran = room / f"ran-{name}"
        self.seen: dict[str, list[Chunk]] = {}
        """What passed each proxy of the last submission, until the service knew that DIRAC has it."""
        self._batches = 0

    async def open(self) -> None:
        """Start the proxies."""
        for proxy in self.proxies.values():
            await proxy.start()

    async def close(self) -> None:
        """End them."""
        for proxy in self.proxies.values():
            await proxy.close()

    def begin(self) -> None:
        """Count what passes from here on, and cut nowhere."""
        for proxy in self.proxies.values():
            proxy.arm(None)

    def forget_server(self) -> None:
        """Let everything end that a server that was killed had open."""
        for proxy in self.proxies.values():
            proxy.end_all()
            proxy.arm(None)
            proxy.release()
        self.proxies["http"].target = None

    async def submit(self) -> Batch:
        """Submit a job and an array, each again and again until the answer was heard."""
        self._batches += 1
        batch = Batch(f"{self.name}-{self._batches}")
        for key in (f"{batch.name}-one", f"{batch.name}-array"):
            body = {
                "facility_id": self.name,
                "software": {"kind": "installed", "name": "posix-shell"},
                "command": ["/bin/sh", "-c", f"echo $CC_JOB_ID/$CC_TASK_INDEX >>{self.ran}"],
                "labels": {"batch": batch.name},
                **({"array": {"count": ARRAY_TASKS}} if key.endswith("array") else {}),
            }
            answer = await self._insist("POST", "/jobs", json=body, headers={"Idempotency-Key": key})
            if answer.status_code not in (200, 201):
                raise RuntimeError(f"submit_job: {answer.status_code} {answer.text}")
            batch.ids[key] = answer.json()["id"]
        return batch

    async def settled(self, batch: Batch) -> None:
        """Wait for the batch's end, and compare what is told and what ran with what was promised."""
        last = time.monotonic() + _PATIENCE_SECONDS
        while True:
            answer = await self._insist("GET", "/jobs", params={"label": f"batch={batch.name}"})
            jobs: list[dict[str, Any]] = answer.json()["jobs"]
            states = Counter(job["state"] for job in jobs)
            if batch.all_handed_over is None and "pending" not in states:
                batch.all_handed_over = time.monotonic()
                self.seen = {
                    place: [chunk for chunk in proxy.chunks if chunk.at < batch.all_handed_over]
                    for place, proxy in self.proxies.items()
                }
            if states.keys() <= _TERMINAL or time.monotonic() > last:
                break
            await asyncio.sleep(0.2 if batch.all_handed_over is None else 1)
        if Counter(batch.ids.values()) != Counter(job["id"] for job in jobs):
            batch.faults.append(f"accepted {batch.ids}, listed {[job['id'] for job in jobs]}")
        batch.lost += sum(job["state"] != "succeeded" for job in jobs) + max(JOBS - len(jobs), 0)
        if states != {"succeeded": JOBS}:
            batch.faults.append(f"states {dict(states)}, reasons {[job.get('reason') for job in jobs]}")
        self.count(batch)

    def count(self, batch: Batch) -> None:
        """Compare the tasks with the lines that they wrote."""
        lines = Counter(self.ran.read_text().split() if self.ran.exists() else [])
        batch.note({task: lines[task] for task in batch.tasks}, "wrote its line")

    async def _insist(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask, each time on a new connection, until somebody answers."""
        last = time.monotonic() + _PATIENCE_SECONDS
        while True:
            url = f"http://127.0.0.1:{self.proxies['http'].port}/v1{path}"
            try:
                async with httpx.AsyncClient(timeout=8, trust_env=False) as client:
                    return await client.request(method, url, **arguments)
            except httpx.TransportError:
                if time.monotonic() > last:
                    raise
                await asyncio.sleep(0.2)
