"""The settings of a DIRAC: a `[[facility]]` table into data, all its faults told at once.

Secrets are files that the table names, never values in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_dirac.container_settings import ContainerSettings, read_containers
from common_compute_dirac.delegation_settings import MEMBERS as _OF_DELEGATION
from common_compute_dirac.delegation_settings import Delegation, read_delegation
from common_compute_dirac.setting_values import Reading
from common_compute_dirac.staging_settings import StagingSettings, read_staging

SHELL = "posix-shell"
_MIB, _DAY = 1024 * 1024, 86_400
_SERVER = re.compile(r"(dips|https)://[A-Za-z0-9.:\[\]_-]+/[A-Za-z0-9/_-]+")


@dataclass(frozen=True, slots=True)
class Software:
    """An entry of the catalogue; `setup` is the path of a script on the workers, which a shell reads."""

    name: str
    version: str
    default: bool = False
    setup: str = ""
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What an administrator says about a DIRAC; sizes in bytes, durations in seconds.

    `sites` empty is every site; jobs that name none go to any of them. `heartbeat_seconds` is how long a
    command may outlive its job's being killed. `cpu_time_factor` makes of a second of wall time and a core
    what DIRAC counts as CPU time.
    """

    id: str
    name: str
    description: str
    interpreter: Path
    servers: tuple[str, ...]
    ca_directory: Path
    vo: str
    group: str
    delegation: Delegation
    software: tuple[Software, ...]
    containers: ContainerSettings | None
    staging: StagingSettings | None
    sites: tuple[str, ...]
    tags: tuple[str, ...]
    architectures: tuple[str, ...]
    platform: str
    path: str
    lang: str
    shell: str
    cpu_time_factor: float
    min_cpu_time: int
    max_cpu_time: int
    default_wall_time_seconds: int
    max_wall_time_seconds: int
    max_cpu_cores: int
    max_memory_bytes: int
    setup_seconds: int
    kill_grace_seconds: int
    heartbeat_seconds: int
    max_tasks_per_part: int
    max_array_tasks: int
    max_inline_total_bytes: int
    max_environment_bytes: int
    max_results_bytes: int
    max_log_bytes: int
    result_retention_seconds: int
    stale_after_seconds: int
    lost_after_seconds: int
    observe_every_seconds: float
    appears_within_seconds: float
    call_seconds: float
    check_every_seconds: float


_TEXTS = {
    "path": "/usr/local/bin:/usr/bin:/bin",
    "lang": "C.UTF-8",
    "shell": "/bin/sh",
}
_COUNTS = {
    "min_cpu_time": 100,
    "max_cpu_time": 500_000,
    "max_cpu_cores": 1,
    "max_memory_bytes": 4096 * _MIB,
    "setup_seconds": 300,
    "kill_grace_seconds": 5,
    "heartbeat_seconds": 1800,
    "max_tasks_per_part": 100,
    "max_array_tasks": 1000,
    "max_inline_total_bytes": 7 * _MIB,
    "max_environment_bytes": 65_536,
    "max_results_bytes": 7 * _MIB,
    "max_log_bytes": _MIB,
    "result_retention_seconds": 7 * _DAY,
    "stale_after_seconds": 120,
    "lost_after_seconds": 600,
}
_NUMBERS = {
    "cpu_time_factor": (10.0, 0.001),
    "observe_every_seconds": (10.0, 0.1),
    "appears_within_seconds": (60.0, 1.0),
    "call_seconds": (60.0, 1.0),
    "check_every_seconds": (10.0, 1.0),
}
"""The defaults, and the least of each number."""

_WALL = ("default_wall_time_seconds", "max_wall_time_seconds")
_LISTS = ("sites", "tags", "architectures")
_NAMED = ("name", "description", "interpreter", "configuration_server", "ca_directory", "vo", "group")
_TABLES = ("software", "containers", "staging")
_SOFTWARE = ("name", "version", "default", "setup", "description")


def read_settings(configuration: FacilityConfiguration) -> Settings:
    """Read one `[[facility]]` table of the connector `dirac`.

    Raises:
        ConfigurationError: with a sentence for each fault.
    """
    faults: list[str] = []
    reading = Reading(configuration.settings, f"facility {configuration.id!r}", faults)
    reading.only(
        (*_NAMED, *_TEXTS, *_COUNTS, *_NUMBERS, *_WALL, *_LISTS, *_OF_DELEGATION, "platform", *_TABLES)
    )
    vo, group = reading.text("vo"), reading.text("group", what="the group in which jobs are submitted")
    counts = {name: reading.count(name, default) for name, default in _COUNTS.items()}
    numbers = {name: reading.number(name, *limits) for name, limits in _NUMBERS.items()}
    longest = max(int(counts["max_cpu_time"] / numbers["cpu_time_factor"]), 1)
    wall_max = reading.count("max_wall_time_seconds", longest)
    wall_default = reading.count("default_wall_time_seconds", min(3600, wall_max))
    if wall_default > wall_max:
        reading.fault("default_wall_time_seconds", f"at most `max_wall_time_seconds`, which is {wall_max}")
    values: dict[str, Any] = {
        **{name: reading.text(name, default) for name, default in _TEXTS.items()},
        **{name: reading.words(name) for name in _LISTS},
        **counts,
        **numbers,
    }
    settings = Settings(
        id=configuration.id,
        name=reading.text("name", configuration.id),
        description=reading.text("description", f"Jobs run on the grid of {vo}, which DIRAC looks after."),
        interpreter=reading.file("interpreter", "a Python that has DIRAC, such as that of a DIRACOS"),
        servers=_servers(reading),
        ca_directory=reading.file("ca_directory", "a directory of certificate authorities"),
        vo=vo,
        group=group,
        delegation=read_delegation(reading, group),
        software=_catalogue(reading),
        containers=read_containers(reading),
        staging=read_staging(reading),
        platform=reading.text("platform", "ANY"),
        default_wall_time_seconds=wall_default,
        max_wall_time_seconds=wall_max,
        **values,
    )
    if faults:
        raise ConfigurationError(faults)
    return replace(settings, platform="" if settings.platform == "ANY" else settings.platform)


def _servers(reading: Reading) -> tuple[str, ...]:
    given = reading.table.get("configuration_server")
    servers = given if isinstance(given, list) else [given]
    if servers and all(isinstance(one, str) and _SERVER.fullmatch(one) for one in servers):
        return tuple(servers)
    reading.fault("configuration_server", "a URL, or a list, such as dips://HOST:9135/Configuration/Server")
    return ()


def _catalogue(reading: Reading) -> tuple[Software, ...]:
    """Read the `[[facility.software]]` tables; the workers' shell is there without being named."""
    tables = reading.table.get("software", [])
    if not isinstance(tables, Sequence) or not all(isinstance(table, Mapping) for table in tables):
        reading.fault("software", "[[facility.software]] tables")
        return ()
    entries = [_software(table, n, reading) for n, table in enumerate(tables, 1)]
    if all(entry.name != SHELL for entry in entries):
        entries.append(Software(SHELL, "system", description="The workers' own shell and tools."))
    for name in dict.fromkeys(entry.name for entry in entries):
        versions = [entry for entry in entries if entry.name == name]
        if len({entry.version for entry in versions}) < len(versions):
            reading.faults.append(f"{reading.where}: software {name!r} has one version twice: remove one")
        elif len(versions) == 1:
            entries[entries.index(versions[0])] = replace(versions[0], default=True)
        elif sum(entry.default for entry in versions) != 1:
            reading.faults.append(
                f"{reading.where}: software {name!r} needs `default = true` at exactly one version"
            )
    return tuple(entries)


def _software(table: Mapping[str, Any], number: int, whole: Reading) -> Software:
    reading = Reading(table, f"{whole.where}, software {number}", whole.faults)
    reading.only(_SOFTWARE)
    default = table.get("default", False)
    if not isinstance(default, bool):
        reading.fault("default", "true or false")
    setup = table.get("setup", "")
    if not isinstance(setup, str) or (setup and not setup.startswith("/")) or "\0" in setup:
        reading.fault("setup", "the absolute path of a set-up script on the workers")
    return Software(
        name=reading.text("name"),
        version=reading.text("version"),
        default=bool(default),
        setup=str(setup),
        description=reading.text("description") if "description" in table else None,
    )
