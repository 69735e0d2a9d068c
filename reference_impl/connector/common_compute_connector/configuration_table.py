"""Read one table of a TOML file member by member, and collect in words everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

T = TypeVar("T")
_WORDS: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false", list: "a list"}


class TableReader:
    """Takes members out of a table; `place` names it in the words, `faults` is shared with its neighbours."""

    def __init__(self, table: Any, place: str, faults: list[str]) -> None:
        self._place = place
        self._faults = faults
        self._known: list[str] = []
        self._is_table = isinstance(table, dict)
        if not self._is_table:
            faults.append(f"{place} must be a table.")
            table = {}
        self._table: Mapping[str, Any] = table

    def __contains__(self, name: str) -> bool:
        return name in self._table

    def text(self, name: str, default: T) -> str | T:
        """Take a text that is not empty."""
        value: str | T = self._take(name, str, default)
        if value == "":
            self.fault(name, "must not be empty")
            return default
        return value

    def required(self, name: str, example: str) -> str:
        """Take a text that has to be there."""
        if name not in self._table:
            self._known.append(name)
            if self._is_table:
                self._faults.append(
                    f'{self._place}: {name} is missing; write for example {name} = "{example}".'
                )
            return example
        return self.text(name, example)

    def whole(self, name: str, default: T, least: int, most: int | None = None) -> int | T:
        """Take a whole number from `least` to `most`."""
        value: int | T = self._take(name, int, default)
        if isinstance(value, int) and (value < least or (most is not None and value > most)):
            bounds = f"at least {least}" + ("" if most is None else f" and at most {most}")
            self.fault(name, f"must be {bounds}, not {value}")
            return default
        return value

    def texts(self, name: str, default: Sequence[str]) -> tuple[str, ...]:
        """Take a list of texts."""
        value = self._take(name, list, list(default))
        if not all(isinstance(one, str) and one for one in value):
            self.fault(name, "must be a list of texts")
            return tuple(default)
        return tuple(value)

    def choice(self, name: str, options: Sequence[str], default: str) -> str:
        """Take one of several words."""
        value: str = self._take(name, str, default)
        if value not in options:
            self.fault(name, f'must be one of {", ".join(options)}, not "{value}"')
            return default
        return value

    def tables(self, name: str) -> list[tuple[str, Any]]:
        """Take a list of tables, each with its place."""
        found = self._take(name, list, [])
        return [(f"[[{self._place.strip('[]')}.{name}]] number {at}", one) for at, one in enumerate(found, 1)]

    def rest(self) -> dict[str, Any]:
        """Take everything that was not asked for."""
        return {name: value for name, value in self._table.items() if name not in self._known}

    def expect(self, *names: str) -> None:
        """Let members be there that are read elsewhere."""
        self._known.extend(names)

    def finish(self) -> None:
        """Tell the members that nobody asked for."""
        for name in self.rest():
            close = get_close_matches(name, self._known, 1)
            meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(self._known))}."
            self._faults.append(f"{self._place}: {name} is not known; {meant}")

    def fault(self, name: str, said: str) -> None:
        """Say what is wrong with a member."""
        self._faults.append(f"{self._place}: {name} {said}.")

    def _take(self, name: str, kind: type, default: Any) -> Any:
        self._known.append(name)
        value = self._table.get(name, default)
        if name in self._table and (
            not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool)
        ):
            self.fault(name, f"must be {_WORDS[kind]}")
            return default
        return value
