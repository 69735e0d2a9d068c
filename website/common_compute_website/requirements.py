"""The requirements: what each asks, who checks it, what proves the check, and how the connectors came out."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from common_compute_conformance.registry import Check, load_checks
from common_compute_mutants.registry import Mutant, load_mutants
from common_compute_website import contract, places
from common_compute_website.contract import Node
from common_compute_website.markdown import link, prose, table

INDEX = "requirements/index.md"
_SIGNS = {
    "passed": "✓ passed",
    "failed": "✗ failed",
    "error": "✗ broke",
    "flaky": "✗ flaky",
    "not-applicable": "does not apply",
    "not-assessed": "not assessed",
}
_HOW = {
    "http": "from outside, by the kit",
    "harness": "with a hold on the server or its facility, by this repository's tests",
    "inspection": "by reading",
}


@dataclass(frozen=True)
class Certificate:
    """What one connector was certified for, and when."""

    name: str
    document: Mapping[str, Any]

    def outcome(self, requirement: str) -> str:
        """Say how a requirement came out."""
        return next(
            (
                _SIGNS[entry["outcome"]] if entry["claimed"] else "not claimed"
                for entry in self.document["requirements"]
                if entry["id"] == requirement
            ),
            "not in it",
        )


@cache
def certificates() -> tuple[Certificate, ...]:
    """Read the certificates of the newest run per connector, as they are committed."""
    return tuple(
        Certificate(file.stem.replace("_", " "), json.loads(file.read_text(encoding="utf-8")))
        for file in sorted(places.CERTIFICATES.glob("*.json"))
    )


@cache
def checks() -> Mapping[str, list[Check]]:
    """Give the kit's checks by the requirement that they test."""
    found: dict[str, list[Check]] = defaultdict(list)
    for check in load_checks().checks:
        found[check.requirement].append(check)
    return found


@cache
def mutants() -> Mapping[str, list[Mutant]]:
    """Give the wrong servers by the requirement that must turn red on them."""
    found: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in load_mutants().values():
        found[mutant.requirement].append(mutant)
    return found


@cache
def own_tests() -> Mapping[str, list[str]]:
    """Give the tests of this repository that hold what nobody can test from outside, by requirement."""
    file = Path(__file__).with_name("own_tests.yaml")
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")))


def areas() -> dict[str, str]:
    """Give the areas by their short names, with what each is about."""
    return dict(yaml.safe_load((places.SPEC / "requirements.yaml").read_text(encoding="utf-8"))["areas"])


def pages() -> Iterator[tuple[str, str]]:
    """Write a page for each area, each with its address."""
    for area, about in areas().items():
        yield f"requirements/{area.lower()}.md", _of_area(area, about)


def coverage() -> str:
    """Say how many there are, and who tests how many of them."""
    every = contract.requirements()
    counts = Counter(each["verified_by"] for each in every.values())
    tested = [name for name, each in every.items() if each["verified_by"] == "http" and checks()[name]]
    proved = [name for name in tested if mutants()[name]]
    unproved = [
        f"[{name}]({link(INDEX, contract.requirement_page(name))}) ({every[name]['level']})"
        for name in tested
        if name not in proved
    ]
    own = [name for name, each in every.items() if each["verified_by"] == "harness" and name in own_tests()]
    wrong = sum(map(len, mutants().values()))
    return table(
        ("verified", "requirements", "of these"),
        [
            (
                "from outside, by the kit",
                counts["http"],
                f"{len(tested)} have a check; those of {len(proved)} are proved by {wrong} servers that are"
                f" wrong in exactly one way. Without such proof are {', '.join(unproved) or 'none'}",
            ),
            (
                "with a hold on the server or the facility",
                counts["harness"],
                f"{len(own)} are held by tests of this repository",
            ),
            ("by reading", counts["inspection"], ""),
            ("all", len(every), ""),
        ],
    )


def connectors() -> str:
    """Give the certificates side by side."""
    return table(("certificate", *(each.name for each in certificates())), _summary())


def certificate_files() -> str:
    """Give the machine-readable certificates."""
    files = sorted(places.CERTIFICATES.glob("*.json"))
    return ", ".join(
        f"[{file.name}]({link(INDEX, f'files/docs/certificates/{file.name}')})" for file in files
    )


def table_of_all() -> str:
    """Give all requirements, one in a line."""
    heads = ("id", "class", "level", "verified by", "checks", "mutants", "sentence")
    return table(
        heads,
        [
            (
                f"[{name}]({link(INDEX, contract.requirement_page(name))})",
                each["class"],
                each["level"],
                each["verified_by"],
                len(checks()[name]) or "none",
                len(mutants()[name]) or "none",
                prose(each["sentence"]),
            )
            for name, each in contract.requirements().items()
        ],
    )


def _summary() -> Iterator[tuple[str, ...]]:
    documents = [each.document for each in certificates()]
    yield "verdict", *(str(each["verdict"]) for each in documents)
    yield "on", *(str(each["started_at"])[:10] for each in documents)
    yield (
        "requirements that passed",
        *(f"{each['coverage']['http']['outcomes']['passed']}" for each in documents),
    )
    yield "that failed", *(f"{each['coverage']['http']['outcomes']['failed']}" for each in documents)
    for name in dict.fromkeys(each["class"] for each in contract.requirements().values()):
        yield (
            f"class {name}",
            *("✓" if name in each["certified_classes"] else "not claimed" for each in documents),
        )


def _of_area(area: str, about: str) -> str:
    page = f"requirements/{area.lower()}.md"
    title, _, more = about.partition(": ")
    parts = [f"# {title}\n", f"{more[:1].upper()}{more[1:]}.\n" if more else ""]
    for name, each in contract.requirements().items():
        if name.split("-")[1] == area:
            parts += _entry(page, name, each)
    return "\n".join(parts)


def _entry(page: str, name: str, each: Node) -> Iterator[str]:
    yield f"## {name} {{#{name.lower()}}}\n"
    yield f"{prose(each['sentence'])}\n"
    about = ", ".join(contract.linked(page, operation) for operation in each.get("operations", ()))
    yield f"{each['level']} · class {each['class']} · verified {_HOW[each['verified_by']]}\n{{ .facts }}\n"
    if len(each.get("operations", ())) == len(contract.operations()):
        about = "all"
    if about:
        yield f"Operations: {about}\n"
    if each.get("why"):
        yield f"Why not from outside: {prose(each['why'])}\n"
    if checks()[name]:
        yield "Checks:\n"
        yield "".join(f"- `{check.name}` {prose(_law(check.law, name))}\n" for check in checks()[name])
    if mutants()[name]:
        count = len(mutants()[name])
        words = f"{count} wrong server{'s' if count > 1 else ''} on which it has to turn red"
        wrong = "".join(f"- `{mutant.name}` {prose(mutant.wrong)}\n" for mutant in mutants()[name])
        yield f'??? note "{words}"\n\n' + "".join(f"    {line}\n" for line in wrong.splitlines())
    if name in own_tests():
        yield "Tests of this repository:\n"
        yield "".join(f"- `{test}`\n" for test in own_tests()[name])
    if each["verified_by"] == "http":
        yield f"Certificates: {_outcomes(name)}\n"


def _outcomes(name: str) -> str:
    """Say how a requirement came out at all connectors, those that came out alike together."""
    alike: dict[str, list[str]] = defaultdict(list)
    for each in certificates():
        alike[each.outcome(name)].append(each.name)
    if len(alike) == 1:
        return f"{next(iter(alike))} at all {len(certificates())}"
    return "; ".join(f"{outcome} at {', '.join(names)}" for outcome, names in alike.items())


def _law(law: str, name: str) -> str:
    """Give a check's law without the requirement's id in front."""
    return re.sub(rf"^{name}[:.]?\s*", "", " ".join(law.split()))
