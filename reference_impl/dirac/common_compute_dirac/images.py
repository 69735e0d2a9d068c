"""The image that a job names, as its wrapper looks for it on the worker. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common_compute_connector.references import DOCKER_HUB, Reference
from common_compute_dirac.container_settings import ContainerSettings

_NAMES_OF_DOCKER_HUB = (DOCKER_HUB, "registry.hub.docker.com", "registry-1.docker.io")
"""By which of its names the images of Docker Hub lie in an area is up to who fills it."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image for a job's tasks."""

    settings: ContainerSettings
    reference: Reference

    def for_worker(self) -> dict[str, Any]:
        """Say what `payload/images.py` looks for, and what `payload/containers.py` runs it with."""
        reference = self.reference
        registry, path = reference.registry, reference.repository.partition("/")[2]
        registries = _NAMES_OF_DOCKER_HUB if registry == DOCKER_HUB else (registry,)
        signs = (":", "@") if reference.digest else (":",)
        version = reference.digest or reference.tag
        return {
            "runtime": self.settings.runtime,
            "program": self.settings.program,
            "area": self.settings.images,
            "reference": str(reference),
            "names": [f"{name}/{path}{sign}{version}" for name in registries for sign in signs],
            "digest": reference.digest or "",
        }
