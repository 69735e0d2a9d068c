"""The settings of files on the grid: the table `[facility.staging]`."""

from __future__ import annotations

from dataclasses import dataclass

from common_compute_dirac.setting_values import Reading

SCHEME = "lfn"
"""What URLs begin with that name a file of the catalogue."""

_COUNTS = {"max_input_bytes": 20 * 1024**3, "max_transfer_seconds": 21_600}
MEMBERS = ("storage_element", *_COUNTS)


@dataclass(frozen=True, slots=True)
class StagingSettings:
    """Where results go that have a destination, and what a task may fetch.

    Inputs come from wherever the catalogue says that they are. `max_transfer_seconds` is for all inputs of a
    task, and once more for all its results.
    """

    storage_element: str
    max_input_bytes: int
    max_transfer_seconds: int


def read_staging(whole: Reading) -> StagingSettings | None:
    """Read the table, if it is there; each fault becomes a sentence."""
    reading = whole.inner("staging", MEMBERS)
    if reading is None:
        return None
    return StagingSettings(
        storage_element=reading.word("storage_element", "the name of a storage element, as DIRAC has it"),
        **{name: reading.count(name, default) for name, default in _COUNTS.items()},
    )
