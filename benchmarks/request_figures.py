"""Server CPU time per request of our mock and of its peers, interleaved in rounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import disk
import servers
import specimens
from api import Api
from figures import Figure, Goal, Section
from load import Load
from servers import Running

_SECONDS = 3.0
_LIFE_SECONDS = 1.0
_JOBS_TO_READ = 50

_GET = "GET /jobs/{id}"
_POST = "POST /jobs, 0.6 kB"
_POST_FILES = "POST /jobs, 10 kB with its files"
_LIFE = "POST /jobs, 0.6 kB, and the job's life to its end"
_GOALS = {_GET: Goal("ratio", "at most", 0.5), _POST: Goal("ratio", "at most", 0.7)}


def measure(rounds: int) -> list[Section]:
    """Measure every server in every operation once per round.

    Our mock is there twice: as it is, for GET and for the whole life of jobs; and with its dispatcher held,
    for what a submission alone takes.
    """
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        place = stack.enter_context(disk.own_directory())
        ours, held, *peers = (
            stack.enter_context(server.start())
            for server in [servers.ours(), servers.ours_held(place), *servers.peers()]
        )
        turns = {operation: [held, *peers] for operation in (_POST, _POST_FILES)} | {_GET: [ours, *peers]}
        loads = {running: _loads(running) for running in (ours, held, *peers)}
        _wait(ours)
        for operation, contestants in turns.items():
            for running in contestants:
                _warm_up(running, loads[running][operation])
        for _ in range(rounds):
            for operation, contestants in turns.items():
                for running in contestants:
                    taken = _microseconds(running, loads[running][operation])
                    values[operation][running.server.name].append(taken)
            values[_LIFE][ours.server.name].append(_whole_life(ours, loads[ours][_POST]))
    values[_LIFE][servers.PRISM_STATIC] = values[_POST][servers.PRISM_STATIC]
    return [_section(operation, values[operation]) for operation in (_GET, _POST, _POST_FILES, _LIFE)]


def _loads(running: Running) -> dict[str, Load]:
    with Api(running.url) as api:
        ids = [api.submit(specimens.example()) for _ in range(_JOBS_TO_READ)]
    return {
        _GET: Load([f"{running.url}/jobs/{job_id}" for job_id in ids]),
        _POST: Load([f"{running.url}/jobs"], specimens.example()),
        _POST_FILES: Load([f"{running.url}/jobs"], specimens.use_case()),
    }


def _warm_up(running: Running, load: Load) -> None:
    """Drive it by its own CPU time, not by the clock: a busy machine would leave it cold."""
    begun, seconds = running.cpu_seconds(), running.server.warm_up_seconds
    while running.cpu_seconds() - begun < seconds:
        load.drive(seconds)
    running.settle()


def _microseconds(running: Running, load: Load) -> float:
    before = running.cpu_seconds()
    answered = load.drive(_SECONDS)
    taken = running.cpu_seconds() - before
    running.settle()
    return taken / answered * 1e6


def _whole_life(ours: Running, load: Load) -> float:
    """Submit for a while, wait until every job has ended, and share the time out among them."""
    before = ours.cpu_seconds()
    answered = load.drive(_LIFE_SECONDS)
    _wait(ours)
    return (ours.cpu_seconds() - before) / answered * 1e6


def _wait(ours: Running) -> None:
    with Api(ours.url) as api:
        api.wait_until_all_ended()


def _section(operation: str, measured: Mapping[str, Sequence[float]]) -> Section:
    reference = measured[servers.PRISM_STATIC]
    figures = []
    for name, values in measured.items():
        if name == servers.PRISM_STATIC:
            figures.append(Figure(name, values))
        else:
            goal = _GOALS.get(operation) if name.startswith(servers.OURS) else None
            figures.append(Figure(name, values, reference, goal))
    return Section(operation, servers.UNIT, figures, servers.PRISM_STATIC)
