"""A page of 100 jobs over HTTP: server CPU time with 100,000 jobs in the store beside 1,000 jobs."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import servers
import specimens
from api import Api
from common_compute_connector.clock import SystemClock
from common_compute_connector.store import Store
from common_compute_connector.store.jobs import insert_jobs
from disk import own_directory
from figures import Figure, Goal, Section
from load import Load
from store_figures import insertable

_FEW, _MANY = 1_000, 100_000
_AT_ONCE = 500
_SECONDS = 3.0
_GOAL = Goal("ratio", "at most", 1.5)


def measure(rounds: int) -> Section:
    """Measure the first page, a page in the middle, and pages narrowed by state and by label."""
    values: dict[tuple[str, int], list[float]] = defaultdict(list)
    with ExitStack() as stack:
        loads = {}
        for count in (_FEW, _MANY):
            place = stack.enter_context(own_directory())
            asyncio.run(_fill(place, count))
            running = stack.enter_context(servers.ours_held(place).start())
            loads[count] = running, _loads(running.url, count)
        pages = list(loads[_FEW][1])
        for turn in range(rounds + 1):
            for page in pages:
                for count, (running, load) in loads.items():
                    before = running.cpu_seconds()
                    answered = load[page].drive(_SECONDS)
                    if turn:  # the first one warms up
                        taken = (running.cpu_seconds() - before) / answered * 1e6
                        values[page, count].append(taken)
                    running.settle()
    figures = [Figure(f"{page}, {_FEW:,} jobs", values[page, _FEW]) for page in pages]
    figures += [
        Figure(f"{page}, {_MANY:,} jobs", values[page, _MANY], values[page, _FEW], _GOAL) for page in pages
    ]
    return Section("GET /jobs, a page of 100", servers.UNIT, figures, f"{_FEW:,} jobs")


async def _fill(place: Path, count: int) -> None:
    spec = json.loads(specimens.example())
    clock = SystemClock()
    database = place / servers.STORE_FILE
    store = Store.open(f"sqlite:///{database}", servers.content_of(database), clock)
    for _ in range(count // _AT_ONCE):
        await store.write(partial(insert_jobs, new=[insertable(clock, spec) for _ in range(_AT_ONCE)]))
    await store.close()


def _loads(url: str, count: int) -> dict[str, Load]:
    with Api(url) as api:
        token = api.page_token_after(count // 2)
    source = json.loads(specimens.example())["labels"]["source"]
    queries = {
        "first page": "",
        "page in the middle": f"&page_token={token}",
        "state=pending": "&state=pending",
        "label=source=...": f"&label=source%3D{source}",
    }
    return {page: Load([f"{url}/jobs?page_size=100{query}"]) for page, query in queries.items()}
