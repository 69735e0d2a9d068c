"""Read `requirements.yaml`: every normative statement of the contract, by id."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class Requirement:
    """One testable sentence of the contract."""

    id: str
    conformance_class: str
    level: str
    sentence: str
    operations: tuple[str, ...]
    verified_by: str
    why: str = ""

    @property
    def area(self) -> str:
        """The middle of the id: `JOB` of `CC-JOB-003`."""
        return self.id.split("-")[1]


def spec_text(name: str) -> bytes:
    """Return the bytes of one of the spec's files as this kit carries them."""
    return files("common_compute_conformance").joinpath(name).read_bytes()


def load_yaml(name: str) -> Any:
    """Parse one of the spec's files."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(spec_text(name), Loader=loader)  # noqa: S506 (both loaders are the safe one)


@cache
def load_requirements() -> tuple[Requirement, ...]:
    """Return all requirements, in the order of the file."""
    document = load_yaml("requirements.yaml")
    entries = document["requirements"] if isinstance(document, dict) else document
    return tuple(
        Requirement(
            id=entry["id"],
            conformance_class=entry["class"],
            level=entry["level"],
            sentence=" ".join(entry["sentence"].split()),
            operations=tuple(entry.get("operations", ())),
            verified_by=entry["verified_by"],
            why=entry.get("why", ""),
        )
        for entry in entries
    )
