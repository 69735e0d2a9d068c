"""The images that a Rosetta instance offers, as the catalogue of a facility: what it can run. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from common_compute_connector.references import Reference
from common_compute_rosetta.takeover.dump import Computing, Container


def images_for(computing: Computing, containers: Sequence[Container]) -> list[str]:
    """Give the references of the images that everybody may run there, each once, in the dump's order."""
    return list(
        dict.fromkeys(
            each.reference
            for each in containers
            if each.owner is None and can_be_pulled(each.reference) and runs_on(each, computing)
        )
    )


def runs_on(container: Container, computing: Computing) -> bool:
    """Tell whether a computing resource runs an image as it is; one without architecture is for all."""
    return container.arch in (None, computing.arch, *computing.supported_archs)


def can_be_pulled(text: str) -> bool:
    """Tell whether a text is an image that a job can name, in a registry that others know.

    Rosetta's own, such as proxy:5000, has a name in Rosetta's own network alone.
    """
    try:
        reference = Reference.read(text)
    except ValueError:
        return False
    return "." in reference.registry and reference.repository == reference.repository.lower()
