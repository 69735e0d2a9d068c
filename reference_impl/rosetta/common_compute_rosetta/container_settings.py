"""The settings of containers: the table `[facility.containers]` into data, all its faults told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from common_compute_connector.references import Reference, registry_name
from common_compute_rosetta import setting_values as values
from common_compute_rosetta.runtimes.found import NAMES, UNSAFE_SIGNS
from common_compute_rosetta.staging_settings import ANY_PUBLIC_HOST, read_hosts

_GIB = 1024**3

DEFAULT_PROBE_IMAGE = "docker.io/library/busybox:stable"


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """What an administrator says about containers; a facility without this table runs none.

    `runtimes` None is all that are found, in their usual order; `registries` None is any. `images` is a
    directory there, None is one beside the jobs. `authorities` is the text of a file of certificates.
    `archive_hosts` are the hosts that archives come from, named as staging's `hosts` are. `catalogue` are
    images that are known to be of use there, for people; others can be run as well.
    """

    runtimes: tuple[str, ...] | None = None
    images: str | None = None
    registries: tuple[str, ...] | None = None
    authorities: str = ""
    keep_days: int = 30
    max_archive_bytes: int = 20 * _GIB
    archive_hosts: tuple[str, ...] = (ANY_PUBLIC_HOST,)
    probe_image: str = DEFAULT_PROBE_IMAGE
    catalogue: tuple[str, ...] = ()


_MEMBERS = (
    "runtimes",
    "images",
    "registries",
    "ca_file",
    "keep_days",
    "max_archive_bytes",
    "archive_hosts",
    "probe_image",
    "catalogue",
)


def read_containers(table: Any, root: str, where: str, faults: list[str]) -> ContainerSettings | None:
    """Read the table; `root` is the directory of the facility's jobs."""
    if not isinstance(table, Mapping):
        faults.append(f"{where}: `containers` must be a table: [facility.containers]")
        return None
    where = f"{where}, containers"
    faults += values.unknown(table, _MEMBERS, where)
    read: dict[str, Any] = {}
    for name in ("keep_days", "max_archive_bytes"):
        if name in table:
            read[name] = values.count(table[name], 1, f"{where}: `{name}`", faults)
    if "runtimes" in table:
        read["runtimes"] = values.texts(table["runtimes"], f"{where}: `runtimes`", faults)
        faults += [
            f"{where}: there is no runtime {name!r}; there are {', '.join(NAMES)}"
            for name in read["runtimes"]
            if name not in NAMES
        ]
    if "registries" in table:
        named = values.texts(table["registries"], f"{where}: `registries`", faults)
        read["registries"] = tuple(registry_name(name) for name in named)
        faults += [
            f"{where}: {name!r} is no registry; name its host alone, such as docker.io"
            for name in named
            if "/" in name
        ]
    if "archive_hosts" in table:
        read["archive_hosts"] = read_hosts(table, "archive_hosts", where, faults)
    if "images" in table:
        read["images"] = _directory(table["images"], f"{where}: `images`", faults)
    if "ca_file" in table:
        read["authorities"] = values.certificates(table["ca_file"], f"{where}: `ca_file`", faults)
    if any(sign in root for sign in UNSAFE_SIGNS):
        faults.append(f'{where}: `root` cannot be mounted in containers: choose one without : , " or \\')
    _probe(table, read, where, faults)
    if "catalogue" in table:
        read["catalogue"] = values.texts(table["catalogue"], f"{where}: `catalogue`", faults)
        faults += [
            fault for image in read["catalogue"] for fault in _of_image(image, read.get("registries"), where)
        ]
    return ContainerSettings(**read)


def _probe(table: Mapping[str, Any], read: dict[str, Any], where: str, faults: list[str]) -> None:
    image = DEFAULT_PROBE_IMAGE
    if "probe_image" in table:
        image = read["probe_image"] = values.text(table["probe_image"], f"{where}: `probe_image`", faults)
    try:
        registry = Reference.read(image).registry
    except ValueError:
        faults.append(f"{where}: `probe_image` must be an image, such as docker.io/library/busybox:stable")
        return
    registries = read.get("registries")
    if registries is not None and registry not in registries:
        faults.append(
            f"{where}: `probe_image` must name an image in one of the `registries`, in which /bin/sh and the "
            f"usual tools work: by it everybody can try the facility; {image} is none of theirs"
        )


def _of_image(image: str, registries: Sequence[str] | None, where: str) -> list[str]:
    try:
        registry = Reference.read(image).registry
    except ValueError:
        return [f"{where}: {image!r} in the `catalogue` must be an image, such as docker.io/debian:12"]
    if registries is not None and registry not in registries:
        return [f"{where}: {image!r} in the `catalogue` is in none of the `registries`, so nobody can run it"]
    return []


def _directory(value: Any, where: str, faults: list[str]) -> str:
    path = values.text(value, where, faults)
    if path and (not PurePosixPath(path).is_absolute() or any(sign in path for sign in UNSAFE_SIGNS)):
        faults.append(f'{where} must be an absolute path there, without : , " or \\')
    return path
