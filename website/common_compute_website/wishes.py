"""The proposal in five minutes: each wish of the meeting, what became of it, and where that stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from common_compute_website import contract, places
from common_compute_website.markdown import link, prose

PAGE = "proposal/index.md"
_ID = re.compile(r"(CC-[A-Z]+-|W-)(\d+)(?:,? (?:to|and) (?:CC-[A-Z]+-|W-)(\d+))?")

Wish = dict[str, Any]


def sections() -> list[tuple[str, list[Wish]]]:
    """Give the wishes under the headings of their file."""
    text = (places.DECISIONS / "wishes.yaml").read_text(encoding="utf-8")
    head, *parts = re.split(r"^# (.+)\n\n(?=- id:)", text, flags=re.MULTILINE)
    assert not yaml.safe_load(head), "wishes stand before the first heading"
    return [(parts[at], yaml.safe_load(parts[at + 1])) for at in range(0, len(parts), 2)]


def table_of_wishes() -> str:
    """Give the tables, one for each heading, and their counts in front."""
    everything = sections()
    counts = Counter(wish["status"] for _, wishes in everything for wish in wishes)
    told = ", ".join(f"{count} are {status}" for status, count in counts.most_common())
    parts = [f"Of {counts.total()} wishes, {told}.\n"]
    for heading, wishes in everything:
        parts.append(f"### {heading}\n")
        parts += map(_entry, wishes)
    return "\n".join(parts)


def _entry(wish: Wish) -> str:
    where = ", ".join(_where(name) for name in wish["where"])
    decided = ", ".join(
        f"[{number}]({link(PAGE, f'{places.DECISIONS_PAGE}#decision-{number}')})"
        for number in _decisions_about(wish)
    )
    note = f"\n{prose(wish['note'])}\n" if "note" in wish else ""
    more = f" · Decision {decided}" if decided else ""
    status = wish["status"]
    return (
        f'<div class="wish wish-{status}" id="{wish["id"].lower()}" markdown>\n\n'
        f"**{wish['id']}** {prose(wish['wish'])} "
        f'<span class="status status-{status}">{status}</span>\n{note}\n'
        f"{'Where' if status == 'answered' else 'Instead'}: {where}{more}\n\n</div>\n"
    )


def _where(name: str) -> str:
    if name.startswith("use_cases/"):
        return f"[{name.partition('/')[2]}]({link(PAGE, name + '.md')})"
    return contract.linked(PAGE, name)


@cache
def _named_by_records() -> dict[int, frozenset[str]]:
    """Give the requirements and wishes that each record names, ranges spelt out."""
    return {
        int(record.name[:4]): frozenset(_ids(record.read_text(encoding="utf-8")))
        for record in places.decision_records()
    }


def _ids(text: str) -> Iterator[str]:
    for prefix, first, last in _ID.findall(text):
        numbers = range(int(first), int(last or first) + 1)
        # "X and Y" names two, "X to Y" all between them.
        for number in (int(first), int(last)) if last and f"{first} and " in text else numbers:
            yield f"{prefix}{number:0{len(first)}}"


def _decisions_about(wish: Wish) -> list[int]:
    about = {wish["id"], *(name for name in wish["where"] if name.startswith("CC-"))}
    return [number for number, named in _named_by_records().items() if named & about]
