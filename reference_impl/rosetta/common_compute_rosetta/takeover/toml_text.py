"""The few forms of TOML that a configuration of ours needs, written so that any text can be in it. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

Value = str | int | bool | Sequence[str]

_DELETE = "\x7f"


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value, and the lines of a comment above it; keys are bare ones and come from us."""

    key: str
    value: Value
    comment: Sequence[str] = ()


@dataclass(slots=True)
class Table:
    """A table: `header` as it stands in the file, such as `[service]` or `[[facility]]`, comes from us."""

    header: str
    entries: list[Entry] = field(default_factory=list)
    comment: Sequence[str] = ()

    def add(self, key: str, value: Value, *comment: str) -> None:
        """Add an entry."""
        self.entries.append(Entry(key, value, comment))


def write(tables: Sequence[Table], comment: Sequence[str] = ()) -> str:
    """Give the text of a file; an empty line separates tables."""
    blocks = [_comment(comment)] if comment else []
    for table in tables:
        entries = [f"{_comment(each.comment)}{each.key} = {_value(each.value)}\n" for each in table.entries]
        blocks.append(f"{_comment(table.comment)}{table.header}\n{''.join(entries)}")
    return "\n".join(blocks)


def _value(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return basic_string(value)
    if len(value) < 2:
        return f"[{', '.join(map(basic_string, value))}]"
    return "[\n" + "".join(f"    {basic_string(each)},\n" for each in value) + "]"


def basic_string(text: str) -> str:
    """Give a basic string (TOML 1.0): JSON's escapes are TOML's, but JSON leaves DEL as it is."""
    return json.dumps(text, ensure_ascii=False).replace(_DELETE, "\\u007F")


def _comment(lines: Sequence[str]) -> str:
    """Give lines that are comments, whatever is in them: a comment ends where a line does."""
    shown = ("".join(sign if sign.isprintable() else " " for sign in line) for line in lines)
    return "".join(f"# {line}".rstrip() + "\n" for line in shown)
