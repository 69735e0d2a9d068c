"""The dated record of a run, in Markdown."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median

from points import Point
from stories import Outcome
from story import ARRAY_TASKS, JOBS, SINGLE_JOBS

_ABOUT = """\
# Submissions to Slurm that were cut, {date}

{cuts} submissions of {jobs} jobs each ({singles} single ones and an array of {elements}) to a real Slurm over SSH were cut: {kinds}.
Lost: {lost}. Twice: {twice}.

A proxy between the service and sshd, and one between the client and the service, count bytes and cut after a chosen one:
before each piece that an uncut submission sends, and within it. `reset`: both sides are reset; `silence`: for five seconds
nothing passes either way, then both sides are reset, or never, and the service itself has to notice; `kill -9`: both ways
are held there and the server's process is killed, or the process kills itself right before or after a transaction of its
store, or at a random moment; it is started again on the same store. One kill of a server cuts one submission of each of its
facilities, each at a point of its own. Clients repeat a POST whose answer they did not get, with the same `Idempotency-Key`.

Afterwards the jobs are counted: by the API, where each has to be `succeeded`; by `sacct`, which has to know the name of each
once and no other name of the service; and by a file to which each task appends its job's id and its index. `lost` and
`twice` count what is missing and what is there more than once, in any of them. Recovery: seconds from the cut until the
service knew that Slurm has all jobs; it includes the restart of the server, and where a submission may still have been on
its way, the 30 seconds within which it could appear.

Run again: `common-compute facility status slurm --json | python reference_impl/rosetta/tests/slurm/cuts --all --record FILE`;
one point: `--only ID`.

{versions}

| how | cuts | jobs | lost | twice | recovery: median, most (s) |
|---|---|---|---|---|---|
{summary}

## Every point

| id | where | how | cuts | jobs | lost | twice | recovery: median, most (s) |
|---|---|---|---|---|---|---|---|
{rows}
"""


def record(outcomes: Sequence[Outcome], points: Sequence[Point], versions: Mapping[str, str]) -> str:
    """Write the record, with a line for each point, in their order."""
    kinds = _by(outcomes, lambda outcome: outcome.point.words[1])
    found = _by(outcomes, lambda outcome: outcome.point.id)
    ids = dict.fromkeys(point.id for point in points)
    shown = {
        "common-compute": version("common-compute"),
        "paramiko": version("paramiko"),
        "python": platform.python_version(),
        "slurm": versions["slurmctld"],
        "openssh-server": versions["openssh-server"],
    }
    return _ABOUT.format(
        date=datetime.now(UTC).date().isoformat(),
        cuts=len(outcomes),
        jobs=JOBS,
        singles=SINGLE_JOBS,
        elements=ARRAY_TASKS,
        kinds="; ".join(f"{len(some)} by {kind}" for kind, some in kinds.items()),
        lost=sum(outcome.batch.lost for outcome in outcomes),
        twice=sum(outcome.batch.twice for outcome in outcomes),
        versions=f"Versions: {', '.join(f'{name} {value}' for name, value in shown.items())}.",
        summary="\n".join(_cells(kind, *_figures(some)) for kind, some in kinds.items()),
        rows="\n".join(_row(found[name]) for name in ids if name in found),
    )


def _by(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    grouped: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        grouped.setdefault(key(outcome), []).append(outcome)
    return grouped


def _figures(outcomes: Sequence[Outcome]) -> list[object]:
    """Give cuts, jobs, lost, twice and recovery of some outcomes."""
    seconds = [outcome.recovery_seconds for outcome in outcomes]
    return [
        len(outcomes),
        sum(len(outcome.batch.ids) for outcome in outcomes),
        sum(outcome.batch.lost for outcome in outcomes),
        sum(outcome.batch.twice for outcome in outcomes),
        f"{median(seconds):.0f}, {max(seconds):.0f}",
    ]


def _row(outcomes: Sequence[Outcome]) -> str:
    where, how = outcomes[0].point.words
    note = outcomes[0].note.partition(": ")[2]
    return _cells(
        f"`{outcomes[0].point.id}`", f"{where} ({note})" if note else where, how, *_figures(outcomes)
    )


def _cells(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"
