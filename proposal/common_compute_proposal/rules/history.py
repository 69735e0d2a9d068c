"""The contract keeps its word: what was released stays, and the version says how much has changed since.

These rules apply where a folder `released` lies beside the contract.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from common_compute_proposal.allowance import broken_subjects, names
from common_compute_proposal.changes import Change, Weight, changes_between
from common_compute_proposal.places import step
from common_compute_proposal.releases import (
    BREAKS,
    CHANGELOG,
    RELEASED,
    Number,
    allowed_breaks,
    changelog_entries,
    number_of,
    releases,
)
from common_compute_proposal.source import FILES, OPENAPI, Finding, Source
from common_compute_proposal.versions import read_version

_VERSION = "/info/version"


def versions_agree(source: Source) -> Iterator[Finding]:
    """The document, its examples of service-info and the changelog's newest entry name one version."""
    number = source.version.number
    examples = source.version.openapi.get("components", {}).get("examples", {})
    for name, example in examples.items():
        value = example.get("value")
        kind = value.get("type") if isinstance(value, dict) else None
        if isinstance(kind, dict) and kind.get("artifact") == "common-compute" and kind["version"] != number:
            pointer = f"/components/examples{step(name)}/value/type/version"
            words = f"the example says version {kind['version']}, and the document is {number}"
            yield source.finding("version", pointer, words)
    if number_of(number) is None:
        words = f"{number} is no semantic version: write three numbers, as 1.0.0"
        yield source.finding("version", _VERSION, words)
    if not _is_kept(source):
        return
    file = source.folder / CHANGELOG
    entries = changelog_entries(source.folder)
    if not entries or entries[0][1] != number:
        newest = f"its newest entry is {entries[0][1]}" if entries else "it has no entry"
        line = entries[0][0] if entries else 1
        yield Finding(file, line, "version", f"{newest}, and the document is {number}: tell what is new")
    for (_, newer), (line, older) in pairwise(entries):
        read = number_of(newer), number_of(older)
        if None in read or not read[0] > read[1]:  # type: ignore[operator]
            yield Finding(file, line, "version", f"{older} stands below {newer}: the newest comes first")
    told = {name for _, name in entries}
    known = releases(source.folder)
    for line, name in entries[1:]:
        if number_of(name) not in known:
            words = f"{name} is told, and {RELEASED}/{name} is not there"
            yield Finding(file, line, "version", words)
    for released, place in known.items():
        if str(released) not in told:
            yield Finding(file, 1, "version", f"{released} was released, and is not told")
        if read_version(place).number != str(released):
            words = f"the document in {RELEASED}/{released} says that it is {read_version(place).number}"
            yield Finding(place / OPENAPI, 1, "version", words)


def what_was_released_stays(source: Source) -> Iterator[Finding]:
    """A version that was released is what it was; a later one has a number that says how much has changed."""
    number = number_of(source.version.number)
    earlier = releases(source.folder)
    if not _is_kept(source) or number is None or not earlier:
        return
    newest = max(earlier)
    if number < newest:
        words = f"the document is {number}, and {newest} was released: give a later version"
        yield source.finding("released", _VERSION, words)
    elif number == newest:
        for name in FILES:
            mine, released = source.folder / name, earlier[newest] / name
            if mine.is_file() and released.is_file() and mine.read_bytes() != released.read_bytes():
                words = f"it differs from {name} of {newest}, which was released: give a new version"
                yield Finding(mine, 1, "released", words)
    elif number.major == newest.major:
        yield from _steps_up_enough(source, newest, number)


def nothing_breaks(source: Source) -> Iterator[Finding]:
    """Within a major version nothing breaks, unless a decision record names it."""
    number = number_of(source.version.number)
    if not _is_kept(source) or number is None:
        return
    allowed = allowed_breaks(source.folder)
    file = source.folder / BREAKS
    for each in allowed:
        if not each.record.is_file():
            yield Finding(file, 1, "break", f"the record of {each.subject}, {each.record}, is not there")
        elif not names(each.record.read_text(encoding="utf-8"), each.subject):
            yield Finding(file, 1, "break", f"{each.record} does not name {each.subject}")
    let = {(each.version, each.subject) for each in allowed}
    for change in _changes_since_release(source, number):
        if change.weight is Weight.BREAK and (str(number), change.subject) not in let:
            place = f" ({change.place})" if change.place else ""
            words = (
                f"{change.subject}{place} breaks: {change.words}. Undo it, or name the decision record that "
                f"allows it in {BREAKS}"
            )
            yield Finding(source.document, _line(source, change), "break", words)


def _steps_up_enough(source: Source, newest: Number, number: Number) -> Iterator[Finding]:
    changes = _changes_since_release(source, number)
    adds = {change.subject for change in changes if change.weight is Weight.ADDITION}
    grown = adds | broken_subjects(changes)
    if grown and number.minor == newest.minor:
        words = (
            f"{', '.join(sorted(grown))}: more than words has changed since {newest}, "
            f"so this is at least {newest.major}.{newest.minor + 1}.0, not {number}"
        )
        yield source.finding("released", _VERSION, words)


def _changes_since_release(source: Source, number: Number) -> list[Change]:
    earlier = [each for each in releases(source.folder) if each.major == number.major and each <= number]
    if not earlier:
        return []
    return changes_between(read_version(releases(source.folder)[max(earlier)]), source.version)


def _line(source: Source, change: Change) -> int:
    for name, pointer, _ in source.operations():
        if name == change.subject:
            return source.places[OPENAPI].line(pointer)
    return 1


def _is_kept(source: Source) -> bool:
    """Tell whether the versions of this contract are kept beside it."""
    return (source.folder / RELEASED).is_dir()
