"""A part as one of DIRAC's job descriptions. Pure; nothing that a caller has written gets into it.

What the command is, its environment and its files are in the input sandbox (`packing.py`). A description
names the part, so that DIRAC can be asked for it, and what the job needs of a worker. A part of several tasks
is parametric: DIRAC puts each job's place in the part where `%n` stands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common_compute_connector.protocol import PartKey
from common_compute_dirac.settings import Settings

LAUNCHER = "cc-launch.sh"
OUTPUT = "cc-output.tar"
WRAPPER_WORDS = "cc-wrapper.err"

_MEBIBYTE = 1024 * 1024
_SAFE = re.compile(r"[A-Za-z0-9_.:@+-]{1,128}")
_NAME = re.compile(r"(?P<service>[^\s]+)\.(?P<job_id>[a-z0-9-]{1,32})\.(?P<part>\d+)\.(?P<place>\d+)")
_LONGEST_SERVICE = 64
"""JobName has 128 characters, of which our id, the part and the place take at most 32, 10 and 10."""


class NoSafeWord(ValueError):
    """A word that would not stay one word in a description."""


@dataclass(frozen=True, slots=True)
class NativeName:
    """What is in a job's name: which part's which task."""

    key: PartKey
    place: int


def group_name(job_id: str) -> str:
    """Give the JobGroup of all jobs of ours: at most 32 characters, lower case, as our ids are."""
    return job_id


def job_name(service_id: str, key: PartKey, place: str) -> str:
    """Give a JobName. DIRAC compares names without regard to case: ours differ in more than that."""
    service = re.sub(r"[^A-Za-z0-9_-]", "-", service_id)[:_LONGEST_SERVICE]
    return f"{service}.{key.job_id}.{key.number}.{place}"


def read_name(name: str, service_id: str) -> NativeName | None:
    """Read a JobName; None if it is no name of this service's."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    key = PartKey(found["job_id"], int(found["part"]))
    ours = job_name(service_id, key, found["place"])
    return NativeName(key, int(found["place"])) if name == ours else None


def description(
    settings: Settings, service_id: str, key: PartKey, task_count: int, spec: Mapping[str, Any]
) -> str:
    """Write the description of a part.

    Raises:
        NoSafeWord: a site or platform is not one word.
    """
    resources = spec.get("resources", {})
    wishes = spec.get("backend_parameters", {})
    place = "%n" if task_count > 1 else "0"
    cores = int(resources.get("cpu_cores", 1))
    lines = {
        "JobName": _text(job_name(service_id, key, place)),
        "JobGroup": _text(group_name(key.job_id)),
        "Executable": _text(LAUNCHER),
        "Arguments": _text(place),
        "StdOutput": _text("cc-wrapper.out"),
        "StdError": _text(WRAPPER_WORDS),
        "OutputSandbox": _texts(OUTPUT, WRAPPER_WORDS),
        "CPUTime": str(cpu_time(settings, wall_time_seconds(settings, spec), cores)),
    }
    if task_count > 1:
        lines["Parameters"] = str(task_count)
    if cores > 1:
        lines["NumberOfProcessors"] = str(cores)
    if "memory_bytes" in resources:
        lines["MinRAM"] = str(math.ceil(int(resources["memory_bytes"]) / _MEBIBYTE))
    if "site" in resources:
        lines["Site"] = _text(_word(resources["site"]))
    elif settings.sites:
        lines["Site"] = _texts(*map(_word, settings.sites))
    platform = wishes.get("Platform", settings.platform)
    if platform:
        lines["Platform"] = _text(_word(platform))
    if "Priority" in wishes:
        lines["Priority"] = str(int(wishes["Priority"]))
    if wishes.get("BannedSites"):
        lines["BannedSites"] = _texts(*map(_word, wishes["BannedSites"]))
    tags = list(settings.tags)
    if settings.containers and spec["software"]["kind"] == "container":
        tags += settings.containers.container_tags
    if tags:
        lines["Tags"] = _texts(*map(_word, dict.fromkeys(tags)))
    return "[\n" + "".join(f"{name} = {value};\n" for name, value in lines.items()) + "]"


def wall_time_seconds(settings: Settings, spec: Mapping[str, Any]) -> int:
    """Give the wall time that the wrapper enforces."""
    wished = spec.get("resources", {}).get("wall_time_seconds")
    return math.ceil(wished) if wished is not None else settings.default_wall_time_seconds


def cpu_time(settings: Settings, wall_seconds: int, cores: int) -> int:
    """Give what DIRAC takes in the place of a wall time: normalised CPU seconds, within its limits."""
    wished = math.ceil(wall_seconds * cores * settings.cpu_time_factor)
    return min(max(wished, settings.min_cpu_time), settings.max_cpu_time)


def _word(value: Any) -> str:
    if not isinstance(value, str) or _SAFE.fullmatch(value) is None:
        raise NoSafeWord(str(value))
    return value


def _text(value: str) -> str:
    return f'"{value}"'


def _texts(*values: str) -> str:
    return "{" + ", ".join(map(_text, values)) + "}"
