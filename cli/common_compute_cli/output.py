"""What people read on the terminal, and what programs read with `--json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from common_compute_cli import pace
from common_compute_cli.wire import Document

STATE_STYLES = {
    "pending": "dim",
    "queued": "cyan",
    "running": "bold blue",
    "succeeded": "green",
    "failed": "bold red",
    "cancelled": "yellow",
}

_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
_KIB = 1024
_UNFOLDED = 10_000


def console() -> Console:
    """Give the console of the standard output; nothing is folded where no terminal sets a width."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _UNFOLDED)


def print_json(value: Any, *, one_line: bool = False) -> None:
    """Print a JSON text, ending in a line feed."""
    text = json.dumps(value, ensure_ascii=False, indent=None if one_line else 2)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def plain(value: Any) -> Text:
    """Give a server's words as text: no markup, and no control character reaches the terminal."""
    return Text("" if value is None else str(value).translate(_CONTROL))


def lines(text: str) -> Text:
    """Give somebody's words that may have several lines."""
    return Text("\n").join(map(plain, text.splitlines()))


def state(name: str) -> Text:
    """Give a state in its colour."""
    return Text(name.translate(_CONTROL), style=STATE_STYLES.get(name, ""))


def moment(timestamp: str | None) -> str:
    """Give a time of the contract in this machine's zone, to the second."""
    return "" if timestamp is None else pace.local_time(timestamp).strftime("%Y-%m-%d %H:%M:%S %Z")


def size(count: int) -> str:
    """Give a number of bytes as people say it."""
    if count < _KIB:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= _KIB
        if value < _KIB or unit == "TiB":
            break
    return f"{value:.1f} {unit}"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Print a table, or the words for an empty one."""
    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
    console().print(shown if shown.row_count else empty)


def members(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names and values under each other, those without a value left out."""
    shown = Table.grid(padding=(0, 2))
    for name, value in pairs:
        if value not in (None, "", [], {}):
            shown.add_row(Text(name, style="bold"), value if isinstance(value, Text) else plain(value))
    console().print(shown)


def ending(document: Document) -> str:
    """Tell in words how a job or task ended: exit code or signal, and the reason."""
    parts = []
    if "exit_code" in document:
        parts.append(f"exit code {document['exit_code']}")
    if "signal" in document:
        parts.append(f"signal {document['signal']}")
    if "reason" in document:
        reason = document["reason"]
        parts.append(reason["code"] + (f": {reason['detail']}" if "detail" in reason else ""))
    return ", ".join(parts)


def job(document: Document) -> None:
    """Print a job."""
    native = document.get("native", {})
    resolved = document.get("resolved", {})
    counts = document.get("task_counts")
    members(
        [
            ("job", document["id"]),
            ("name", document.get("name")),
            ("facility", document["facility_id"]),
            ("owner", document["owner"]),
            ("state", state(document["state"])),
            ("ending", ending(document)),
            ("tasks", None if counts is None else tasks_in_words(counts)),
            ("attempt", document["attempt"] if document["attempt"] > 1 else None),
            ("labels", ", ".join(f"{key}={value}" for key, value in document.get("labels", {}).items())),
            ("at the facility", " ".join(str(part) for part in native.values())),
            ("ran as", ", ".join(f"{key} {value}" for key, value in resolved.items())),
            ("created", moment(document["created_at"])),
            ("started", moment(document.get("started_at"))),
            ("finished", moment(document.get("finished_at"))),
            ("cancel asked", moment(document.get("cancel_requested_at"))),
            ("kept until", moment(document.get("expires_at"))),
            ("note", "no news from the facility for a while" if document["stale"] else None),
        ]
    )


def tasks_in_words(counts: Document) -> str:
    """Tell how many tasks are in which state, those that are in none left out."""
    states = ", ".join(f"{count} {name}" for name, count in counts.items() if name != "total" and count)
    return f"{counts['total']}: {states}"
