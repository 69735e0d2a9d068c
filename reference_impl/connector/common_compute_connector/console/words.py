"""Write what the API says as people read it; whatever comes from elsewhere is shown, and does nothing."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_UNUSUAL = re.compile(r"[^ -~\n\t]")
_JOINERS = "\u200c\u200d"  # they belong to words in Persian, and to many a sign
_LONGEST_STRING, _LONGEST_LIST = 500, 50
_LINE = 96
_UNITS = (("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40))


def visible(text: str) -> str:
    """Write each character as its number that would not be seen, or would move others about."""
    return _UNUSUAL.sub(lambda found: _seen(found[0]), text)


def log_text(content: bytes, *, is_cut: bool) -> str:
    """Give the end of a log as lines of text, colours taken off; a first line that is cut is left out."""
    if is_cut:
        _, end, rest = content.partition(b"\n")
        content = rest if end else content
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return _COLOUR.sub("", text)


def size(count: int) -> str:
    """Write a number of bytes."""
    if count < 1000:
        return "1 byte" if count == 1 else f"{count} bytes"
    unit, length = next(((name, length) for name, length in _UNITS if count < 1000 * length), _UNITS[-1])
    amount = count / length
    return f"{amount:.{0 if amount >= 100 or count % length == 0 else 1}f} {unit}"


def span(seconds: float) -> str:
    """Write a duration in its two largest units."""
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    left = round(seconds)
    written: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            written.append(f"{count} {unit}")
        elif written:
            break
    return " ".join(written[:2]) or "0 s"


def moment(timestamp: str) -> str:
    """Write a time of the API to the second, in UTC."""
    return _time(timestamp).strftime("%Y-%m-%d %H:%M:%S")


def clock(timestamp: str, before: str | None = None) -> str:
    """Write a time without its day, if it is of the same day as the one before."""
    written = moment(timestamp)
    same_day = before is not None and moment(before)[:10] == written[:10]
    return written[11:] if same_day else written


def between(start: str, end: str) -> str:
    """Write how long it is from one time to another."""
    return span(max((_time(end) - _time(start)).total_seconds(), 0.0))


def quantity(value: Any, name: str) -> str:
    """Write a value in the unit that the end of its member's name tells."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and name.endswith("_bytes"):
        return size(value)
    if whole and name.endswith("_seconds"):
        return span(value)
    return str(value)


def title(name: str) -> str:
    """Write the name of a member or a code as words, without its unit."""
    plain = re.sub(r"_(bytes|seconds)$", "", name).replace("_", " ").replace("-", " ")
    return re.sub(r"\b[cg]pu", lambda found: found[0].upper(), plain)


def heading(name: str) -> str:
    """Write the name of a member as words that begin with a large letter."""
    words = title(name)
    return words[:1].upper() + words[1:]


def json_text(value: Any, indent: str = "") -> str:
    """Write JSON as people do: what fits on a line stands on one."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, list | Mapping) or len(indent) + len(line) <= _LINE or not value:
        return line
    deeper = indent + "  "
    if isinstance(value, Mapping):
        parts = [f"{json.dumps(name)}: {json_text(each, deeper)}" for name, each in value.items()]
    else:
        parts = [json_text(each, deeper) for each in value]
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}{closing}"


def shortened(value: Any) -> Any:
    """Give a JSON value for reading, with long strings and lists cut: files and tasks come in it."""
    if isinstance(value, Mapping):
        return {name: shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        more = [] if len(value) <= _LONGEST_LIST else [f"... ({len(value) - _LONGEST_LIST} more)"]
        return [shortened(each) for each in value[:_LONGEST_LIST]] + more
    if isinstance(value, str) and len(value) > _LONGEST_STRING:
        return f"{value[:80]}... ({len(value)} characters)"
    return value


def _time(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp).astimezone(UTC)


def _seen(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) == "Zs":
        return letter
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
