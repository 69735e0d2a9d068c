"""The facility document of a plain host, from its settings and what its machine was found to be. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common_compute_connector.protocol import Document
from common_compute_rosetta.configuration import POSIX_SHELL, Settings, Software
from common_compute_rosetta.records import Machine
from common_compute_rosetta.runtimes.found import Runtime, offered, used

MAX_ENVIRONMENT_BYTES = 100_000
"""Below the longest single variable that Linux takes, so that any variable within the limit fits."""


def facility_document(settings: Settings, machine: Machine | None) -> Document:
    """Give the document; what only the machine can tell is absent as long as it was not asked."""
    runtimes = offered_runtimes(settings, machine)
    return {
        "id": settings.id,
        "name": settings.name,
        "description": _description(settings, runtimes),
        "kind": "rosetta",
        "conforms_to": [
            "core",
            *(["container"] if runtimes else []),
            *("software", "arrays", "ranges", "live-logs"),
            *(["staging"] if stages(settings, machine) else []),
        ],
        "architectures": [machine.architecture] if machine else [],
        "scheduler": {"kind": "none"},
        "container_runtimes": [
            {"name": runtime.name, "version": runtime.version, "image_formats": list(runtime.formats)}
            for runtime in runtimes
        ],
        "queues": [],
        "storage": [
            {"name": one.name, "path": one.path, "kind": one.kind, "shared": one.shared}
            for one in settings.storages
        ],
        "input_url_schemes": _schemes(settings, machine, runtimes),
        "resources": _resources(settings, machine),
        "limits": {
            "max_array_tasks": settings.max_array_tasks,
            "max_inline_total_bytes": settings.max_inline_total_bytes,
            "max_environment_bytes": MAX_ENVIRONMENT_BYTES,
            "result_retention_seconds": settings.result_retention_seconds,
            "stale_after_seconds": settings.stale_after_seconds,
            "lost_after_seconds": settings.lost_after_seconds,
            "cancel_grace_seconds": settings.kill_grace_seconds,
        },
        "reason_codes": _reason_codes(machine, runtimes),
        "credential": {
            "kind": "none",
            "delegation": "service",
            "instructions": "Nothing is needed: jobs run under the account of the service.",
        },
        "probe": {
            "installed": {"kind": "installed", "name": POSIX_SHELL},
            **_probe_image(settings, runtimes),
        },
    }


MAX_IMAGES_NAMED = 40
"""So many images of a catalogue the description names: it is for people."""


def _description(settings: Settings, runtimes: Sequence[Runtime]) -> str:
    """Give the administrator's words, and under them the images of the catalogue, one per line."""
    images = settings.containers.catalogue if settings.containers and runtimes else ()
    if not images:
        return settings.description
    named, more = images[:MAX_IMAGES_NAMED], len(images) - MAX_IMAGES_NAMED
    lines = [f"{settings.description}\n", "Images of use here, beside all others:", *named]
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def offered_runtimes(settings: Settings, machine: Machine | None) -> Sequence[Runtime]:
    """Give the container runtimes that were found and that the settings let be used."""
    if settings.containers is None or machine is None or machine.account is None:
        return ()
    return offered(machine.runtimes, settings.containers.runtimes, machine.directory)


def stages(settings: Settings, machine: Machine | None) -> bool:
    """Tell whether files can come from elsewhere and go there: settings and programs are there for it."""
    if settings.staging is None or machine is None:
        return False
    return set(settings.staging.needs) <= set(machine.programs)


def _schemes(settings: Settings, machine: Machine | None, runtimes: Sequence[Runtime]) -> list[str]:
    """Give the one list that holds for inputs, archives of images and destinations alike."""
    if settings.staging is not None:
        return list(settings.staging.schemes) if stages(settings, machine) else []
    archives = any(set(runtime.formats) - {"oci"} for runtime in runtimes)
    return ["https"] if archives else []


def _probe_image(settings: Settings, runtimes: Sequence[Runtime]) -> dict[str, Any]:
    if not runtimes or settings.containers is None:
        return {}
    return {"container": {"kind": "container", "image": settings.containers.probe_image}}


def software_documents(software: Sequence[Software]) -> list[Document]:
    """Give the catalogue by name, and of each name the newest version first."""
    by_version = sorted(software, key=lambda entry: _age(entry.version), reverse=True)
    return [_software(entry) for entry in sorted(by_version, key=lambda entry: entry.name)]


def _software(entry: Software) -> Document:
    document: dict[str, Any] = {"name": entry.name, "version": entry.version, "default": entry.default}
    if entry.architectures:
        document["architectures"] = list(entry.architectures)
    if entry.description is not None:
        document["description"] = entry.description
    return document


def _age(version: str) -> list[tuple[int, int, str]]:
    """Order versions piece by piece, numbers as numbers; a word after a version makes it an earlier one."""
    pieces = version.replace("-", ".").replace("_", ".").split(".")
    ages = [(1, int(piece), "") if piece.isdecimal() else (0, 0, piece) for piece in pieces]
    return [*ages, (0, 1, "")]


def _resources(settings: Settings, machine: Machine | None) -> dict[str, Any]:
    cores = {"max": machine.cores} if machine else {}
    memory = settings.max_memory_bytes or (machine.memory_bytes if machine else None)
    return {
        "cpu_cores": {"support": "advisory", **cores},
        "memory_bytes": _enforced(memory, settings.default_memory_bytes),
        "wall_time_seconds": _enforced(settings.max_wall_time_seconds, settings.default_wall_time_seconds),
        "architecture": {"support": "enforced"},
        "gpus": {"support": "unsupported"},
        "queue": {"support": "unsupported"},
        "site": {"support": "unsupported"},
    }


def _enforced(most: int | None, default: int | None) -> dict[str, Any]:
    told: dict[str, Any] = {"support": "enforced"}
    if most is not None:
        told["max"] = most
    if default is not None:
        told["default"] = default
    return told


def _reason_codes(machine: Machine | None, runtimes: Sequence[Runtime]) -> list[str]:
    codes = [
        "exit-nonzero",
        "wall-time-exceeded",
        "out-of-memory",
        "node-failure",
        "input-unavailable",
        "software-unavailable",
        "command-not-found",
        "output-missing",
        "results-lost",
        "submission-rejected",
        "lost",
        "cancelled-by-user",
    ]
    # Without a reaper a death by signal n is told as exit code 128+n, and where a runtime stands between.
    exact = all(runtime.exact_signals for runtime in used(runtimes))
    if machine is not None and machine.reaper != "none" and exact:
        codes.insert(1, "signal")
    if runtimes:
        codes.insert(-5, "image-unavailable")
    return codes
