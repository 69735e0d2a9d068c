"""What a facility makes of a task's wishes: its number there, the site, the host, the image's digest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from common_compute_connector.jobs import Resolved
from common_compute_connector.protocol import PartKey
from common_compute_mocks.chance import Draw, chance_of
from common_compute_mocks.flavours import Flavour

_NEVER_RESOLVED = re.compile(r"[A-Za-z0-9.-]*\.invalid(:[0-9]+)?/")
"""Names below .invalid exist nowhere, RFC 2606: an image there is one that cannot be had."""

_DIGEST_OF_NOTHING = re.compile(r".*@sha256:([0-9a-f])\1{63}")
"""No image can be expected to have a digest of one repeated digit."""


def native_id(flavour: Flavour, key: PartKey, index: int, *, of_array: bool) -> str:
    """Give a task's number at the facility."""
    form = flavour.native_id
    base = form.least + int(chance_of(key.job_id, key.number)("native id") * form.count)
    chosen = form.array if of_array else form.single
    return chosen.format(base=base, index=index, number=base + index)


def image_is_missing(image: str) -> bool:
    """Tell whether an image cannot be had."""
    return bool(_NEVER_RESOLVED.match(image) or _DIGEST_OF_NOTHING.fullmatch(image))


def resolve(flavour: Flavour, spec: Mapping[str, Any], draw: Draw) -> Resolved:
    """Say where a task runs, and exactly what."""
    software = spec["software"]
    image = software.get("image")
    version = software.get("version") or (
        flavour.default_version(software["name"]) if software["kind"] == "installed" else None
    )
    return Resolved(
        image_digest=_digest(image) if image else None,
        software_version=version,
        site=_site(flavour, spec, draw),
        host=flavour.hosts[int(draw("host") * len(flavour.hosts))],
    )


def _digest(image: str) -> str:
    pinned: str = image.rpartition("@")[2]
    return pinned if "@" in image else "sha256:" + sha256(image.encode()).hexdigest()


def _site(flavour: Flavour, spec: Mapping[str, Any], draw: Draw) -> str | None:
    wanted: str | None = spec.get("resources", {}).get("site")
    banned = spec.get("backend_parameters", {}).get("BannedSites", [])
    sites = [site for site in flavour.facility.get("sites", []) if site not in banned]
    return wanted or (sites[int(draw("site") * len(sites))] if sites else None)
