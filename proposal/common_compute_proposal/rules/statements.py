"""Prose and requirements agree: each normative word has an id, and no id stands alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from common_compute_proposal.places import step
from common_compute_proposal.source import FILES, OPENAPI, REQUIREMENTS, Finding, Source

_PROSE = ("description", "summary", "meaning")
_WORD = re.compile(
    r"\b(MUST NOT|MUST|SHALL NOT|SHALL|REQUIRED|SHOULD NOT|SHOULD|NOT RECOMMENDED|RECOMMENDED)\b"
)
_DEFINITION = re.compile(r"\bBCP 14\b|\bRFC 2119\b")
_ID = re.compile(r"\bCC-[A-Z]+-\d+\b")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|\n\s*\n|\n\s*(?:[-*]|\d+\.|\|)\s")
_WEAK = frozenset({"SHOULD", "SHOULD NOT", "RECOMMENDED", "NOT RECOMMENDED"})


def normative_words_have_ids(source: Source) -> Iterator[Finding]:
    """A sentence with MUST, SHALL, REQUIRED, SHOULD or RECOMMENDED names its requirement, of that level."""
    levels = {str(each["id"]): str(each["level"]) for each in source.version.requirements}
    for pointer, sentence in _sentences(source):
        shown = " ".join(sentence.split())
        word = _WORD.search(shown)
        if word is None or _DEFINITION.search(shown):
            continue
        ids = _ID.findall(shown)
        stated = {levels[name] for name in ids if name in levels}
        wanted = {"SHOULD" if each in _WEAK else "MUST" for each in _WORD.findall(shown)}
        if not ids:
            told = f"{word[0]} without the id of its requirement: write it behind, as in (CC-JOB-001)"
        elif stated and wanted - stated:
            told = f"{word[0]} here, and {' and '.join(sorted(stated))} in {', '.join(ids)}"
        else:
            continue
        before = shown[: word.end()].split()
        line = source.places[OPENAPI].line_of_words(pointer, " ".join(before[-2 - word[0].count(" ") :]))
        yield Finding(source.document, line, "normative-id", f"{told}: {shown}", pointer)


def ids_are_known(source: Source) -> Iterator[Finding]:
    """Every id of a requirement that the contract's files name is in requirements.yaml, once."""
    if source.stands_alone:
        return
    ids = [str(each["id"]) for each in source.version.requirements]
    for number, name in enumerate(ids):
        if ids.index(name) != number:
            yield source.of_requirement("orphan-id", number, f"{name} is given {Counter(ids)[name]} times")
    for file in (*(source.folder / name for name in FILES), *_pages(source.folder)):
        if not file.is_file():
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for name in _ID.findall(line):
                if name not in ids:
                    words = f"{name} is no requirement: mend the id, or add it to {REQUIREMENTS}"
                    yield Finding(file, number, "orphan-id", words)


def requirements_have_operations(source: Source) -> Iterator[Finding]:
    """Every requirement is about operations that the document has."""
    known = source.version.operations.keys()
    for number, each in enumerate(source.version.requirements):
        unknown = sorted(set(each["operations"]) - known)
        if unknown:
            words = f"{each['id']} is about {', '.join(unknown)}, which the document does not have"
            yield source.of_requirement("orphan-id", number, words)
        if not each["operations"]:
            words = f"{each['id']} is about no operation: nobody finds it from the document"
            yield source.of_requirement("orphan-id", number, words)


def _pages(folder: Path) -> list[Path]:
    return [*sorted(folder.glob("use_cases/*/README.md")), folder / "CHANGELOG.md"]


def _sentences(source: Source) -> Iterator[tuple[str, str]]:
    """Give every sentence of the document's prose with the pointer of its text."""
    for pointer, node in source.values():
        for member in _PROSE:
            text = node.get(member)
            if isinstance(text, str):
                for sentence in _SENTENCE_END.split(text):
                    yield pointer + step(member), sentence
