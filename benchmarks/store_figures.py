"""Durable submissions per second into SQLite, beside the flushes to disk that bound single commits."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import specimens
from common_compute_connector.clock import SystemClock
from common_compute_connector.store import Store
from common_compute_connector.store.jobs import NewJob, insert_jobs
from disk import own_directory
from figures import Figure, Goal, Section
from load import CONNECTIONS

_CALLERS = (1, CONNECTIONS, 64)
_SECONDS = 2.0
_PAGE = os.urandom(4096)
_GOAL = Goal("value", "at least", 500)


def measure(rounds: int) -> Section:
    """Measure flushes and submissions in turn, on the disk that the project lies on."""
    flushes: list[float] = []
    submissions: dict[int, list[float]] = {callers: [] for callers in _CALLERS}
    for _ in range(rounds):
        flushes.append(_flushes_per_second())
        for callers in _CALLERS:
            submissions[callers].append(asyncio.run(_submissions_per_second(callers)))
    floor = "flushes of 4 kB (fdatasync)"
    figures = [Figure(floor, flushes)]
    for callers, measured in submissions.items():
        name = f"submissions, {callers} {'caller' if callers == 1 else 'callers at once'}"
        figures.append(Figure(name, measured, flushes, _GOAL if callers == CONNECTIONS else None))
    return Section("Durable submissions into SQLite", "per second", figures, floor)


def insertable(clock: SystemClock, spec: dict[str, Any]) -> NewJob:
    """Give a job as an accepted submission makes it."""
    return NewJob(clock.new_id(), "anonymous", specimens.FACILITY, spec, None, clock.now(), [range(1)])


def _flushes_per_second() -> float:
    with own_directory() as place:
        file = os.open(place / "flushed", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        try:
            count, begun = 0, time.monotonic()
            while (passed := time.monotonic() - begun) < _SECONDS:
                os.write(file, _PAGE)
                os.fdatasync(file)
                count += 1
        finally:
            os.close(file)
    return count / passed


async def _submissions_per_second(callers: int) -> float:
    spec = json.loads(specimens.example())
    with own_directory() as place:
        clock = SystemClock()
        store = Store.open(f"sqlite:///{place / 'store.sqlite3'}", place / "content", clock)
        begun = time.monotonic()

        async def keep_submitting() -> int:
            count = 0
            while time.monotonic() < begun + _SECONDS:
                if not await store.write_together(insert_jobs, insertable(clock, spec)):
                    raise RuntimeError("a job was not kept")
                count += 1
            return count

        try:
            counts = await asyncio.gather(*(keep_submitting() for _ in range(callers)))
            return sum(counts) / (time.monotonic() - begun)
        finally:
            await store.close()
