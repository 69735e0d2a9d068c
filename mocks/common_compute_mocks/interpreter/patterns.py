"""Shell patterns: in a pattern, a backslash takes the next character's meaning away."""

from __future__ import annotations

import re
from functools import lru_cache

_MAGIC = re.compile(r"[*?]|\[.+\]", re.DOTALL)
_SPECIAL = re.compile(r"([*?\[\]\\!^-])")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


def escape(text: str) -> str:
    """Make a pattern that only this text fits."""
    return _SPECIAL.sub(r"\\\1", text) if _SPECIAL.search(text) else text


def unescape(pattern: str) -> str:
    """Give the text of a pattern whose special characters mean nothing after all."""
    return _ESCAPED.sub(r"\1", pattern) if "\\" in pattern else pattern


def is_magic(pattern: str) -> bool:
    """Tell whether more than one text may fit."""
    if not _MAGIC.search(pattern):
        return False
    return _MAGIC.search(_ESCAPED.sub("", pattern)) is not None


@lru_cache(maxsize=1024)
def compiled(pattern: str, *, greedy: bool = True) -> re.Pattern[str]:
    """Translate a pattern; `*` takes as much as it can, or as little."""
    text, at = "", 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "\\" and at < len(pattern):
            text += re.escape(pattern[at])
            at += 1
        elif char == "*":
            text += ".*" if greedy else ".*?"
        elif char == "?":
            text += "."
        elif char == "[" and (found := _bracket(pattern, at)):
            expression, at = found
            text += expression
        else:
            text += re.escape(char)
    return re.compile(text, re.DOTALL)


def fits(pattern: str, text: str) -> bool:
    """Tell whether a whole text fits."""
    return compiled(pattern).fullmatch(text) is not None


def _bracket(pattern: str, at: int) -> tuple[str, int] | None:
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    inner, first = "", True
    while at < len(pattern):
        char = pattern[at]
        if char == "]" and not first:
            return f"[{'^' if negated else ''}{inner}]", at + 1
        first = False
        if char == "[" and (named := re.compile(r"\[:([a-z]+):\]").match(pattern, at)):
            inner += _CLASSES.get(named[1], "")
            at = named.end()
            continue
        if char == "\\" and at + 1 < len(pattern):
            at += 1
            inner += "\\" + pattern[at]
        else:
            inner += char if char == "-" else re.escape(char)
        at += 1
    return None


def remove(text: str, pattern: str, operator: str) -> str:
    """Cut what fits off the front (`#`) or the back (`%`) of a text; the doubled sign cuts the longest."""
    places = range(len(text) + 1)
    front = operator[0] == "#"
    ordered = places if (operator in ("#", "%%")) else reversed(places)
    for place in ordered:
        if front and fits(pattern, text[:place]):
            return text[place:]
        if not front and fits(pattern, text[place:]):
            return text[:place]
    return text
