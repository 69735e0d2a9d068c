"""The storages of a facility: its `[[facility.storage]]` tables into data, all their faults told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from common_compute_rosetta import setting_values as values
from common_compute_rosetta.runtimes.found import UNSAFE_SIGNS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Storage:
    """A directory there from which jobs take inputs; `path` is absolute, and where jobs see it.

    `shared` tells whether all nodes see the same. `read_only` tells that nothing is written into it.
    """

    name: str
    path: str
    kind: str = "posix"
    shared: bool = True
    read_only: bool = True


_TEXTS = ("name", "path", "kind")
_FLAGS = ("shared", "read_only")


def read_storages(tables: Any, where: str, faults: list[str]) -> tuple[Storage, ...]:
    """Read the tables; each fault becomes a sentence."""
    if not isinstance(tables, Sequence) or not all(isinstance(table, Mapping) for table in tables):
        faults.append(f"{where}: `storage` must be [[facility.storage]] tables")
        return ()
    storages = [_storage(table, f"{where}, storage {n}", faults) for n, table in enumerate(tables, 1)]
    names = [storage.name for storage in storages if storage]
    faults += [
        f"{where}: there are two storages {name!r}: rename one"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    return tuple(storage for storage in storages if storage)


def _storage(table: Mapping[str, Any], where: str, faults: list[str]) -> Storage | None:
    before = len(faults)
    faults += values.unknown(table, (*_TEXTS, *_FLAGS), where)
    faults += [f"{where}: `{name}` must be given" for name in ("name", "path") if name not in table]
    read: dict[str, Any] = {
        name: values.text(table[name], f"{where}: `{name}`", faults) for name in _TEXTS if name in table
    }
    read |= {name: values.flag(table[name], f"{where}: `{name}`", faults) for name in _FLAGS if name in table}
    if read.get("name") and not _NAME.fullmatch(read["name"]):
        faults.append(f"{where}: `name` must be a word of letters, digits and `._~-`, at most 64 of them")
    if read.get("path"):
        read["path"] = _path(read["path"], where, faults)
    return Storage(**read) if len(faults) == before else None


def _path(text: str, where: str, faults: list[str]) -> str:
    path = PurePosixPath("/" + text.lstrip("/")) if text.startswith("/") else PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts or _CONTROL.search(text):
        faults.append(f"{where}: `path` must be an absolute path there, without `..`")
    elif path == PurePosixPath("/"):
        faults.append(f"{where}: `path` must be a directory for data, and not the whole file system")
    elif any(sign in text for sign in UNSAFE_SIGNS):
        faults.append(f'{where}: `path` cannot be mounted in containers: choose one without : , " or \\')
    return str(path)
