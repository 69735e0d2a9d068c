"""Find the lines that JSON pointers (RFC 6901) mean, in a text as a person has written it."""

from __future__ import annotations

import re
from contextlib import suppress
from json import JSONDecoder

_BLANK = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^,\]}\s]+")
_DEEPEST = 64
_DECODER = JSONDecoder()


def lines_of(text: str) -> dict[str, int]:
    """Give the line of each value by its pointer, as far as the text can be read."""
    found: dict[str, int] = {}
    with suppress(ValueError, IndexError):  # the rest is no JSON, which the API says better
        _Reader(text, found).value(_blank(text, 0), "", 0)
    return found


def line_of(pointer: str, lines: dict[str, int]) -> int | None:
    """Give the line of what a pointer means, or of the innermost value around it that is there."""
    while pointer not in lines and pointer:
        pointer = pointer.rpartition("/")[0]
    return lines.get(pointer)


class _Reader:
    """Walks through a text once, and notes where each value begins."""

    def __init__(self, text: str, found: dict[str, int]) -> None:
        self._text = text
        self._found = found
        self._line = 1
        self._counted = 0

    def value(self, at: int, pointer: str, depth: int) -> int:
        """Note the value at a place and all in it; give the place behind it."""
        if depth > _DEEPEST:
            raise ValueError("too deep")
        self._line += self._text.count("\n", self._counted, at)
        self._counted = at
        first = self._text[at]
        self._found[pointer] = self._line
        match first:
            case "{":
                return self._members(at + 1, pointer, depth)
            case "[":
                return self._elements(at + 1, pointer, depth)
            case '"':
                return _string(self._text, at)[1]
        scalar = _SCALAR.match(self._text, at)
        if scalar is None:
            raise ValueError("no value")
        return scalar.end()

    def _members(self, at: int, pointer: str, depth: int) -> int:
        at = _blank(self._text, at)
        while self._text[at] != "}":
            name, at = _string(self._text, at)
            at = _blank(self._text, at)
            if self._text[at] != ":":
                raise ValueError("no colon")
            step = name.replace("~", "~0").replace("/", "~1")
            at = self.value(_blank(self._text, at + 1), f"{pointer}/{step}", depth + 1)
            at = self._next(at, "}")
        return at + 1

    def _elements(self, at: int, pointer: str, depth: int) -> int:
        at = _blank(self._text, at)
        index = 0
        while self._text[at] != "]":
            at = self._next(self.value(at, f"{pointer}/{index}", depth + 1), "]")
            index += 1
        return at + 1

    def _next(self, at: int, end: str) -> int:
        at = _blank(self._text, at)
        if self._text[at] == ",":
            return _blank(self._text, at + 1)
        if self._text[at] != end:
            raise ValueError("neither a comma nor the end")
        return at


def _string(text: str, at: int) -> tuple[str, int]:
    """Read the string at a place; give it and the place behind it."""
    if text[at] != '"':
        raise ValueError("no string")
    value, end = _DECODER.raw_decode(text, at)
    return str(value), end


def _blank(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return at if blank is None else blank.end()
