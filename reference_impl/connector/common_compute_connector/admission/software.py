"""The software that a job wants, held against the facility's runtimes and catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from common_compute_connector.admission.offer import Offer
from common_compute_connector.admission.sound import Sound
from common_compute_connector.admission.verdicts import scheme_of, unlisted_scheme, unsupported
from common_compute_connector.errors import Fault

_CLASS_OF_KIND = {"container": "container", "installed": "software"}


def software_faults(sound: Sound, offer: Offer) -> Iterator[Fault]:
    """Name what is not there of the software that a job wants."""
    if sound.software is None:
        return
    kind = sound.software["kind"]
    if _CLASS_OF_KIND[kind] not in offer.classes:
        yield unsupported(["software", "kind"], f"The facility runs no software of the kind {kind}.")
    elif kind == "installed":
        yield from _installed_faults(sound, offer)
    else:
        yield from _container_faults(sound, offer)


def _container_faults(sound: Sound, offer: Offer) -> Iterator[Fault]:
    software = sound.software or {}
    formats = {
        image_format
        for runtime in offer.document["container_runtimes"]
        for image_format in runtime["image_formats"]
    }
    archive = software.get("image_archive")
    if archive is None:
        if "oci" not in formats:
            yield unsupported(["software", "image"], "No container runtime there takes images of a registry.")
        return
    place = ["software", "image_archive"]
    if archive["format"] not in formats:
        yield unsupported([*place, "format"], "No container runtime there takes archives of this format.")
    schemes = offer.document["input_url_schemes"]
    if scheme_of(archive["url"]) not in schemes:
        yield unlisted_scheme([*place, "url"], schemes)


def _installed_faults(sound: Sound, offer: Offer) -> Iterator[Fault]:
    software = sound.software or {}
    named = [entry for entry in offer.software if entry["name"] == software["name"]]
    if not named:
        detail = "The facility's catalogue has no software of this name; list_software gives it."
        yield Fault("unknown-software", detail, pointer="/software/name")
        return
    version = software.get("version")
    meant = [
        entry for entry in named if (entry["default"] if version is None else entry["version"] == version)
    ]
    if not meant:
        versions = ", ".join(str(entry["version"]) for entry in named)
        yield Fault(
            "unknown-software", f"It is there in the versions {versions}.", pointer="/software/version"
        )
        return
    built_for = [name for entry in meant for name in entry.get("architectures", ())]
    there, wanted = offer.document["architectures"], sound.resources.get("architecture")
    detail = f"This software is there for {', '.join(built_for)}."
    if built_for and there and not set(there) & set(built_for):
        member = "name" if version is None else "version"
        yield unsupported(["software", member], f"{detail} No node there is of that architecture.")
    elif built_for and wanted in there and wanted not in built_for:
        yield unsupported(["resources", "architecture"], detail)
