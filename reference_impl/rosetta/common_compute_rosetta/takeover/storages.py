"""The storage of a Rosetta instance as `[[facility.storage]]` tables, as far as these can say it. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from pathlib import PurePosixPath

from common_compute_rosetta.runtimes.found import UNSAFE_SIGNS
from common_compute_rosetta.takeover.dump import Computing, Storage
from common_compute_rosetta.takeover.identifiers import identifier
from common_compute_rosetta.takeover.rows import one_line
from common_compute_rosetta.takeover.toml_text import Table

_ACCOUNT, _USER = "$SSH_USER", "$USER"
"""What Rosetta replaces in paths: the account there, and the name in Rosetta."""


class _NoCounterpart(Exception):
    """A storage cannot be taken over; the message says why."""


def storage_tables(
    computing: Computing, facility_id: str, storages: Sequence[Storage], left: list[str]
) -> list[Table]:
    """Give a table for each storage of a computing resource; what cannot be said in one is told in `left`."""
    tables: list[Table] = []
    names: set[str] = set()
    for storage in storages:
        if storage.computing != computing.uuid:
            continue
        what = f'Storage "{storage.name}" of "{computing.name}" ({facility_id})'
        try:
            path, note = _path(storage, computing)
        except _NoCounterpart as reason:
            left.append(f"{what}: not taken over, {reason}.")
            continue
        name = identifier(storage.name, names, "storage")
        names.add(name)
        table = Table("[[facility.storage]]")
        table.add("name", name)
        table.add("path", path)
        table.add("read_only", storage.read_only)
        tables.append(table)
        left += [f"{what}: {words}." for words in (note, _seen_otherwise(storage)) if words]
    return [_staging(), *tables] if tables else []


def _staging() -> Table:
    """Let jobs have inputs from storages, and from nowhere else, as in Rosetta."""
    table = Table("[facility.staging]")
    table.add("schemes", [], "Without this line jobs can also have inputs from every public host.")
    return table


def without_facility(storages: Sequence[Storage], taken: Container[str]) -> Iterator[str]:
    """Tell the storages that belong to no computing resource that was taken over."""
    for storage in storages:
        if storage.computing is None:
            yield f'Storage "{storage.name}": not taken over, it belongs to no computing resource.'
        elif storage.computing not in taken:
            yield f'Storage "{storage.name}": not taken over, as its computing resource is not.'


def _path(storage: Storage, computing: Computing) -> tuple[str, str | None]:
    """Give where it lies, without variables, and what is to be said about that."""
    if storage.type != "generic_posix":
        raise _NoCounterpart(f"its type is {storage.type}, and Rosetta itself gives jobs generic_posix alone")
    if storage.owner is not None:
        raise _NoCounterpart(f"it is for the {storage.owner} alone, and here every caller sees each storage")
    path, note = storage.base_path, None
    account = computing.conf.get("user") if computing.auth_mode == "platform_keys" else None
    if _ACCOUNT in path and isinstance(account, str) and account:
        path = path.replace(_ACCOUNT, account.encode("utf-8", "replace").decode())
    if (variable := next((each for each in (_ACCOUNT, _USER) if each in path), None)) is not None:
        if computing.auth_mode != "user_keys":
            raise _NoCounterpart(
                f"each user had a directory of their own ({variable}), and here all would see all"
            )
        path, note = _above(path)
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or parts[0] != "/" or ".." in parts or "$" in path:
        raise _NoCounterpart(f'"{one_line(storage.base_path)}" is no path of a directory for data')
    if not path.isprintable() or any(sign in path for sign in UNSAFE_SIGNS):
        raise _NoCounterpart(
            f'"{one_line(storage.base_path)}" has signs that cannot be mounted in containers'
        )
    return str(PurePosixPath(path)), note


def _above(path: str) -> tuple[str, str]:
    """Give the directory that holds all callers' own, which their own accounts keep from each other."""
    parts = PurePosixPath(path).parts
    first = next(number for number, part in enumerate(parts) if "$" in part)
    above, below = str(PurePosixPath(*parts[:first])), "/".join(parts[first:])
    words = f'it was "{path}", and here the path of an input from it begins with {below}'
    return above, one_line(words)


def _seen_otherwise(storage: Storage) -> str:
    if storage.bind_path is None:
        return "Rosetta only let people browse it; here jobs can have inputs from it"
    way = "read" if storage.read_only else "read and wrote"
    where = one_line(storage.bind_path)
    return f"Rosetta's containers {way} it at {where}; here a job gets the files from it that its inputs name"
