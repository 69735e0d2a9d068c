"""The rows of the table, each with its check."""

from __future__ import annotations

from collections.abc import Callable

from common_compute_mocks.flavours.differences.evidence import Evidence

Check = Callable[[Evidence], None]

ROWS: dict[str, Check] = {}
"""The checks, by the id of their row."""


def row(identifier: str) -> Callable[[Check], Check]:
    """Make a function the check of a row.

    Raises:
        ValueError: the row has one.
    """

    def note(check: Check) -> Check:
        if identifier in ROWS:
            raise ValueError(f"{identifier} has a check already")
        ROWS[identifier] = check
        return check

    return note
