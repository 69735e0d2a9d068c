"""The points at which a submission can be cut, found by looking at one that is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from proxy import Chunk, Cut, Direction, Manner

LOGIN_CHUNKS = 9
"""So many pieces go each way before a new connection is of use."""

_WAYS = {
    ("ssh", Direction.THERE): "towards sshd",
    ("ssh", Direction.BACK): "from sshd",
    ("login", Direction.THERE): "towards sshd, logging in",
    ("login", Direction.BACK): "from sshd, logging in",
    ("http", Direction.THERE): "towards the server",
    ("http", Direction.BACK): "from the server",
}


@dataclass(frozen=True)
class Point:
    """Where and how one submission is cut.

    `place` is the connection (`ssh`, `login`: a connection to sshd that has to be made first, `http`),
    `store`, or `time`; `what` is `cut` or `kill`. A number of `store` counts transactions, of `time`
    milliseconds after the submission's first call began, of connections the pieces that one without a cut
    had.
    """

    place: str
    what: str
    number: int
    within: bool = False
    cut: Cut | None = None
    when: str = ""

    @property
    def id(self) -> str:
        """Name it, for a run of this one alone."""
        parts = [self.place, self.what, str(self.number), self.when]
        if self.cut is not None:
            parts[3:] = [
                self.cut.direction,
                self.cut.manner.name.lower(),
                "within" if self.within else "before",
            ]
        return "/".join(part for part in parts if part)

    @property
    def is_answer(self) -> bool:
        """Tell whether it is on the way back."""
        return self.cut is not None and self.cut.direction is Direction.BACK

    @property
    def is_long(self) -> bool:
        """Tell whether it takes minutes until anybody notices."""
        return self.cut is not None and self.cut.manner is Manner.ENDLESS

    @property
    def words(self) -> tuple[str, str]:
        """Tell where and how, for people."""
        if self.place == "store":
            return f"{self.when} transaction {self.number} of the store", "kill -9"
        if self.place == "time":
            return f"{self.number} ms after the first call began", "kill -9"
        assert self.cut is not None
        position = "within" if self.within else "before"
        where = f"{_WAYS[self.place, self.cut.direction]}, {position} piece {self.number + 1} (byte {self.cut.after_bytes})"
        return where, "kill -9" if self.what == "kill" else self.cut.manner.value


def of_connection(place: str, chunks: Sequence[Chunk]) -> list[Point]:
    """Give the cuts and kills on a connection: before and within each piece of both directions.

    Before a piece a submission is cut in both manners, within it in one of them, in turn; a login is cut in
    one manner before each.
    """
    points: list[Point] = []
    for direction in Direction:
        manners = cycle((Manner.RESET, Manner.SILENCE))
        pieces = [chunk for chunk in chunks if chunk.direction is direction]
        for number, chunk in enumerate(pieces[:LOGIN_CHUNKS] if place == "login" else pieces):
            if place == "login":
                cuts = [(False, chunk.start, next(manners))]
            else:
                cuts = [(False, chunk.start, manner) for manner in (Manner.RESET, Manner.SILENCE)]
                cuts += [(True, chunk.start + chunk.length // 2, next(manners))]
            points += [
                Point(place, "cut", number, within, Cut(direction, after, manner))
                for within, after, manner in cuts
            ]
            points.append(Point(place, "kill", number, False, Cut(direction, chunk.start, Manner.HOLD)))
    return points


def of_silence(chunks: Sequence[Chunk]) -> list[Point]:
    """Give a few cuts after which a connection to sshd is silent without end: each takes minutes."""
    answers = [chunk for chunk in chunks if chunk.direction is Direction.BACK]
    numbers = sorted({len(answers) * quarter // 4 for quarter in range(4)})
    return [
        Point("ssh", "cut", number, False, Cut(Direction.BACK, answers[number].start, Manner.ENDLESS))
        for number in numbers
    ]


def of_store(transactions: int) -> list[Point]:
    """Give the kills right before and after each transaction."""
    return [
        Point("store", "kill", number, when=when)
        for number in range(1, transactions + 1)
        for when in ("before", "after")
    ]


def of_time(milliseconds: Sequence[int]) -> list[Point]:
    """Give the kills at moments of a submission."""
    return [Point("time", "kill", number) for number in milliseconds]
