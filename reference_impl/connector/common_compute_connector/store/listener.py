"""Hear from PostgreSQL which jobs another process changed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import orjson
from sqlalchemy import Engine

from common_compute_connector.store.changes import Changes

CHANNEL = "common_compute_jobs"
_LOOK_UP_SECONDS = 0.5


class Listener:
    """A thread on a connection of its own that turns notices into announcements."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop, changes: Changes) -> None:
        self._engine = engine
        self._loop = loop
        self._changes = changes
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # A database that is away for a moment is tried again; who waits meanwhile answers at its time.
            with contextlib.suppress(Exception):
                self._listen()
            self._stopping.wait(_LOOK_UP_SECONDS)

    def _listen(self) -> None:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute(f"LISTEN {CHANNEL}")
            while not self._stopping.is_set():
                for notice in driver.notifies(timeout=_LOOK_UP_SECONDS):
                    self._loop.call_soon_threadsafe(self._announce, notice.payload)

    def _announce(self, payload: str) -> None:
        job_ids = orjson.loads(payload)
        if job_ids:
            self._changes.announce(job_ids)
        else:
            self._changes.announce_all()
