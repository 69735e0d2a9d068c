"""Wake those who wait for a job: within the process by an event, across processes by the database."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection

from common_compute_connector.clock import Clock

_KEY = "common_compute_changed_jobs"


class Changes:
    """Whoever waits for a change of a job; lives on the event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._closed = False

    def announce(self, job_ids: Iterable[str]) -> None:
        """Wake everyone who waits for these jobs; called on the event loop."""
        for job_id in job_ids:
            for future in self._waiting.pop(job_id, ()):
                if not future.done():
                    future.set_result(None)

    async def wait(self, job_id: str, seconds: float, clock: Clock) -> bool:
        """Wait until a job may have changed, and tell whether that, and not the time, ended the waiting.

        To miss nothing, `expect` the change, look at the job, and then wait with `within`.
        """
        return await self.within(self.expect(job_id), job_id, seconds, clock)

    def expect(self, job_id: str) -> asyncio.Future[None]:
        """Begin to listen for a job's next change."""
        future = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_result(None)
        else:
            self._waiting[job_id].add(future)
        return future

    async def within(self, change: asyncio.Future[None], job_id: str, seconds: float, clock: Clock) -> bool:
        """Wait for an expected change, at most so many seconds."""
        timer = asyncio.ensure_future(clock.sleep(seconds))
        try:
            await asyncio.wait({change, timer}, return_when=asyncio.FIRST_COMPLETED)
            return change.done()
        finally:
            timer.cancel()
            self.forget(change, job_id)

    def forget(self, change: asyncio.Future[None], job_id: str) -> None:
        """Listen no more."""
        waiting = self._waiting.get(job_id)
        if waiting is not None:
            waiting.discard(change)
            if not waiting:
                self._waiting.pop(job_id, None)

    def announce_all(self) -> None:
        """Wake everyone: something changed, and nobody says what."""
        self.announce(list(self._waiting))

    @property
    def closed(self) -> bool:
        """Tell whether the service is stopping, so that waiting makes no sense any more."""
        return self._closed

    def close(self) -> None:
        """Answer everyone at once, now and later."""
        self._closed = True
        self.announce_all()


def touch(connection: Connection, job_id: str) -> None:
    """Note that this transaction changes a job: the writer announces it after the commit."""
    connection.info.setdefault(_KEY, set()).add(job_id)


def touched(connection: Connection) -> set[str]:
    """Take the jobs that the transaction changed."""
    changed: set[str] = connection.info.pop(_KEY, set())
    return changed
