"""A version of the contract together with its files, as the rules look at them and point into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common_compute_proposal.places import Places, step
from common_compute_proposal.versions import Document, NoContract, Version, read_version

OPENAPI, REQUIREMENTS, TRANSITIONS = FILES = ("openapi.yaml", "requirements.yaml", "transitions.yaml")
_LITERAL = frozenset({"value", "example", "enum", "default", "x-reserved"})


@dataclass(frozen=True, order=True)
class Finding:
    """Something that is not as a rule wants it: where, by which rule, and in words what to do."""

    file: Path
    line: int
    rule: str
    words: str
    pointer: str = ""


@dataclass(frozen=True)
class Source:
    """The contract in a folder. A document alone has no requirements, and no rule asks for them there."""

    folder: Path
    document: Path
    version: Version
    places: Mapping[str, Places]

    @property
    def stands_alone(self) -> bool:
        """Tell whether there are no requirements beside the document."""
        return REQUIREMENTS not in self.places

    def finding(self, rule: str, pointer: str, words: str, file: str = OPENAPI) -> Finding:
        """Point at a value of one of the contract's files."""
        path = self.document if file == OPENAPI else self.folder / file
        return Finding(path, self.places[file].line(pointer), rule, words, pointer)

    def of_requirement(self, rule: str, number: int, words: str) -> Finding:
        """Point at a requirement, by its place in the file."""
        return self.finding(rule, f"/requirements/{number}", words, REQUIREMENTS)

    def values(self) -> Iterator[tuple[str, Document]]:
        """Give every object of the document with its pointer, but for those inside examples and the like."""
        yield from _objects(self.version.openapi, "")

    def operations(self) -> Iterator[tuple[str, str, Document]]:
        """Give the operations by name, with their pointers."""
        for name, operation in self.version.operations.items():
            pointer = f"/paths{step(operation['path'])}{step(operation['method'].lower())}"
            yield name, pointer, operation


def read_source(place: Path) -> Source:
    """Read the contract in a folder like `spec/`, or an OpenAPI document alone.

    Raises:
        NoContract: there is none, or it cannot be read.
    """
    document = place / OPENAPI if place.is_dir() else place
    version = read_version(place)
    folder = document.parent
    beside = [name for name in FILES[1:] if (folder / name).is_file()]
    places = {OPENAPI: Places(_text(document))} | {name: Places(_text(folder / name)) for name in beside}
    return Source(folder, document, version, places)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoContract(f"{file} cannot be read: {error}") from error


def _objects(node: Any, pointer: str) -> Iterator[tuple[str, Document]]:
    if isinstance(node, dict):
        yield pointer, node
        for name, child in node.items():
            # A member of a schema may well have such a name: then it is described by a schema.
            if name not in _LITERAL or pointer.endswith("/properties"):
                yield from _objects(child, pointer + step(name))
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from _objects(child, pointer + step(number))
