"""How control leaves a command other than by its end, as exceptions, and how deep inside others it is.

Exit           the shell ends
`-- Return     a function ends
Break          a loop ends
Continue       a loop's next round begins
"""

from __future__ import annotations

FAULT = 2
"""The status of a command that the shell itself finds fault with."""


class Exit(Exception):
    """The shell ends."""

    def __init__(self, status: int) -> None:
        self.status = status


class Return(Exit):
    """A function ends."""


class _Loop(Exception):
    def __init__(self, levels: int) -> None:
        self.levels = levels

    def pass_on(self, loops: Depth) -> None:
        """Go on to the next loop outside while there are levels left."""
        if self.levels > 1 and loops.now > 1:
            raise type(self)(self.levels - 1)


class Break(_Loop):
    """A loop ends."""


class Continue(_Loop):
    """A loop's next round begins."""


class Depth:
    """How many constructs of a kind enclose what runs now; `with` goes into one more."""

    __slots__ = ("now",)

    def __init__(self, now: int = 0) -> None:
        self.now = now

    def __bool__(self) -> bool:
        return self.now > 0

    def __enter__(self) -> None:
        self.now += 1

    def __exit__(self, *_: object) -> None:
        self.now -= 1
