"""The facility document of a DIRAC, from its settings and what its configuration server says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common_compute_connector.protocol import Document
from common_compute_dirac import states
from common_compute_dirac.settings import SHELL, Settings, Software
from common_compute_dirac.staging_settings import SCHEME

_MEBIBYTE = 1024 * 1024
_OF_AN_ARCHIVE = 256 * 1024
"""What archives take beside what is in them, and a compression that makes random bytes no smaller."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the configuration server says; sizes in bytes. The defaults are DIRAC's own."""

    version: str | None = None
    sites: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    max_parametric_jobs: int = 20
    max_sandbox_bytes: int = 10 * _MEBIBYTE
    vo_of_group: Mapping[str, str | None] | None = None
    file_catalogs: tuple[str, ...] = ()
    storage_elements: tuple[str, ...] = ()


def read_facts(told: Mapping[str, Any]) -> Facts:
    """Read what client.py's `describe` gives."""
    return Facts(
        version=str(told["version"]),
        sites=tuple(map(str, told["sites"])),
        platforms=tuple(map(str, told["platforms"])),
        max_parametric_jobs=int(told["max_parametric_jobs"]),
        max_sandbox_bytes=int(told["max_sandbox_bytes"]),
        vo_of_group=dict(told["groups"]),
        file_catalogs=tuple(map(str, told["file_catalogs"])),
        storage_elements=tuple(map(str, told["storage_elements"])),
    )


def max_tasks_per_part(settings: Settings, facts: Facts | None) -> int:
    """Give how many jobs one description may make."""
    return (
        min(settings.max_tasks_per_part, facts.max_parametric_jobs) if facts else settings.max_tasks_per_part
    )


def max_results_bytes(settings: Settings, facts: Facts) -> int:
    """Give how many bytes of a task's results come home: what an output sandbox has left beside the logs."""
    left = facts.max_sandbox_bytes - 2 * settings.max_log_bytes - _OF_AN_ARCHIVE
    return max(min(settings.max_results_bytes, left), 0)


def faults(settings: Settings, facts: Facts) -> list[str]:
    """Say what of the settings cannot be there, as DIRAC's configuration has it."""
    told = [f"there is no site {site}" for site in settings.sites if site not in facts.sites]
    for group in settings.delegation.groups:
        vo = (facts.vo_of_group or {}).get(group)
        if group not in (facts.vo_of_group or {}):
            told.append(f"there is no group {group}")
        elif vo != settings.vo:
            told.append(f"the group {group} is of the VO {vo}, not of {settings.vo}")
    if settings.staging is not None:
        if not facts.file_catalogs:
            told.append(f"{settings.vo} has no file catalogue")
        if settings.staging.storage_element not in facts.storage_elements:
            told.append(f"there is no storage element {settings.staging.storage_element}")
    return told


def stages(settings: Settings, facts: Facts) -> bool:
    """Tell whether files can come from the grid and go there: all that it takes is there."""
    staging = settings.staging
    return (
        staging is not None
        and bool(facts.file_catalogs)
        and staging.storage_element in facts.storage_elements
    )


def facility_document(settings: Settings, facts: Facts | None) -> Document:
    """Give the document; what only the configuration server can tell is absent before it was asked."""
    known = facts or Facts()
    enrols = settings.delegation.kind != "service"
    containers, staged = settings.containers, stages(settings, known)
    sites = list(settings.sites or known.sites)
    document: dict[str, Any] = {
        "id": settings.id,
        "name": settings.name,
        "description": _description(settings),
        "kind": "dirac",
        "conforms_to": [
            *("core", *(["container"] if containers else []), "software", "arrays", "ranges"),
            *(["staging"] if staged else []),
            *(["credentials"] if enrols else []),
        ],
        "architectures": list(settings.architectures),
        "scheduler": {"kind": "dirac", **({"version": known.version} if known.version else {})},
        "container_runtimes": [{"name": containers.runtime, "image_formats": ["oci"]}] if containers else [],
        "queues": [],
        "sites": sites,
        "storage": [],
        "input_url_schemes": [SCHEME] if staged else [],
        "resources": _resources(settings, sites),
        "limits": {
            "max_array_tasks": settings.max_array_tasks,
            "max_inline_total_bytes": settings.max_inline_total_bytes,
            "max_environment_bytes": settings.max_environment_bytes,
            "max_results_bytes": max_results_bytes(settings, known),
            "max_log_bytes": settings.max_log_bytes,
            "result_retention_seconds": settings.result_retention_seconds,
            "stale_after_seconds": settings.stale_after_seconds,
            "lost_after_seconds": settings.lost_after_seconds,
            "cancel_grace_seconds": settings.heartbeat_seconds,
        },
        "reason_codes": [*states.REASON_CODES, *(["image-unavailable"] if containers else [])],
        "backend_parameters": {
            "type": "object",
            "additionalProperties": False,
            "properties": _parameters(known, sites),
        },
        "credential": {
            "kind": "x509_proxy",
            "delegation": settings.delegation.kind,
            "instructions": _instructions(settings),
        },
        "grid": {"vo": settings.vo, "group": settings.group},
        "endpoints": [
            {
                "name": "configuration",
                "url": server,
                "description": "The configuration server, for DIRAC's own client.",
            }
            for server in settings.servers
        ],
        "probe": {
            "installed": {"kind": "installed", "name": SHELL},
            **({"container": {"kind": "container", "image": containers.probe_image}} if containers else {}),
        },
    }
    wrong = faults(settings, facts) if facts else []
    if wrong:
        document["status"] = {"state": "degraded", "message": f"By DIRAC's configuration {'; '.join(wrong)}."}
    return document


def _description(settings: Settings) -> str:
    """Give the administrator's words, and under them the images that there are, one per line."""
    images = settings.containers.catalogue if settings.containers else ()
    if not images:
        return settings.description
    return "\n".join([f"{settings.description}\n", "Images that are there:", *images])


def _resources(settings: Settings, sites: Sequence[str]) -> dict[str, Any]:
    unsupported = {"support": "unsupported"}
    return {
        "cpu_cores": {"support": "advisory", "max": settings.max_cpu_cores, "default": 1},
        "memory_bytes": {
            "support": "advisory",
            "max": settings.max_memory_bytes,
            "granularity": _MEBIBYTE,
        },
        "wall_time_seconds": {
            "support": "enforced",
            "max": settings.max_wall_time_seconds,
            "default": settings.default_wall_time_seconds,
        },
        "site": {"support": "enforced"} if sites else unsupported,
        "gpus": unsupported,
        "architecture": unsupported,
        "queue": unsupported,
    }


def _parameters(facts: Facts, sites: Sequence[str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {"Priority": {"type": "integer", "minimum": 0, "maximum": 10}}
    if sites:
        parameters["BannedSites"] = {"type": "array", "items": {"type": "string", "enum": list(sites)}}
    if facts.platforms:
        parameters["Platform"] = {"type": "string", "enum": list(facts.platforms)}
    return parameters


def _instructions(settings: Settings) -> str:
    if settings.delegation.kind == "service":
        return "Nothing is needed: jobs run as a user of the platform's."
    return (
        f"Set up your credential with the subject of your certificate and your group in {settings.vo}, "
        f"and upload a proxy of the certificate to DIRAC: dirac-proxy-init -g {settings.group}"
    )


def software_documents(software: Sequence[Software]) -> list[Document]:
    """Give the catalogue by name, and of each name the newest version first."""
    by_version = sorted(software, key=lambda entry: _age(entry.version), reverse=True)
    return [_software(entry) for entry in sorted(by_version, key=lambda entry: entry.name)]


def find_software(software: Sequence[Software], wish: Mapping[str, Any]) -> Software | None:
    """Give the entry that a job's `software` means; None if there is none any more."""
    version = wish.get("version")
    for entry in software:
        if entry.name == wish["name"] and (entry.default if version is None else entry.version == version):
            return entry
    return None


def _software(entry: Software) -> Document:
    document: dict[str, Any] = {"name": entry.name, "version": entry.version, "default": entry.default}
    if entry.description is not None:
        document["description"] = entry.description
    return document


def _age(version: str) -> list[tuple[int, int, str]]:
    """Order versions piece by piece, numbers as numbers, which are newer than words."""
    pieces = version.removeprefix("v").replace("-", ".").replace("_", ".").split(".")
    ages = [(1, int(piece), "") if piece.isdecimal() else (0, 0, piece) for piece in pieces]
    return [*ages, (0, 1, "")]
