"""What became of submissions that were cut, and their tables in a dated record."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Generic, Protocol, TypeVar

from batches import Batch

HEAD = "cuts | jobs | lost | twice | recovery: median, most (s)"
"""The columns of `figures`, and then their rule."""
RULE = "---|---|---|---|---"


class Point(Protocol):
    """Where and how a submission is cut."""

    @property
    def id(self) -> str:
        """Name it, for a run of this one alone."""

    @property
    def words(self) -> tuple[str, str]:
        """Tell where and how, for people."""


P_co = TypeVar("P_co", bound=Point, covariant=True)


@dataclass(frozen=True)
class Outcome(Generic[P_co]):
    """What became of one submission; recovery is from the cut until the service knew that all is there."""

    point: P_co
    batch: Batch
    reached: bool
    recovery_seconds: float
    note: str = ""
    """What was going on at that moment, after a colon."""


def fill(
    text: str,
    outcomes: Sequence[Outcome[Point]],
    points: Sequence[Point],
    versions: Mapping[str, str],
    size: Mapping[str, int],
) -> str:
    """Fill a record: `date`, `cuts`, `kinds`, `lost`, `twice`, `versions`, `head`, `rule`, and `size`.

    `summary` has a row for each manner, `rows` one for each point, in their order.
    """
    kinds = _by(outcomes, lambda outcome: outcome.point.words[1])
    found = _by(outcomes, lambda outcome: outcome.point.id)
    ids = dict.fromkeys(point.id for point in points)
    shown = {"common-compute": version("common-compute"), "python": platform.python_version(), **versions}
    return text.format(
        date=datetime.now(UTC).date().isoformat(),
        cuts=len(outcomes),
        kinds="; ".join(f"{len(some)} by {kind}" for kind, some in kinds.items()),
        lost=sum(outcome.batch.lost for outcome in outcomes),
        twice=sum(outcome.batch.twice for outcome in outcomes),
        versions=f"Versions: {', '.join(f'{name} {value}' for name, value in shown.items())}.",
        head=HEAD,
        rule=RULE,
        summary="\n".join(_cells(kind, *_figures(some)) for kind, some in kinds.items()),
        rows="\n".join(_row(found[name]) for name in ids if name in found),
        **size,
    )


def told(outcomes: Sequence[Outcome[Point]], unreached: Sequence[Point], seed: int, again: str) -> list[str]:
    """Tell what went wrong and how it is tried again, and in the last line how much there was."""
    lines = []
    for outcome in outcomes:
        if outcome.batch.faults:
            lines.append(f"WRONG {outcome.point.id}: {'; '.join(outcome.batch.faults)}")
            lines.append(f"  again: {again} --only {outcome.point.id}")
    lines += [f"NOT REACHED {point.id}" for point in unreached]
    lost = sum(outcome.batch.lost for outcome in outcomes)
    twice = sum(outcome.batch.twice for outcome in outcomes)
    return [*lines, f"{len(outcomes)} cuts, {lost} lost, {twice} twice, seed {seed}"]


def _by(
    outcomes: Sequence[Outcome[Point]], key: Callable[[Outcome[Point]], str]
) -> dict[str, list[Outcome[Point]]]:
    grouped: dict[str, list[Outcome[Point]]] = {}
    for outcome in outcomes:
        grouped.setdefault(key(outcome), []).append(outcome)
    return grouped


def _figures(outcomes: Sequence[Outcome[Point]]) -> list[object]:
    """Give cuts, jobs, lost, twice and recovery of some outcomes."""
    seconds = [outcome.recovery_seconds for outcome in outcomes]
    return [
        len(outcomes),
        sum(len(outcome.batch.ids) for outcome in outcomes),
        sum(outcome.batch.lost for outcome in outcomes),
        sum(outcome.batch.twice for outcome in outcomes),
        f"{median(seconds):.0f}, {max(seconds):.0f}",
    ]


def _row(outcomes: Sequence[Outcome[Point]]) -> str:
    where, how = outcomes[0].point.words
    note = outcomes[0].note.partition(": ")[2]
    return _cells(
        f"`{outcomes[0].point.id}`", f"{where} ({note})" if note else where, how, *_figures(outcomes)
    )


def _cells(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"
