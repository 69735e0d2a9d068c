"""The settings of a facility's Slurm: the table `[facility.slurm]` into data, all its faults told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from common_compute_rosetta import setting_values as values

SAFE_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")
"""What may follow an option's `=`: names as Slurm has them, none of which means anything to its parsers."""


@dataclass(frozen=True, slots=True)
class SlurmSettings:
    """What an administrator says about Slurm.

    `queues` None is every partition that is found, `projects` None any that Slurm takes; `qos` and
    `constraints` are what jobs may ask for. `requeue` None leaves it to Slurm whether a job is started anew
    after its machine failed. `max_tasks_per_part` must be within Slurm's MaxArraySize.
    """

    path: str | None = None
    conf: str | None = None
    queues: tuple[str, ...] | None = None
    projects: tuple[str, ...] | None = None
    qos: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    exclusive: bool = False
    requeue: bool | None = None
    options: tuple[str, ...] = ()
    max_tasks_per_part: int = 1000
    command_seconds: int = 30
    observe_every_seconds: int = 5
    probe_every_seconds: int = 600


_COUNTS = {
    "max_tasks_per_part": 1,
    "command_seconds": 1,
    "observe_every_seconds": 1,
    "probe_every_seconds": 1,
}
_FLAGS = ("exclusive", "requeue")
_LISTS = ("queues", "projects", "qos", "constraints")
_PATHS = ("path", "conf")
_OURS = (
    "array",
    "chdir",
    "comment",
    "error",
    "export",
    "input",
    "job-name",
    "output",
    "parsable",
    "wrap",
    "test-only",
)
"""Options on which the connector stands."""


def read_slurm(table: Any, where: str, faults: list[str]) -> SlurmSettings:
    """Read the table; each fault becomes a sentence."""
    where = f"{where}, slurm"
    if not isinstance(table, Mapping):
        faults.append(f"{where} must be a table [facility.slurm]")
        return SlurmSettings()
    faults += values.unknown(table, (*_PATHS, *_LISTS, *_FLAGS, *_COUNTS, "options"), where)
    read: dict[str, Any] = {}
    for name, value in table.items():
        here = f"{where}: `{name}`"
        if name in _COUNTS:
            read[name] = values.count(value, _COUNTS[name], here, faults)
        elif name in _FLAGS:
            read[name] = values.flag(value, here, faults)
        elif name in _PATHS:
            read[name] = values.text(value, here, faults)
            if read[name] and not PurePosixPath(read[name]).is_absolute():
                faults.append(f"{here} must be an absolute path there")
        elif name in _LISTS:
            read[name] = values.texts(value, here, faults)
            faults += [
                f"{here}: {word!r} is no name of Slurm's"
                for word in read[name]
                if not SAFE_WORD.fullmatch(word)
            ]
        elif name == "options":
            read[name] = values.texts(value, here, faults)
            faults += [fault for word in read[name] for fault in _option(word, here)]
    return SlurmSettings(**read)


def _option(word: str, where: str) -> list[str]:
    name = word.removeprefix("--").partition("=")[0]
    if not word.startswith("--") or not name:
        return [f"{where}: {word!r} must be one of sbatch's long options, such as --reservation=NAME"]
    if name in _OURS:
        return [f"{where}: --{name} is the connector's own; remove it"]
    return []
