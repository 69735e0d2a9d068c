"""Rows of a Django dump, read field by field: each wrong value becomes a sentence. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_NAME = 255
_LONGEST_TEXT = 4096
"""As the longest fields of Rosetta's models have it."""


def one_line(text: str, longest: int = LONGEST_NAME) -> str:
    """Give a text as a single line that no terminal and no file takes for more than a text."""
    words = "".join(sign if sign.isprintable() else " " for sign in text).split()
    return " ".join(words)[:longest]


@dataclass(frozen=True, slots=True)
class Row:
    """One object of a dump; `faults` is shared by all rows."""

    number: int
    model: str
    pk: Any
    fields: Mapping[str, Any]
    faults: list[str]

    @property
    def key(self) -> str:
        """The primary key as a text."""
        return str(self.pk).lower()

    def fault(self, words: str) -> None:
        """Say what is wrong with it."""
        what = one_line(f"{self.model} {json.dumps(self.pk)}", 100)
        self.faults.append(f"row {self.number} ({what}): {words}")

    def text(self, name: str) -> str:
        """Read a text that must be there, as it is but for what no file in UTF-8 can hold."""
        value = self._get(name)
        if isinstance(value, str) and value and len(value) <= _LONGEST_TEXT:
            return _encodable(value)
        if name in self.fields:
            self.fault(f"`{name}` must be a text, not empty and not longer than {_LONGEST_TEXT} characters")
        return ""

    def name(self, name: str) -> str:
        """Read a text for people that must be there, as one line."""
        text = self.text(name)
        line = one_line(text)
        if text and not line:
            self.fault(f"`{name}` has no character that could be shown")
        return line

    def optional(self, name: str) -> str | None:
        """Read a text that may be missing, null or empty."""
        value = self.fields.get(name)
        if value is None or value == "":
            return None
        return self.text(name)

    def prose(self, name: str) -> str:
        """Read a description: lines of printable characters, or an empty text."""
        value = self.fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.fault(f"`{name}` must be a text")
            return ""
        lines = (one_line(line, _LONGEST_TEXT) for line in value[:_LONGEST_TEXT].splitlines())
        return "\n".join(lines).strip()

    def flag(self, name: str) -> bool:
        """Read a yes or no; where it is missing it is no, as in older versions."""
        value = self.fields.get(name, False)
        if not isinstance(value, bool):
            self.fault(f"`{name}` must be true or false")
        return value is True

    def whole(self, name: str) -> int | None:
        """Read a whole number that may be missing or null."""
        value = self.fields.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            self.fault(f"`{name}` must be a whole number")
            return None
        return value

    def texts(self, name: str) -> Sequence[str]:
        """Read a list of texts that may be missing or null."""
        value = self.fields.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.fault(f"`{name}` must be a list of texts")
            return ()
        return tuple(line for each in value if (line := one_line(each)))

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Read an object that may be missing or null."""
        value = self.fields.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fault(f"`{name}` must be an object")
            return {}
        return value

    def _get(self, name: str) -> Any:
        if name not in self.fields:
            self.fault(f"`{name}` is missing: is the dump of a version of Rosetta with computing managers?")
        return self.fields.get(name)


class Names:
    """The names of users and groups: a dump has them as natural keys, or as numbers of rows."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._users = _named(rows, "auth.user", "username")
        self._groups = _named(rows, "auth.group", "name")

    def user(self, row: Row) -> str | None:
        """Name the user of a row, None is nobody."""
        return self._name(row, "user", self._users)

    def owner(self, row: Row) -> str | None:
        """Say in words for whom an object is, None is for everybody."""
        user, group = self.user(row), self._name(row, "group", self._groups)
        whose = [f"{kind} {name}" for kind, name in (("user", user), ("group", group)) if name is not None]
        return " and ".join(whose) or None

    def _name(self, row: Row, field: str, known: Mapping[str, str]) -> str | None:
        match row.fields.get(field):
            case None:
                return None
            case [str(name)] if one_line(name):
                return one_line(name)
            case int() | str() as key if not isinstance(key, bool) and one_line(str(key)):
                return known.get(str(key), one_line(f"number {key}"))
        row.fault(f"`{field}` must be null, a number, or a list of one name")
        return None


def _named(rows: Sequence[Row], model: str, field: str) -> Mapping[str, str]:
    return {
        row.key: name
        for row in rows
        if row.model == model and isinstance(text := row.fields.get(field), str) and (name := one_line(text))
    }


def _encodable(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON can write and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")
