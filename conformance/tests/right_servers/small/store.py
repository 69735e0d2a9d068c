"""The jobs of this process, and the idempotency keys that were used up.

Everything is in memory and in one directory, and ends with the process. A service that people rely on has it on disk
before a 201 leaves (CC-JOB-003).
"""

import pathlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import facility
import times
from jobs import Job
from problems import Fault, Problem, not_found, refuse

DAY = 24 * 60 * 60 * times.SECOND


@dataclass
class UsedKey:
    """What is kept of a submission with a key, also when its job is gone."""

    digest: bytes
    job: Job
    released: bool = False


class Store:
    """Jobs by id; who calls a method holds `lock`."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.lock = threading.RLock()
        self._directory = directory
        self._jobs: dict[str, Job] = {}
        self._keys: dict[tuple[str, str], UsedKey] = {}
        self._last = 0

    def submit(self, owner: str, spec: dict[str, Any], key: str | None, digest: bytes) -> Job:
        """Keep a new job, and use up the key."""
        self._last += 1
        job = Job(self._last, owner, spec, self._directory / str(self._last), times.now())
        self._jobs[job.id] = job
        if key is not None:
            self._keys[owner, key] = UsedKey(digest, job)
        return job

    def replay(self, owner: str, key: str, digest: bytes) -> Job | None:
        """Give the job that this key was used for; refuse another body, and one whose job was released."""
        used = self._keys.get((owner, key))
        if used is None:
            return None
        if used.digest != digest:
            detail = "Another body was sent with this key: use a new key."
            refuse([Fault("header", "Idempotency-Key", detail, "idempotency-key-reused")])
        if used.released:
            raise Problem("job-released", "The job of this key was released: use a new key for another.")
        return used.job

    def find(self, owner: str, job_id: str) -> Job:
        """Give a job of this caller, or answer that there is none."""
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise not_found()
        return job

    def of(self, owner: str) -> Iterator[Job]:
        """Give the jobs of a caller, newest first."""
        return (job for job in reversed(self._jobs.values()) if job.owner == owner)

    def live(self) -> list[Job]:
        """Give the jobs that have not ended, oldest first."""
        return [job for job in self._jobs.values() if not job.is_terminal]

    def make_room(self, job: Job) -> None:
        """Make what a job has that never came to the machine: empty logs."""
        job.directory.mkdir(parents=True, exist_ok=True)
        for name in ("stdout", "stderr"):
            (job.directory / name).touch()

    def release(self, job: Job) -> None:
        """Forget a job, and remove what it left."""
        del self._jobs[job.id]
        shutil.rmtree(job.directory, ignore_errors=True)
        for used in self._keys.values():
            if used.job is job:
                used.released = True

    def expire(self, now: int) -> None:
        """Remove what is kept for longer than was promised."""
        for job in list(self._jobs.values()):
            if job.expires is not None and now >= job.expires:
                shutil.rmtree(job.directory, ignore_errors=True)
                if now >= job.expires + facility.RESULT_RETENTION_SECONDS * times.SECOND:
                    del self._jobs[job.id]
        for name, used in list(self._keys.items()):
            lapsed = now >= used.job.accepted + DAY if used.released else used.job.id not in self._jobs
            if lapsed:
                del self._keys[name]
