"""The form on which an organisation says yes or no to each requirement: written, and read when it is back.

A form is CSV, as spreadsheets read and write it. What comes back may have other separators, lines in another
order, and columns of its own; what a reviewer wrote is a stranger's words.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from common_compute_proposal.versions import Document, Version

_ORGANISATION = "organisation"
_READ_ONLY = ("id", "class", "level", "statement")
_COLUMNS = (*_READ_ONLY, _ORGANISATION, "agree", "disagree", "comment")
_NEEDED = ("id", "agree", "disagree", "comment")
_MOST_BYTES = 16 * 2**20
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Stand(StrEnum):
    """What an organisation says of a requirement."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    SILENT = "silent"


@dataclass(frozen=True)
class Opinion:
    """What one organisation says of one requirement."""

    stand: Stand
    comment: str = ""


@dataclass(frozen=True)
class Review:
    """A form that came back: whose, the opinions by requirement, and the ids that are not of this version."""

    organisation: str
    opinions: dict[str, Opinion]
    unknown: tuple[str, ...] = ()


class NotAForm(Exception):
    """A file that is no form, or one with lines that say two things; the text names them all."""


def form(version: Version, organisation: str) -> str:
    """Give the form for an organisation, with a line for each requirement."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\r\n")
    rows.writerow(_COLUMNS)
    for each in version.requirements:
        sentence = " ".join(str(each["sentence"]).split())
        cells = [str(each["id"]), str(each["class"]), str(each["level"]), sentence, organisation]
        rows.writerow([*map(_text, cells), "", "", ""])
    return written.getvalue()


def _text(cell: str) -> str:
    """Give what a spreadsheet shows as this text, and does not compute."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def read_form(file: Path, version: Version) -> Review:
    """Read a form that came back.

    Raises:
        NotAForm: it cannot be read, has not the form's columns, or says two things in one line.
    """
    rows = _rows(file)
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise NotAForm(f"{file} is no form: it has no column {', '.join(missing)}")
    known = {str(each["id"]) for each in version.requirements}
    opinions: dict[str, Opinion] = {}
    organisations: set[str] = set()
    unknown: list[str] = []
    faults: list[str] = []
    for number, row in enumerate(rows[1:], 2):
        cells = {name: cell.strip() for name, cell in zip(header, row, strict=False)}
        name = cells.get("id", "")
        if not name:
            continue
        organisations.add(cells.get(_ORGANISATION, "").removeprefix("'"))
        if cells.get("agree") and cells.get("disagree"):
            faults.append(f"line {number} agrees and disagrees with {name}")
        if name in opinions:
            faults.append(f"line {number} is the second about {name}")
        if name not in known:
            unknown.append(name)
        opinions[name] = _opinion(cells)
    organisations.discard("")
    if len(organisations) > 1:
        faults.append(f"it is of several organisations: {', '.join(sorted(organisations))}")
    if faults:
        raise NotAForm(f"{file}: {'; '.join(faults)}")
    return Review(next(iter(organisations), file.stem), opinions, tuple(unknown))


def _opinion(cells: dict[str, str]) -> Opinion:
    stand = Stand.SILENT
    if cells.get("agree"):
        stand = Stand.AGREES
    elif cells.get("disagree"):
        stand = Stand.DISAGREES
    return Opinion(stand, cells.get("comment", ""))


def _rows(file: Path) -> list[list[str]]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise NotAForm(f"{file} is larger than any form")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NotAForm(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NotAForm(f"{file} is not written in UTF-8: save it as such") from error
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise NotAForm(f"{file} is no CSV: {error}") from error


@dataclass(frozen=True)
class Line:
    """A requirement with what each organisation says of it, in the organisations' order."""

    requirement: Document
    opinions: tuple[Opinion, ...]

    @property
    def disagreed(self) -> bool:
        """Tell whether anybody disagrees."""
        return any(each.stand is Stand.DISAGREES for each in self.opinions)


def lines_of(version: Version, reviews: Sequence[Review]) -> list[Line]:
    """Put what all said together, requirement by requirement."""
    silent = Opinion(Stand.SILENT)
    return [
        Line(each, tuple(review.opinions.get(str(each["id"]), silent) for review in reviews))
        for each in version.requirements
    ]


def counted(lines: Iterable[Line], place: int) -> dict[Stand, int]:
    """Count what the organisation in this place says."""
    counts = dict.fromkeys(Stand, 0)
    for line in lines:
        counts[line.opinions[place].stand] += 1
    return counts
