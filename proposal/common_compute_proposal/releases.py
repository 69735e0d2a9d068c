"""The released versions of the contract, kept in the folder `released` beside it, and its changelog."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common_compute_proposal.versions import NoContract, read_yaml

CHANGELOG = "CHANGELOG.md"
RELEASED = "released"
BREAKS = f"{RELEASED}/allowed_breaks.yaml"

_NUMBER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_ENTRY = re.compile(r"^## (?:\[)?([^\]\s]+)\]?(?: - .*)?$")


@dataclass(frozen=True, order=True)
class Number:
    """A semantic version: a break raises `major`, an addition `minor`, words `patch`."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True)
class AllowedBreak:
    """A break that was decided on: in which version, of what, and the record that says why."""

    version: str
    subject: str
    record: Path


def number_of(text: str) -> Number | None:
    """Read a semantic version of three numbers, without anything behind them."""
    found = _NUMBER.fullmatch(text)
    return Number(*map(int, found.groups())) if found else None


def releases(folder: Path) -> Mapping[Number, Path]:
    """Give the folders of the released versions, oldest first."""
    found = {number_of(each.name): each for each in (folder / RELEASED).glob("*/")}
    return dict(sorted((number, place) for number, place in found.items() if number is not None))


def changelog_entries(folder: Path) -> list[tuple[int, str]]:
    """Give the headings of the changelog with their lines: the versions, newest first.

    Raises:
        NoContract: there is no changelog.
    """
    file = folder / CHANGELOG
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NoContract(f"{file} cannot be read: {error}") from error
    found = ((number, _ENTRY.match(line)) for number, line in enumerate(lines, 1))
    return [(number, match[1]) for number, match in found if match]


def allowed_breaks(folder: Path) -> list[AllowedBreak]:
    """Give the breaks that were decided on; their records' paths are relative to the file's own folder.

    Raises:
        NoContract: the file is not as it should be.
    """
    file = folder / BREAKS
    if not file.is_file():
        return []
    read = read_yaml(file)
    if read is None:
        return []
    if not isinstance(read, list) or not all(
        isinstance(each, dict) and {"version", "subject", "record"} == set(each) for each in read
    ):
        raise NoContract(f"{file} is not a list of entries with version, subject and record")
    return [
        AllowedBreak(str(each["version"]), str(each["subject"]), file.parent / str(each["record"]))
        for each in read
    ]
