"""The form of a job specification: members, types and patterns, as the schema JobSpec of the contract has them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]
Shape = Callable[[Any, Path], Iterator[tuple[Path, str]]]

LARGEST = 9007199254740991
CONTROL = r"\x00-\x1F\x7F-\x9F"


def text(pattern: str, detail: str) -> Shape:
    """Take strings that match the whole pattern."""
    compiled = re.compile(pattern, re.DOTALL)

    def judge(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            yield path, detail

    return judge


def integer(least: int) -> Shape:
    """Take integers, 1.0 among them."""

    def judge(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or value != int(value) or not least <= value <= LARGEST:
            yield path, f"it is an integer from {least} to {LARGEST}"

    return judge


def boolean(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Take true and false."""
    if not isinstance(value, bool):
        yield path, "it is true or false"


def listing(item: Shape, least: int = 0) -> Shape:
    """Take lists of at least so many items."""

    def judge(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
        if not isinstance(value, list) or len(value) < least:
            yield path, f"it is a list of at least {least} entries"
            return
        for index, entry in enumerate(value):
            yield from item(entry, (*path, index))

    return judge


def record(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """Take objects of these members and no others."""
    members = {**required, **(optional or {})}

    def judge(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
        if not isinstance(value, dict):
            yield path, "it is an object"
            return
        for name in required:
            if name not in value:
                yield path, f"it lacks the member {name}"
        for name, member in value.items():
            if name in members:
                yield from members[name](member, (*path, name))
            else:
                yield (*path, name), "there is no such member"

    return judge


def mapping(key: str, item: Shape, least: int = 0, most: int | None = None) -> Shape:
    """Take objects whose names all match `key`."""
    compiled = re.compile(key)

    def judge(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
        if not isinstance(value, dict) or len(value) < least or (most is not None and len(value) > most):
            yield (
                path,
                f"it is an object of at least {least} members" + (f" and at most {most}" if most else ""),
            )
            return
        for name, member in value.items():
            if not compiled.fullmatch(name):
                yield (*path, name), "it is no name that is allowed here"
            yield from item(member, (*path, name))

    return judge


def by_kind(kinds: Mapping[str, Shape]) -> Shape:
    """Take objects whose `kind` says which of the shapes they have."""

    def judge(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in kinds:
            yield path, f"it is an object whose `kind` is one of {', '.join(kinds)}"
            return
        yield from kinds[kind](value, path)

    return judge


def one_of(members: Mapping[str, Shape], always: Mapping[str, Shape] | None = None) -> Shape:
    """Take objects that have exactly one of the members, beside those that they always have."""
    shape = record(always or {}, members)

    def judge(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
        yield from shape(value, path)
        if isinstance(value, dict) and sum(name in value for name in members) != 1:
            yield path, f"it has exactly one of {', '.join(members)}"

    return judge


def no_null(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Take anything without a null inside."""
    if value is None:
        yield path, "a member without a value is left out; there is no null"
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from no_null(member, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from no_null(item, (*path, index))


def an_object(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Take any object."""
    if not isinstance(value, dict):
        yield path, "it is an object"


def relative_path(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Take relative paths without empty, `.` or `..` segments."""
    if not isinstance(value, str) or not re.fullmatch(f"[^{CONTROL}]{{1,1024}}", value):
        yield path, "it is a path of 1 to 1024 characters without control characters"
    elif {"", ".", ".."} & set(value.split("/")):
        yield path, "it is relative, and none of its segments is empty, `.` or `..`"
