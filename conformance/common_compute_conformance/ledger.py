"""Keep account of what was made on the target, and leave nothing of it there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from common_compute_conformance.errors import Inconclusive
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.pace import Pace


class Owner(Protocol):
    """The caller who made a job."""

    def call(self, operation_id: str, *, job_id: str) -> Exchange:
        """Call an operation of one job."""


class Ledger:
    """What was made on the target, so that nothing of it stays there."""

    def __init__(self) -> None:
        self._made: dict[str, Owner] = {}
        self.submissions = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=16)

    def whole(self, submission: Callable[[], Exchange]) -> Exchange:
        """Do a submission in a thread of its own, so that Ctrl-C cannot cut it between a job and its id."""
        return self._pool.submit(submission).result()

    def made(self, job_id: str, client: Owner) -> None:
        """Remember a job and who owns it."""
        with self._lock:
            self._made.setdefault(job_id, client)

    def gone(self, job_id: str) -> None:
        """Forget a job that was released."""
        with self._lock:
            self._made.pop(job_id, None)

    @property
    def remaining(self) -> list[str]:
        """The ids of what was made and not released."""
        return sorted(self._made)

    def clean_up(self, pace: Pace, grace_seconds: float = 0.0) -> list[str]:
        """Cancel what is alive and release everything; return the ids of what could not be released.

        `grace_seconds` is what a cancelled job may take by the word of the facility, beside our own patience.
        """
        self._pool.shutdown()
        waiting = dict(self._made)
        for job_id, client in waiting.items():
            if _quietly(client, "release_job", job_id) == 409:
                _quietly(client, "cancel_job", job_id)
        for _ in pace.polls(pace.cancel_patience + grace_seconds):
            for job_id, client in list(waiting.items()):
                status = _quietly(client, "release_job", job_id)
                if status in (204, 404):
                    self.gone(job_id)
                if status != 409:  # another try would change nothing but for a job that has not ended
                    del waiting[job_id]
            if not waiting:
                break
        return self.remaining


def _quietly(client: Owner, operation_id: str, job_id: str) -> int:
    try:
        return client.call(operation_id, job_id=job_id).status
    except Inconclusive:
        return 0
