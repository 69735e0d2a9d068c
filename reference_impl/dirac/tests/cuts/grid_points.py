"""The points at which a submission to DIRAC can be cut, found by looking at one that is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxy import Chunk, Cut, Direction, Manner

_TOWARDS = {"http": "the server", "sandbox": "the sandbox store", "manager": "the job manager"}
_HOW = {"cut": "", "kill": "kill -9 of the server", "end": "kill -9 of DIRAC's client"}


@dataclass(frozen=True)
class GridPoint:
    """Where and how one submission is cut: `place` is a connection, `what` is `cut`, `kill` or `end`.

    `number` counts the pieces that an uncut submission had in that direction.
    """

    place: str
    what: str
    number: int
    within: bool
    cut: Cut

    @property
    def id(self) -> str:
        """Name it, for a run of this one alone."""
        position = "within" if self.within else "before"
        manner = self.cut.manner.name.lower()
        return f"{self.place}/{self.what}/{self.cut.direction}/{self.number}/{position}/{manner}"

    @property
    def words(self) -> tuple[str, str]:
        """Tell where and how, for people."""
        way = "towards" if self.cut.direction is Direction.THERE else "from"
        position = "within" if self.within else "before"
        where = f"{way} {_TOWARDS[self.place]}, {position} piece {self.number + 1}"
        return f"{where} (byte {self.cut.after_bytes})", _HOW[self.what] or self.cut.manner.value


def points_of(seen: Mapping[str, Sequence[Chunk]]) -> list[GridPoint]:
    """Give cuts and kills before and within each piece of both directions of each connection."""
    points = []
    for place, chunks in seen.items():
        for direction in Direction:
            pieces = [chunk for chunk in chunks if chunk.direction is direction]
            for number, chunk in enumerate(pieces):
                middle = chunk.start + chunk.length // 2
                manner = (Manner.RESET, Manner.SILENCE)[number % 2]
                points += [
                    GridPoint(place, "cut", number, False, Cut(direction, chunk.start, manner)),
                    GridPoint(place, "cut", number, True, Cut(direction, middle, Manner.RESET)),
                    GridPoint(place, "kill", number, False, Cut(direction, chunk.start, Manner.HOLD)),
                ]
                if place != "http":
                    points.append(
                        GridPoint(place, "end", number, False, Cut(direction, chunk.start, Manner.HOLD))
                    )
    return points
