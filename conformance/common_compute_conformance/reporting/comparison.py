"""Show several certificates side by side: their connectors against the requirements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common_compute_conformance.reporting.page import SIGNS, VERDICTS, WORDS, name_of
from common_compute_conformance.reporting.rendering import render

_FACTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "the version of the spec": lambda each: str(each["spec_version"]),
    "the spec's files": lambda each: _short(*each["spec"].values()),
    "the kit": lambda each: (
        f"{each['kit']['name']} {each['kit']['version']} ({_short(each['kit']['sha256'])})"
    ),
    "the checks": lambda each: _short(each["suite"]["sha256"]),
    "the budget": lambda each: str(each["budget"]),
    "whether each SHOULD decided": lambda each: "yes" if each["strict"] else "no",
    "whether all was asked for": lambda each: "no, a partial run" if each["partial"] else "yes",
}


@dataclass(frozen=True)
class Column:
    """One certificate: where it came from, and its document."""

    source: str
    document: Mapping[str, Any]


def comparison(columns: Sequence[Column]) -> bytes:
    """Return the page; it tells first on which facts the certificates differ, which makes them unlike."""
    return render(
        "compare.html.jinja",
        columns=[_head(column) for column in columns],
        differences=differences(columns),
        groups=_groups([column.document for column in columns]),
        signs=SIGNS,
        words={**WORDS, "absent": "not in it"},
    )


def differences(columns: Sequence[Column]) -> dict[str, list[str]]:
    """Return the facts on which certificates differ, with what each of them says."""
    told = {fact: [say(column.document) for column in columns] for fact, say in _FACTS.items()}
    return {fact: values for fact, values in told.items() if len(set(values)) > 1}


def _head(column: Column) -> dict[str, Any]:
    document = column.document
    http = document["coverage"]["http"]
    return {
        "source": column.source,
        "name": name_of(document),
        "url": document["target"]["url"],
        "facility": document["target"].get("facility_id", ""),
        "started_at": document["started_at"],
        "verdict": document["verdict"],
        "verdict_words": VERDICTS[document["verdict"]],
        "classes": document["certified_classes"],
        "passed": http["outcomes"]["passed"],
        "claimed": http["claimed"],
    }


def _groups(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the requirements that are verified over HTTP by class, each with its outcome per certificate."""
    by_id = [{entry["id"]: entry for entry in document["requirements"]} for document in documents]
    entries: dict[str, Mapping[str, Any]] = {}
    for entry in (entry for document in documents for entry in document["requirements"]):
        if entry["verified_by"] == "http":
            entries.setdefault(entry["id"], entry)
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, entry in entries.items():
        cells = [_cell(found.get(name)) for found in by_id]
        told = {cell for cell in cells if cell != "absent"}
        groups.setdefault(entry["class"], []).append({**entry, "cells": cells, "differs": len(told) > 1})
    return [
        {
            "name": name,
            "rows": rows,
            "passed": [sum(row["cells"][at] == "passed" for row in rows) for at in range(len(documents))],
        }
        for name, rows in groups.items()
    ]


def _cell(entry: Mapping[str, Any] | None) -> str:
    return "absent" if entry is None else str(entry["outcome"])


def _short(*digests: str) -> str:
    return " ".join(digest[:12] for digest in digests)
