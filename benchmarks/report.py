"""Write the figures as tables for people and as JSON for later comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from figures import Section


def keep(
    directory: Path, date: str, machine: Mapping[str, Any], measurement: str, sections: Sequence[Section]
) -> Path:
    """Put what was measured into the day's `<date>.json` and `<date>.md`, and give the latter.

    The day's other measurements stay; a measurement that was made again replaces its former figures.
    """
    directory.mkdir(exist_ok=True)
    file = directory / f"{date}.json"
    kept = json.loads(file.read_text())["sections"] if file.exists() else []
    others = [section for section in kept if section["measurement"] != measurement]
    record = {
        "date": date,
        "machine": machine,
        "sections": [*others, *(_section(measurement, section) for section in sections)],
    }
    file.write_text(json.dumps(record, indent=2) + "\n")
    page = directory / f"{date}.md"
    page.write_text(_page(record))
    return page


def tables_of(sections: Sequence[Section]) -> str:
    """Write the tables of one measurement as Markdown."""
    return "\n".join(line for section in sections for line in _titled(_section("", section)))


def _section(measurement: str, section: Section) -> dict[str, Any]:
    return {
        "measurement": measurement,
        "title": section.title,
        "unit": section.unit,
        "compared_with": section.compared_with,
        "figures": [figure.record() for figure in section.figures],
    }


def _page(record: Mapping[str, Any]) -> str:
    machine = record["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        f"# Figures of {record['date']}",
        "",
        f"{machine['cores']} cores ({machine['cpu']}), {machine['system']}; "
        f"load by {machine['load generator']}.",
        f"Versions: {versions}.",
        "",
        "Each cell: the median of the rounds (least to most). How to read them: `benchmarks/README.md`.",
        *(line for section in record["sections"] for line in _titled(section)),
    ]
    return "\n".join(lines) + "\n"


def _titled(section: Mapping[str, Any]) -> list[str]:
    return ["", f"## {section['title']}", "", *_table(section)]


def _table(section: Mapping[str, Any]) -> list[str]:
    ratio = f"as a ratio to: {section['compared_with']}" if section["compared_with"] else ""
    rows = [["", section["unit"], ratio, "goal"], *map(_row, section["figures"])]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _row(figure: Mapping[str, Any]) -> list[str]:
    goal = f"{figure['goal']}: {figure['verdict']}" if "goal" in figure else ""
    return [figure["name"], _cell(figure["value"]), _cell(figure.get("ratio")), goal]


def _cell(spread: Mapping[str, float] | None) -> str:
    if spread is None:
        return ""
    return "{median} ({min} to {max})".format_map({name: _short(value) for name, value in spread.items()})


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
