"""Write the figures as tables for people and as JSON for later comparison."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from figures import Figure, Section, spread


def keep(directory: Path, date: str, machine: Mapping[str, Any], sections: Sequence[Section]) -> Path:
    """Write `<date>.json` and `<date>.md`, and give the latter."""
    record = {
        "date": date,
        "machine": machine,
        "sections": [
            {
                "title": section.title,
                "unit": section.unit,
                "compared_with": section.compared_with,
                "figures": [figure.record() for figure in section.figures],
            }
            for section in sections
        ],
    }
    directory.mkdir(exist_ok=True)
    directory.joinpath(f"{date}.json").write_text(json.dumps(record, indent=2) + "\n")
    page = directory / f"{date}.md"
    page.write_text(page_of(date, machine, sections))
    return page


def page_of(date: str, machine: Mapping[str, Any], sections: Iterable[Section]) -> str:
    """Write everything as Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        f"# Figures of {date}",
        "",
        f"{machine['cores']} cores ({machine['cpu']}), {machine['system']}; "
        f"load by {machine['load generator']}.",
        f"Versions: {versions}.",
        "",
        "Each cell: the median of the rounds (least to most). How to read them: `benchmarks/README.md`.",
    ]
    for section in sections:
        lines += ["", f"## {section.title}", "", *_table(section)]
    return "\n".join(lines) + "\n"


def _table(section: Section) -> list[str]:
    ratio = f"as a ratio to: {section.compared_with}" if section.compared_with else ""
    rows = [["", section.unit, ratio, "goal"], *map(_row, section.figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _row(figure: Figure) -> list[str]:
    goal = "" if figure.goal is None else f"{figure.goal}: {figure.verdict}"
    return [figure.name, _cell(figure.values), _cell(figure.ratios), goal]


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    found = {name: _short(value) for name, value in spread(values).items()}
    return "{median} ({min} to {max})".format_map(found)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
