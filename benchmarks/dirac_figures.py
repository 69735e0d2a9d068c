"""What the way through the API costs at a real DIRAC, beside the same by hand through DIRAC's own client."""

from __future__ import annotations

import asyncio
import time
from unittest import mock

import httpx

import grid
import service
from common_compute_connector.clock import SystemClock
from common_compute_connector.protocol import Enrolment, FacilityConfiguration, Ground, LivePart
from common_compute_dirac.connector import open_connector
from common_compute_dirac.worker import Worker
from figures import Figure, Goal, Section
from live_parts import hand_over

_JOBS = 100
_BY_HAND = "DIRAC's client by hand"


def measure(rounds: int) -> list[Section]:
    """Measure submissions and arrays in turn."""
    there = grid.find_grid()
    with grid.served(there) as api:
        by_hand, ours, array_by_hand, array = [], [], [], []
        for _ in range(rounds):
            by_hand.append(there.by_hand("jobs", _JOBS))
            ours.append(_jobs_by_api(api))
        for _ in range(rounds):
            array_by_hand.append(there.by_hand("array", _JOBS))
            array.append(service.run_array(api, grid.FACILITY, _JOBS))
        awake, hanging = _answers_while_it_hangs(there, api)
    return [
        Section(
            f"{_JOBS} separate jobs, until DIRAC has them all",
            "seconds",
            [
                Figure(_BY_HAND, by_hand),
                Figure("through the API", ours, by_hand, Goal("ratio", "at most", 1.1)),
            ],
            _BY_HAND,
        ),
        Section(
            f"A parametric job of {_JOBS} trivial tasks, to the last one's end",
            "seconds",
            [
                Figure(_BY_HAND, array_by_hand),
                Figure("through the API", array, array_by_hand, Goal("ratio", "at most", 1.1)),
            ],
            _BY_HAND,
        ),
        Section(
            "GET of a job at a grid, the slowest of a hundred",
            "milliseconds",
            [Figure("DIRAC answers", [awake]), Figure("DIRAC hangs", [hanging], [awake])],
            "DIRAC answers",
        ),
        asyncio.run(_calls_of_a_cycle(there)),
    ]


def _jobs_by_api(api: httpx.Client) -> float:
    begun = time.monotonic()
    ids = service.submit_many(api, grid.FACILITY, ["true"], _JOBS)
    taken = time.monotonic() - begun
    service.cancel_all(api, ids)
    return taken


def _answers_while_it_hangs(there: grid.Grid, api: httpx.Client) -> tuple[float, float]:
    job_id = service.submit(api, grid.FACILITY, ["true"])
    service.wait(api, job_id)
    alive = service.submit(api, grid.FACILITY, ["sleep", "120"])
    awake = service.slowest_of_a_hundred(api, job_id)
    with there.hanging():
        hanging = service.slowest_of_a_hundred(api, job_id)
    service.cancel_all(api, [alive])
    return awake, hanging


class _Nobody:
    async def enrolment(self, owner: str) -> Enrolment | None:
        del owner
        return None


async def _calls_of_a_cycle(there: grid.Grid) -> Section:
    """Count the calls to DIRAC with which the connector looks after its live jobs."""
    clock = SystemClock()
    ground = Ground(clock, _Nobody(), "org.example.bench")
    connector = open_connector(FacilityConfiguration(grid.FACILITY, "dirac", there.settings()), ground)
    live: list[LivePart] = []
    figures = []
    try:
        await connector.describe()
        for jobs in (10, 100):
            live += await hand_over(connector, clock, jobs - len(live))
            with mock.patch.object(Worker, "call", autospec=True, side_effect=Worker.call) as calls:
                await connector.observe(live)
            figures.append(Figure(f"{jobs} live jobs", [calls.await_count]))
    finally:
        await connector.cancel(live)
        await connector.release([each.part for each in live])
        await connector.close()
    return Section("Calls to DIRAC of one look at all live jobs", "calls", figures)
