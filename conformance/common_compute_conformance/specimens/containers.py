"""Jobs in a container image that is named by its digest."""

from __future__ import annotations

from common_compute_conformance.errors import NotApplicable
from common_compute_conformance.specimens.recipes import Body, Occasion, job, recipe

UNKNOWN_DIGEST = "sha256:" + 64 * "0"
"""No image can be expected to have it."""


def at_digest(image: str, digest: str) -> str:
    """Return the reference of an image by its digest, without the tag or digest that it was named by."""
    name = image.partition("@")[0]
    folder, _, last = name.rpartition("/")
    path = f"{folder}/{last.partition(':')[0]}" if folder else last.partition(":")[0]
    return f"{path}@{digest}"


@recipe("unknown-digest")
def _unknown_digest(occasion: Occasion) -> Body:
    return in_image(occasion, UNKNOWN_DIGEST)


def in_image(occasion: Occasion, digest: str) -> Body:
    """Return a small job in the probe's image by a digest."""
    probe = occasion.target.probes.get("container", {})
    if "image" not in probe:
        raise NotApplicable("the facility's probe names no image of a registry")
    software = {"kind": "container", "image": at_digest(str(probe["image"]), digest)}
    return {**job(occasion.target, "printf", "%s", "x"), "software": software}
