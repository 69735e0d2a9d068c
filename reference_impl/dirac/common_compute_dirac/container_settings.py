"""The settings of containers: the table `[facility.containers]`, about what the grid's workers have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common_compute_connector.references import Reference
from common_compute_dirac.setting_values import Reading

PROGRAMS = {"charliecloud": "ch-run", "apptainer": "apptainer"}
"""The runtimes, and their programs where a worker finds them in its PATH."""

MEMBERS = ("runtime", "program", "images", "probe_image", "catalogue", "container_tags")
_UNSAFE = frozenset(':,"\\\n')
"""What has a meaning in the words by which runtimes are told what to mount where."""


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """What an administrator says about containers; a facility without this table runs none.

    `images` is a directory on the workers in which images lie unpacked. `catalogue` are images in it, for
    people. `container_tags` are tags by which DIRAC chooses workers that have all this.
    """

    runtime: str
    program: str
    images: str
    probe_image: str
    catalogue: tuple[str, ...] = ()
    container_tags: tuple[str, ...] = ()


def read_containers(whole: Reading) -> ContainerSettings | None:
    """Read the table, if it is there; each fault becomes a sentence."""
    reading = whole.inner("containers", MEMBERS)
    if reading is None:
        return None
    runtime = reading.table.get("runtime")
    if runtime not in PROGRAMS:
        reading.fault("runtime", f"what the workers have: {' or '.join(PROGRAMS)}")
    images = reading.text("images", what="the directory on the workers in which images lie unpacked")
    if images and (not images.startswith("/") or _UNSAFE.intersection(images)):
        reading.fault("images", 'an absolute path without : , " or \\')
    return ContainerSettings(
        runtime=str(runtime),
        program=reading.text("program", PROGRAMS.get(str(runtime), "-")),
        images=images.rstrip("/"),
        probe_image=_image(reading, "probe_image", reading.table.get("probe_image")),
        catalogue=_catalogue(reading),
        container_tags=reading.words("container_tags"),
    )


def _catalogue(reading: Reading) -> tuple[str, ...]:
    value = reading.table.get("catalogue", [])
    if not isinstance(value, list):
        reading.fault("catalogue", "a list of images")
        return ()
    return tuple(_image(reading, "catalogue", each) for each in value)


def _image(reading: Reading, name: str, value: Any) -> str:
    try:
        return str(value) if isinstance(value, str) and Reference.read(value) else _fault(reading, name)
    except ValueError:
        return _fault(reading, name)


def _fault(reading: Reading, name: str) -> str:
    reading.fault(name, "an image that is there, such as docker.io/library/busybox:stable")
    return ""
