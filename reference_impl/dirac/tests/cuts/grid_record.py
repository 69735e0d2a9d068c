"""The dated record of a run, in Markdown."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median

from grid_points import GridPoint
from grid_way import ARRAY_TASKS, JOBS, Outcome

_ABOUT = """\
# Submissions to DIRAC that were cut, {date}

{cuts} submissions of {jobs} jobs each (a single one and an array of {elements}) to a real DIRAC were cut: {kinds}.
Lost: {lost}. Twice: {twice}.

Proxies between DIRAC's client and the services that a submission goes to, and one between our client and the service, count
bytes and cut after a chosen one: before each piece that an uncut submission sends, and within it. `reset`: both sides are
reset; `silence`: for five seconds nothing passes either way, then both sides are reset. `kill -9`: the way is held there, and the
server is killed, and started again on the same store, or only the process that talks to DIRAC. Clients repeat a POST
whose answer they did not get, with the same `Idempotency-Key`.

Afterwards the jobs are counted: by the API, where each has to be `succeeded`; in DIRAC's database, which has to have each task's
name once, but for jobs that were taken back before they ran; and by a file to which each task appends its job's id and its
index. `lost` and `twice` count what is missing and what is there more than once, in any of them. Recovery: seconds from
the cut until the service knew that DIRAC has all jobs.

Run again: `common-compute facility status dirac --json | python reference_impl/dirac/tests/cuts --all --record FILE`; one point:
`--only ID`.

{versions}

| how | cuts | jobs | lost | twice | recovery: median, most (s) |
|---|---|---|---|---|---|
{summary}

## Every point

| id | where | how | lost | twice | recovery (s) |
|---|---|---|---|---|---|
{rows}
"""


def record(outcomes: Sequence[Outcome], points: Sequence[GridPoint], versions: Mapping[str, str]) -> str:
    """Write the record, with a line for each point, in their order."""
    kinds = _by(outcomes, lambda outcome: outcome.point.words[1])
    order = {point.id: number for number, point in enumerate(points)}
    shown = {
        "common-compute": version("common-compute"),
        "python": platform.python_version(),
        "dirac": versions["dirac"],
    }
    return _ABOUT.format(
        date=datetime.now(UTC).date().isoformat(),
        cuts=len(outcomes),
        jobs=JOBS,
        elements=ARRAY_TASKS,
        kinds="; ".join(f"{len(some)} by {kind}" for kind, some in kinds.items()),
        lost=sum(outcome.batch.lost for outcome in outcomes),
        twice=sum(outcome.batch.twice for outcome in outcomes),
        versions=f"Versions: {', '.join(f'{name} {value}' for name, value in shown.items())}.",
        summary="\n".join(_cells(kind, *_figures(some)) for kind, some in kinds.items()),
        rows="\n".join(map(_row, sorted(outcomes, key=lambda outcome: order[outcome.point.id]))),
    )


def _by(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    grouped: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        grouped.setdefault(key(outcome), []).append(outcome)
    return grouped


def _figures(outcomes: Sequence[Outcome]) -> list[object]:
    seconds = [outcome.recovery_seconds for outcome in outcomes]
    return [
        len(outcomes),
        sum(len(outcome.batch.ids) for outcome in outcomes),
        sum(outcome.batch.lost for outcome in outcomes),
        sum(outcome.batch.twice for outcome in outcomes),
        f"{median(seconds):.0f}, {max(seconds):.0f}",
    ]


def _row(outcome: Outcome) -> str:
    where, how = outcome.point.words
    batch = outcome.batch
    return _cells(
        f"`{outcome.point.id}`", where, how, batch.lost, batch.twice, f"{outcome.recovery_seconds:.0f}"
    )


def _cells(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"
