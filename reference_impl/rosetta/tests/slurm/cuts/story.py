"""One story: a client submits a batch, something is cut, and in the end each task has run once."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from proxy import Chunk, Proxy
from server import Cluster, Server

from common_compute_connector.protocol import PartKey
from common_compute_rosetta.slurm_batch import job_name

SINGLE_JOBS = 3
ARRAY_TASKS = 2
JOBS = SINGLE_JOBS + 1
TASKS = SINGLE_JOBS + ARRAY_TASKS

_PATIENCE_SECONDS = 400
_TERMINAL = {"succeeded", "failed", "cancelled"}


@dataclass
class Batch:
    """What one client submits at once, and what became of it."""

    name: str
    way: str
    ids: dict[str, str] = field(default_factory=dict)
    """The job's id for each idempotency key, as the 201 or its replay told."""
    all_handed_over: float | None = None
    """When the service knew of all jobs that the facility has them, in monotonic seconds."""
    faults: list[str] = field(default_factory=list)
    lost: int = 0
    """Tasks that did not run, jobs that are not at Slurm, and jobs that did not succeed for the service."""
    twice: int = 0
    """Tasks that ran, and jobs that are at Slurm, more than once."""

    @property
    def tasks(self) -> list[str]:
        """Name each task as it names itself in the file."""
        return [
            f"{job_id}/{index}"
            for key, job_id in self.ids.items()
            for index in range(ARRAY_TASKS if key.endswith("array") else 1)
        ]

    def names_at_slurm(self, service_id: str) -> set[str]:
        """Name its jobs as Slurm knows them."""
        return {job_name(service_id, PartKey(job_id, 0)) for job_id in self.ids.values()}

    def count_books(self, books: Counter[str], service_id: str) -> None:
        """Compare its jobs with those that Slurm was given."""
        self.note({name: books[name] for name in self.names_at_slurm(service_id)}, "is at Slurm")

    def note(self, counted: Mapping[str, int], what: str) -> None:
        """Note what was not counted once."""
        for name, count in counted.items():
            if count != 1:
                self.faults.append(f"{name} {what} {count} times")
                self.lost += count < 1
                self.twice += count > 1


class Way:
    """One way to the cluster: a facility of the server, with a proxy before it and one before the server."""

    def __init__(self, name: str, cluster: Cluster, root: str) -> None:
        self.name = name
        self.to_facility = Proxy(cluster.address, cluster.port)
        self.to_server = Proxy("127.0.0.1", 0)
        self.ran_there = f"/home/{cluster.account}/{root}/ran-{name}"
        self.ran_here = cluster.home / root / f"ran-{name}"
        self.seen: dict[str, list[Chunk]] = {}
        """What passed each proxy of a submission, once it has ended: `ssh` and `http`."""
        self._batches = 0

    async def open(self) -> None:
        """Start both proxies."""
        await self.to_facility.start()
        await self.to_server.start()

    async def close(self) -> None:
        """End both."""
        await self.to_facility.close()
        await self.to_server.close()

    async def submit(self) -> Batch:
        """Submit a batch, each job again and again until its answer was heard."""
        self._batches += 1
        batch = Batch(f"{self.name}-{self._batches}", self.name)
        keys = [f"{batch.name}-{number}" for number in range(SINGLE_JOBS)] + [f"{batch.name}-array"]
        for key in keys:
            body = {
                "facility_id": self.name,
                "software": {"kind": "installed", "name": "posix-shell"},
                "command": ["sh", "-c", f"echo $CC_JOB_ID/$CC_TASK_INDEX >>{self.ran_there}"],
                "labels": {"batch": batch.name},
                **({"array": {"count": ARRAY_TASKS}} if key.endswith("array") else {}),
            }
            answer = await self._insist("POST", "/jobs", json=body, headers={"Idempotency-Key": key})
            if answer.status_code not in (200, 201):
                raise RuntimeError(f"submit_job: {answer.status_code} {answer.text}")
            batch.ids[key] = answer.json()["id"]
        return batch

    async def ended(self, batch: Batch) -> None:
        """Wait for the batch, and compare what the service says of it with what was promised."""
        last = time.monotonic() + _PATIENCE_SECONDS
        while True:
            jobs = await self._jobs_of(batch)
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
        batch.lost += sum(job["state"] != "succeeded" for job in jobs) + max(JOBS - len(jobs), 0)
        if states != {"succeeded": JOBS}:
            reasons = [job.get("reason") for job in jobs]
            batch.faults.append(f"states {dict(states)}, reasons {reasons}")

    def count_lines(self, batch: Batch) -> None:
        """Compare the tasks with the lines that they wrote."""
        lines = Counter(self.ran_here.read_text().split() if self.ran_here.exists() else [])
        batch.note({task: lines[task] for task in batch.tasks}, "wrote its line")
        of_others = {line for line in lines if line.split("/")[0] in batch.ids.values()} - set(batch.tasks)
        if of_others:
            batch.faults.append(f"lines of no task: {sorted(of_others)}")

    async def _jobs_of(self, batch: Batch) -> list[dict[str, Any]]:
        answer = await self._insist("GET", "/jobs", params={"label": f"batch={batch.name}"})
        jobs: list[dict[str, Any]] = answer.json()["jobs"]
        return jobs

    async def _insist(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask, each time on a new connection, until somebody answers."""
        url = f"http://127.0.0.1:{self.to_server.port}/v1{path}"
        last = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                async with httpx.AsyncClient(timeout=8, trust_env=False) as client:
                    return await client.request(method, url, **arguments)
            except httpx.TransportError:
                if time.monotonic() > last:
                    raise
                await asyncio.sleep(0.2)


class Books:
    """What Slurm's accounting tells of one account."""

    def __init__(self, cluster: Cluster, room: Path) -> None:
        self.room = room
        self._cluster = cluster
        known_hosts = room / "known_hosts"
        known_hosts.write_text(f"[{cluster.address}]:{cluster.port} {cluster.host_key}\n", encoding="utf-8")
        settings = {
            "Port": cluster.port,
            "User": cluster.account,
            "IdentityFile": cluster.key_file,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": known_hosts,
            "StrictHostKeyChecking": "yes",
            "LogLevel": "ERROR",
        }
        self._ssh = ["ssh", "-F", "none", *(f"-o{name}={value}" for name, value in settings.items())]

    def ask(self, command: str) -> str:
        """Run a command in the account."""
        argv = [*self._ssh, self._cluster.address, command]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120).stdout

    def jobs(self, prefix: str) -> Counter[str]:
        """Count the jobs that Slurm was given under each name, whatever became of them."""
        told = self.ask("sacct -n -P -X -D -S now-6hours -o JobName,JobID")
        rows = {
            (name, job.partition("_")[0]) for name, _, job in (line.partition("|") for line in told.split())
        }
        return Counter(name for name, _ in rows if name.startswith(prefix))

    async def complete(self, server: Server, batches: list[Batch]) -> Counter[str]:
        """Count once all jobs of some batches are in the books, or there is no more hope of it."""
        prefix = job_name(server.service_id, PartKey("", 0)).rpartition("-")[0]
        wanted = set[str]().union(*(batch.names_at_slurm(server.service_id) for batch in batches))
        for _ in range(20):
            books = await asyncio.to_thread(self.jobs, prefix)
            if wanted <= books.keys():
                break
            await asyncio.sleep(1.5)
        return books
