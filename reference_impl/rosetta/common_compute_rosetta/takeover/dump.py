"""What a Rosetta instance knows: the JSON that `manage.py dumpdata` prints, into records. Pure.

The fields are those of the models in Rosetta's `core_app/models.py` (https://github.com/rosetta-science/rosetta)
in the versions with computing managers. Whoever wrote the dump is not trusted: names come out as single lines
of printable characters, and no secret (a token, a password's hash) is taken over into any record.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common_compute_rosetta.takeover.rows import Names, Row, one_line

MAX_FAULTS = 30
"""So many faults are told of one dump; of one that is no dump at all there could be millions."""


class DumpUnreadable(Exception):
    """The dump cannot be used; one sentence per fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Computing:
    """A machine or a cluster; `owner` is whom it is for, in words, None is everybody."""

    uuid: str
    name: str
    owner: str | None
    description: str
    type: str
    access_mode: str
    auth_mode: str
    wms: str | None
    arch: str
    supported_archs: Sequence[str]
    emulated_archs: Sequence[str]
    engines: Sequence[str]
    conf: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Container:
    """An image with what Rosetta has to know to serve it; `reference` is as it stands there, unchecked."""

    uuid: str
    name: str
    owner: str | None
    reference: str
    arch: str | None
    interface: str | None
    variables: Sequence[str]


@dataclass(frozen=True, slots=True)
class Storage:
    """A directory: `base_path` is where it lies, `bind_path` where Rosetta's containers see it."""

    uuid: str
    name: str
    owner: str | None
    type: str
    base_path: str
    bind_path: str | None
    read_only: bool
    computing: str | None


@dataclass(frozen=True, slots=True)
class RemoteAccount:
    """The account that a user named for a computing resource."""

    user: str
    computing: str
    account: str


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Where Rosetta keeps a pair of keys; `user` None is the platform's."""

    user: str | None
    private_key_file: str
    default: bool


@dataclass(slots=True)
class Dump:
    """All of it, what has a name in its order; `unread` counts the rows of models that mean nothing here."""

    computings: list[Computing] = field(default_factory=list)
    containers: list[Container] = field(default_factory=list)
    storages: list[Storage] = field(default_factory=list)
    accounts: list[RemoteAccount] = field(default_factory=list)
    key_pairs: list[KeyPair] = field(default_factory=list)
    other_confs: list[tuple[str, str]] = field(default_factory=list)
    """Users, each with a kind of configuration in their profile that is no remote account."""
    unread: Counter[str] = field(default_factory=Counter)


def read_dump(text: bytes) -> Dump:
    """Read the JSON list of `{model, pk, fields}`.

    Raises:
        DumpUnreadable: it is none, or rows of it are not as Rosetta's models have them.
    """
    try:
        rows = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise DumpUnreadable([f"It is no text in UTF-8; {_REMEDY}"]) from None
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}: {error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        raise DumpUnreadable([f"It is no JSON{where}; {_REMEDY}"]) from None
    if not isinstance(rows, list):
        raise DumpUnreadable([f"It is no list of objects; {_REMEDY}"])
    faults: list[str] = []
    dump = _read(list(_rows(rows, faults)))
    if not faults and not dump.computings:
        faults.append(f"There is no computing resource of Rosetta's in it; {_REMEDY}")
    if faults:
        more = len(faults) - MAX_FAULTS
        raise DumpUnreadable([*faults[:MAX_FAULTS], *([f"and {more} more"] if more > 0 else [])])
    return dump


MODELS = ("computing", "container", "storage", "profile", "keypair")
_APP = "core_app"
DUMP_COMMAND = "manage.py dumpdata --natural-foreign " + " ".join(f"{_APP}.{name}" for name in MODELS)
_REMEDY = f"make it with: {DUMP_COMMAND}"


def _rows(rows: Sequence[Any], faults: list[str]) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        match row:
            case {"model": str(model), "pk": pk, "fields": dict(fields)}:
                yield Row(number, model.lower(), pk, fields, faults)
            case _:
                faults.append(f"row {number}: it has no `model`, `pk` and `fields`; {_REMEDY}")


def _read(rows: Sequence[Row]) -> Dump:
    names = Names(rows)
    dump = Dump()
    seen: set[tuple[str, str]] = set()
    for row in rows:
        app, _, model = row.model.partition(".")
        if app != _APP or model not in MODELS:
            if not row.model.startswith("auth."):
                dump.unread[one_line(row.model) or "?"] += 1
            continue
        if (model, row.key) in seen:
            row.fault("its `pk` is that of another row too")
            continue
        seen.add((model, row.key))
        match model:
            case "computing":
                dump.computings.append(_computing(row, names))
            case "container":
                dump.containers.append(_container(row, names))
            case "storage":
                dump.storages.append(_storage(row, names))
            case "keypair":
                dump.key_pairs.append(_key_pair(row, names))
            case "profile":
                _profile(row, names, dump)
    # Django writes rows in the order of their keys, which are random.
    dump.computings.sort(key=lambda each: (each.name, each.uuid))
    dump.containers.sort(key=lambda each: (each.name, each.reference))
    dump.storages.sort(key=lambda each: (each.name, each.uuid))
    dump.accounts.sort(key=lambda each: each.user)
    return dump


def _computing(row: Row, names: Names) -> Computing:
    emulated = row.mapping("emulated_archs")
    return Computing(
        uuid=row.key,
        name=row.name("name"),
        owner=names.owner(row),
        description=row.prose("description"),
        type=row.name("type"),
        access_mode=row.name("access_mode"),
        auth_mode=row.name("auth_mode"),
        wms=row.optional("wms"),
        arch=row.name("arch"),
        supported_archs=row.texts("supported_archs"),
        emulated_archs=[
            one_line(f"{each} by {engine}") for engine, archs in emulated.items() for each in _list(archs)
        ],
        engines=row.texts("container_engines"),
        conf=row.mapping("conf"),
    )


def _container(row: Row, names: Names) -> Container:
    digest = row.optional("image_digest")
    tag = row.text("image_tag")
    port, protocol = row.whole("interface_port"), row.optional("interface_protocol")
    return Container(
        uuid=row.key,
        name=row.name("name"),
        owner=names.owner(row),
        reference=f"{row.text('registry')}/{row.text('image_name')}:{tag}" + (f"@{digest}" if digest else ""),
        arch=row.optional("image_arch"),
        interface=None if port is None else f"{port} ({protocol})" if protocol else str(port),
        variables=[one_line(str(name)) for name in row.mapping("env_vars")],
    )


def _storage(row: Row, names: Names) -> Storage:
    computing = row.optional("computing")
    return Storage(
        uuid=row.key,
        name=row.name("name"),
        owner=names.owner(row),
        type=row.name("type"),
        base_path=row.text("base_path"),
        bind_path=row.optional("bind_path"),
        read_only=row.flag("read_only"),
        computing=computing.lower() if computing else None,
    )


def _key_pair(row: Row, names: Names) -> KeyPair:
    return KeyPair(names.user(row), row.text("private_key_file"), row.flag("default"))


def _profile(row: Row, names: Names, dump: Dump) -> None:
    """Read the remote accounts alone: a profile also has a token."""
    user = names.user(row)
    if user is None:
        row.fault("`user` must be a user")
        return
    for conf in row.mapping("extra_confs").values():
        match conf:
            case {"type": "computing_user", "object_uuid": str(computing), "value": str(account)}:
                dump.accounts.append(RemoteAccount(user, computing.lower(), account))
            case {"type": str(kind)} if kind != "computing_user":
                dump.other_confs.append((user, one_line(kind)))
            case _:
                row.fault("`extra_confs` must hold objects with `type`, `object_uuid` and `value`")


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
