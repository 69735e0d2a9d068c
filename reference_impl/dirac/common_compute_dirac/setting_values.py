"""Single values of settings, and the sentence that each fault of one gets."""

from __future__ import annotations

import re
import shlex
import stat
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

_WORD = re.compile(r"[A-Za-z0-9_.:@+-]{1,128}")


class Reading:
    """One table being read: each `take` removes nothing, notes its fault, and gives a value of its type."""

    def __init__(self, table: Mapping[str, Any], where: str, faults: list[str]) -> None:
        self.table = table
        self.where = where
        self.faults = faults

    def inner(self, name: str, known: Sequence[str]) -> Reading | None:
        """Read a table within this one, if it is there; a setting that there is not is noted."""
        table = self.table.get(name)
        if table is None:
            return None
        if not isinstance(table, Mapping):
            self.fault(name, f"a table: [facility.{name}]")
            return None
        reading = Reading(table, f"{self.where}, {name}", self.faults)
        reading.only(known)
        return reading

    def fault(self, name: str, what: str) -> None:
        """Note what a setting must be."""
        self.faults.append(f"{self.where}: `{name}` must be {what}")

    def only(self, known: Sequence[str]) -> None:
        """Note each setting that there is not, with the one that may be meant."""
        for name in self.table:
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f"is `{near[0]}` meant?" if near else f"there are {', '.join(sorted(known))}"
                self.faults.append(f"{self.where}: there is no setting `{name}`: {hint}")

    def text(self, name: str, default: str | None = None, *, what: str = "a text that is not empty") -> str:
        """Take a text; without a default it must be given."""
        value = self.table.get(name, default)
        if isinstance(value, str) and value and "\0" not in value:
            return value
        self.fault(name, what)
        return ""

    def number(self, name: str, default: float, least: float) -> float:
        """Take a number."""
        value = self.table.get(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= least:
            return value
        self.fault(name, f"a number, at least {least:g}")
        return default

    def count(self, name: str, default: int, least: int = 1) -> int:
        """Take a whole number."""
        value = self.table.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        self.fault(name, f"a whole number, at least {least}")
        return default

    def word(self, name: str, what: str) -> str:
        """Take one of DIRAC's names, which must be given."""
        value = self.table.get(name)
        if isinstance(value, str) and _WORD.fullmatch(value):
            return value
        self.fault(name, what)
        return ""

    def words(self, name: str) -> tuple[str, ...]:
        """Take a list of DIRAC's names, none of which would break out of a description."""
        value = self.table.get(name, [])
        if isinstance(value, list) and all(isinstance(one, str) and _WORD.fullmatch(one) for one in value):
            return tuple(value)
        self.fault(name, "a list of names as DIRAC has them, of letters, digits and _.:@+-")
        return ()

    def file(self, name: str, what: str) -> Path:
        """Take the path of something that is there."""
        path = Path(self.text(name, what=f"the path of {what}") or "/nonexistent")
        if self.table.get(name) and not path.exists():
            self.fault(name, f"the path of {what}; {path} is not there")
        return path

    def secret_file(self, name: str, what: str) -> Path:
        """Take the path of a file that nobody else can read."""
        path = self.file(name, what)
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            self.faults.append(
                f"{self.where}: others can use `{name}`; run: chmod 600 {shlex.quote(str(path))}"
            )
        return path
