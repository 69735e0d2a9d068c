"""References of container images, in full: the registry and the path that short ones stand for. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

DOCKER_HUB = "docker.io"

_FORM = re.compile(
    r"(?P<path>[A-Za-z0-9\[][A-Za-z0-9._:/\[\]-]*?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9A-Fa-f]{32,128}))?"
)
"""The contract's own pattern is stricter, and what comes from outside was held against it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in a registry: `repository` begins with the registry; a digest counts more than a tag."""

    repository: str
    tag: str
    digest: str | None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a reference as docker does: without dot or colon before the first slash it is Docker Hub's.

        Raises:
            ValueError: it is none.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(text)
        first, slash, rest = found["path"].partition("/")
        if not slash:
            first, rest = DOCKER_HUB, f"library/{first}"
        elif not ("." in first or ":" in first or first == "localhost" or first != first.lower()):
            first, rest = DOCKER_HUB, found["path"]
        elif registry_name(first) == DOCKER_HUB and "/" not in rest:
            rest = f"library/{rest}"
        digest = found["digest"].lower() if found["digest"] else None
        return cls(f"{registry_name(first)}/{rest}", found["tag"] or "latest", digest)

    @property
    def registry(self) -> str:
        """Give the registry, with its port if one is named."""
        return self.repository.partition("/")[0]

    def __str__(self) -> str:
        if self.digest is not None:
            return f"{self.repository}@{self.digest}"
        return f"{self.repository}:{self.tag}"


def registry_name(host: str) -> str:
    """Give the one name of a registry that has several."""
    name = host.lower()
    return DOCKER_HUB if name in ("index.docker.io", "registry-1.docker.io") else name
