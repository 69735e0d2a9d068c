"""What only a mock is asked for: how much memory it takes with very many jobs."""

from __future__ import annotations

from pathlib import Path

import servers
import specimens
from api import Api
from disk import own_directory
from figures import Figure, Section
from load import Load
from servers import Running

_MANY = 100_000
_FILLING_SECONDS = 1800.0
_LOAD_SECONDS = 2.0
_MEBIBYTE = 1024 * 1024

_CROWD = f"""
crowd:
  summary: Very many jobs of the past are there at the start.
  service: {{jobs_already_there: {_MANY}}}
"""


def measure(rounds: int) -> list[Section]:
    """Measure what a mock holds in memory, with jobs of the past and with jobs that ran there."""
    with own_directory() as place:
        return [_jobs_of_the_past(rounds, place), _jobs_that_ran(rounds)]


def _jobs_of_the_past(rounds: int, place: Path) -> Section:
    """Let a mock make up its past once, and go on from there in each round, beside an empty one."""
    scenario, database = place / "crowd.yaml", place / servers.STORE_FILE
    scenario.write_text(_CROWD)
    options = ["--scenario", str(scenario), "--database", str(database)]
    with servers.ours(*options, patience_seconds=_FILLING_SECONDS).start() as running:
        made = _mebibytes(running)
    empty: list[float] = []
    listed: list[float] = []
    for _ in range(rounds):
        with servers.ours().start() as running:
            empty.append(_mebibytes(running))
        with servers.ours("--database", str(database)).start() as running, Api(running.url) as api:
            api.page_token_after(_MANY - 1000)
            listed.append(_mebibytes(running))
    figures = [
        Figure("no jobs", empty),
        Figure(f"{_MANY:,} jobs in its database, all listed once", listed, empty),
        Figure(f"{_MANY:,} jobs, made up at this start", [made]),
    ]
    return Section("Memory of a mock (resident)", "MiB", figures, "no jobs")


def _jobs_that_ran(rounds: int) -> Section:
    """Run jobs for some seconds, twice: what the first ones leave is the mock's own growing up."""
    left: list[float] = []
    for _ in range(rounds):
        with servers.ours().start() as running, Api(running.url) as api:
            load = Load([f"{running.url}/jobs"], specimens.example())
            for _ in range(2):
                before = running.resident_bytes()
                answered = load.drive(_LOAD_SECONDS)
                api.wait_until_all_ended()
            left.append((running.resident_bytes() - before) / 1024 / answered)
    return Section("Memory that a job leaves in a mock", "KiB", [Figure("one task, not released", left)])


def _mebibytes(running: Running) -> float:
    return running.resident_bytes() / _MEBIBYTE
