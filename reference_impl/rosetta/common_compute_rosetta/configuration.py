"""The settings of a facility: a `[[facility]]` table into data, all its faults told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_rosetta import setting_values
from common_compute_rosetta.container_settings import ContainerSettings, read_containers
from common_compute_rosetta.slurm_settings import SlurmSettings, read_slurm
from common_compute_rosetta.staging_settings import StagingSettings, read_staging
from common_compute_rosetta.storage_settings import Storage, read_storages

POSIX_SHELL = "posix-shell"

_KIB, _DAY = 1024, 86_400


@dataclass(frozen=True, slots=True)
class Software:
    """An entry of the catalogue: `setup` is shell text that is read before the command runs."""

    name: str
    version: str
    default: bool = False
    architectures: tuple[str, ...] = ()
    description: str | None = None
    setup: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an administrator says about a facility; sizes in bytes, durations in seconds, None is no limit.

    `max_running` None is as many tasks at once as the machine has cores; Slurm has its own way.
    """

    id: str
    root: str
    name: str
    description: str
    max_running: int | None = None
    software: tuple[Software, ...] = ()
    path: str = "/usr/local/bin:/usr/bin:/bin"
    lang: str = "C.UTF-8"
    shell: str = "/bin/sh"
    kill_grace_seconds: int = 5
    default_wall_time_seconds: int | None = None
    max_wall_time_seconds: int | None = None
    default_memory_bytes: int | None = None
    max_memory_bytes: int | None = None
    max_array_tasks: int = 10_000
    max_inline_total_bytes: int = 8 * _KIB * _KIB
    result_retention_seconds: int = 7 * _DAY
    stale_after_seconds: int = 60
    lost_after_seconds: int = 30
    slurm: SlurmSettings | None = None
    containers: ContainerSettings | None = None
    staging: StagingSettings | None = None
    storages: tuple[Storage, ...] = ()


_TEXTS = ("name", "description", "path", "lang", "shell")
_COUNTS = {
    "max_running": 1,
    "kill_grace_seconds": 0,
    "default_wall_time_seconds": 1,
    "max_wall_time_seconds": 1,
    "default_memory_bytes": 1,
    "max_memory_bytes": 1,
    "max_array_tasks": 1,
    "max_inline_total_bytes": 0,
    "result_retention_seconds": 1,
    "stale_after_seconds": 1,
    "lost_after_seconds": 0,
}
"""The whole numbers and the least of each."""

_SOFTWARE_TEXTS = ("name", "version", "description", "setup", "path")
_SOFTWARE_MEMBERS = (*_SOFTWARE_TEXTS, "default", "architectures")
_BLANK = re.compile(r"[\x00-\x1f\x7f]")


def read_settings(configuration: FacilityConfiguration, *, below_home: bool = False) -> Settings:
    """Read one `[[facility]]` table; `below_home` allows a root that is relative to an account's home.

    Raises:
        ConfigurationError: with a sentence for each fault.
    """
    given = dict(configuration.settings)
    where = f"facility {configuration.id!r}"
    known = ("root", *_TEXTS, *_COUNTS, "software", "slurm", "containers", "staging", "storage")
    faults = setting_values.unknown(given, known, where)
    values: dict[str, Any] = {
        "name": configuration.id,
        "description": "Jobs run on the machine of the service itself.",
    }
    root = given.get("root")
    if not isinstance(root, str) or not root or _BLANK.search(root) or ".." in PurePosixPath(root).parts:
        faults.append(f"{where}: `root` must be given: the path of a directory for the jobs")
    elif not below_home and not PurePosixPath(root).is_absolute():
        faults.append(f"{where}: `root` must be an absolute path")
    elif root[0] in "-~":
        faults.append(f"{where}: `root` must be an absolute path, or one below the home without `~/`")
    for name in _TEXTS:
        if name in given:
            values[name] = setting_values.text(given[name], f"{where}: `{name}`", faults)
    for name, least in _COUNTS.items():
        if name in given:
            values[name] = setting_values.count(given[name], least, f"{where}: `{name}`", faults)
    for what in ("wall_time_seconds", "memory_bytes"):
        default, most = values.get(f"default_{what}"), values.get(f"max_{what}")
        if default and most and default > most:
            faults.append(f"{where}: `default_{what}` is above `max_{what}`: lower it")
    if "slurm" in given:
        values["slurm"] = read_slurm(given["slurm"], where, faults)
    if "containers" in given:
        values["containers"] = read_containers(given["containers"], str(root), where, faults)
    if "staging" in given:
        values["staging"] = read_staging(given["staging"], where, faults)
    if "storage" in given:
        values["storages"] = read_storages(given["storage"], where, faults)
    software = _catalogue(given.get("software", []), where, faults)
    if faults:
        raise ConfigurationError(faults)
    return Settings(id=configuration.id, root=str(PurePosixPath(str(root))), software=software, **values)


def _catalogue(tables: Any, where: str, faults: list[str]) -> tuple[Software, ...]:
    """Read the `[[facility.software]]` tables; the shell is there without being named."""
    if not isinstance(tables, Sequence) or not all(isinstance(table, Mapping) for table in tables):
        faults.append(f"{where}: `software` must be [[facility.software]] tables")
        return ()
    entries = []
    for number, table in enumerate(tables, 1):
        entry = _software(table, f"{where}, software {number}", faults)
        if entry is not None:
            entries.append(entry)
    if not any(entry.name == POSIX_SHELL for entry in entries):
        shell = Software(POSIX_SHELL, "system", description="The machine's own shell and tools.")
        entries.append(shell)
    return _with_defaults(entries, where, faults)


def _software(table: Mapping[str, Any], where: str, faults: list[str]) -> Software | None:
    before = len(faults)
    faults += setting_values.unknown(table, _SOFTWARE_MEMBERS, where)
    faults += [f"{where}: `{name}` must be given" for name in ("name", "version") if not table.get(name)]
    texts = {
        n: setting_values.text(table[n], f"{where}: `{n}`", faults) for n in _SOFTWARE_TEXTS if n in table
    }
    default = table.get("default", False)
    architectures = table.get("architectures", [])
    if not isinstance(default, bool):
        faults.append(f"{where}: `default` must be true or false")
    if not isinstance(architectures, list) or not all(isinstance(a, str) and a for a in architectures):
        faults.append(f'{where}: `architectures` must be a list of names such as "amd64"')
    if len(faults) > before:
        return None
    setup = texts.get("setup", "")
    if "path" in texts:
        quoted = texts["path"].replace("'", "'\\''")
        setup = f"PATH='{quoted}':$PATH\n{setup}".rstrip("\n")
    return Software(
        name=texts["name"],
        version=texts["version"],
        default=default,
        architectures=tuple(architectures),
        description=texts.get("description"),
        setup=setup,
    )


def _with_defaults(entries: Sequence[Software], where: str, faults: list[str]) -> tuple[Software, ...]:
    """See that each name has one default version; of a single version that goes without saying."""
    result = []
    for name in dict.fromkeys(entry.name for entry in entries):
        versions = [entry for entry in entries if entry.name == name]
        if len({entry.version for entry in versions}) < len(versions):
            faults.append(f"{where}: software {name!r} has one version twice: remove one")
        defaults = [entry for entry in versions if entry.default]
        if len(versions) > 1 and len(defaults) != 1:
            faults.append(f"{where}: software {name!r} needs `default = true` at exactly one version")
        if len(versions) == 1:
            (only,) = versions
            versions = [
                Software(only.name, only.version, True, only.architectures, only.description, only.setup)
            ]
        result += versions
    return tuple(result)
