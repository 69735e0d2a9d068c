"""What only a mock is asked for: how much memory it takes with very many jobs."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from functools import partial
from pathlib import Path

import servers
import specimens
from api import Api
from common_compute_connector.clock import SystemClock
from common_compute_connector.store import Store
from common_compute_connector.store.jobs import insert_jobs
from disk import own_directory
from figures import Figure, Section
from load import Load
from store_figures import insertable

_MANY = 100_000
_AT_ONCE = 500
_RUN_SECONDS = 1.0
_MEBIBYTE = 1024 * 1024

_EMPTY = "no jobs"
_KEPT = f"{_MANY:,} jobs that have ended in its database, all of them listed"
_RAN = "the same, and some hundreds of jobs that ran there meanwhile"


def measure(rounds: int) -> list[Section]:
    """Measure all sections."""
    return [_memory(rounds)]


def _memory(rounds: int) -> Section:
    """Start a mock on an empty database and on a full one in turn, and look at what it holds in memory."""
    values: dict[str, list[float]] = defaultdict(list)
    with own_directory() as place:
        database = place / servers.STORE_FILE
        asyncio.run(_fill(database))
        for _ in range(rounds):
            with servers.ours().start() as empty:
                values[_EMPTY].append(_mebibytes(empty))
            with servers.ours("--database", str(database)).start() as full, Api(full.url) as api:
                api.page_token_after(_MANY - 1000)
                values[_KEPT].append(_mebibytes(full))
                Load([f"{full.url}/jobs"], specimens.example()).drive(_RUN_SECONDS)
                api.wait_until_all_ended()
                values[_RAN].append(_mebibytes(full))
    figures = [Figure(_EMPTY, values[_EMPTY])]
    figures += [Figure(name, values[name], values[_EMPTY]) for name in (_KEPT, _RAN)]
    return Section("Memory of a mock (resident)", "MiB", figures, _EMPTY)


async def _fill(database: Path) -> None:
    """Insert jobs as their submission does, and then let all of them have ended, without their lives."""
    spec = json.loads(specimens.example())
    clock = SystemClock()
    store = Store.open(f"sqlite:///{database}", servers.content_of(database), clock)
    for _ in range(_MANY // _AT_ONCE):
        await store.write(partial(insert_jobs, new=[insertable(clock, spec) for _ in range(_AT_ONCE)]))
    await store.close()
    with closing(sqlite3.connect(database)) as connection, connection:
        week = 7 * 24 * 3600 * 1_000_000
        connection.execute(
            "UPDATE jobs SET state = 'succeeded', exit_code = 0, started_at = created_at, "
            "finished_at = created_at, observed_at = created_at, expires_at = created_at + :week, "
            "purge_at = created_at + 2 * :week",
            {"week": week},
        )
        connection.execute("UPDATE tasks SET state = 'succeeded', exit_code = 0")
        connection.execute("UPDATE parts SET phase = 'ended'")


def _mebibytes(running: servers.Running) -> float:
    return running.resident_bytes() / _MEBIBYTE
