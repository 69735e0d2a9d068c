"""A facility document as people read it on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common_compute_cli import output
from common_compute_cli.wire import Document


def show(facility: Document, software: Sequence[Document]) -> None:
    """Print everything that has to be known to write a job for a facility."""
    output.members(
        [
            ("facility", facility["id"]),
            ("name", facility["name"]),
            ("description", output.lines(facility["description"])),
            ("kind", facility["kind"]),
            ("status", " ".join(str(part) for part in facility["status"].values())),
            ("conforms to", ", ".join(facility["conforms_to"])),
            ("architectures", ", ".join(facility["architectures"])),
            ("scheduler", " ".join(facility["scheduler"].values())),
            ("container runtimes", named(facility["container_runtimes"])),
            ("queues", named(facility["queues"])),
            ("sites", ", ".join(facility.get("sites", []))),
            ("storage", named(facility["storage"])),
            ("inputs from", ", ".join(facility["input_url_schemes"])),
            ("credential", facility["credential"]["instructions"]),
            ("software", ", ".join(f"{each['name']} {each['version']}" for each in software)),
        ]
    )
    output.console().print()
    output.table(
        ["RESOURCE", "SUPPORT", "MAX", "DEFAULT", "GRANULARITY"],
        [
            (name, *(value(resource.get(member)) for member in ("support", "max", "default", "granularity")))
            for name, resource in facility["resources"].items()
        ],
        empty="No resources can be asked for.",
    )
    output.console().print()
    output.table(
        ["LIMIT", "VALUE"], [(name, value(limit)) for name, limit in facility["limits"].items()], empty=""
    )


def named(entries: Sequence[Document]) -> str:
    """Give each entry by its name, with what else it tells in brackets."""
    told = []
    for entry in entries:
        details = ", ".join(f"{key} {value(of)}" for key, of in entry.items() if key != "name")
        told.append(f"{entry['name']} ({details})" if details else str(entry["name"]))
    return ", ".join(told)


def value(of: Any) -> str:
    """Give a value of a document in a word or some."""
    if of is None:
        return ""
    if isinstance(of, bool):
        return "yes" if of else "no"
    if isinstance(of, list):
        return " ".join(map(str, of))
    return str(of)
