"""From a submission to what the host is sent, or to the words why it never will be. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from common_compute_connector.jobs import Reason, Resolved
from common_compute_connector.plan import TaskPlan, plan_task
from common_compute_connector.protocol import Refused, Submission
from common_compute_rosetta.configuration import Settings, Software
from common_compute_rosetta.destinations import destination_fault
from common_compute_rosetta.process import Surroundings, too_long
from common_compute_rosetta.runtimes.start import Container, unfit
from common_compute_rosetta.sandbox import Limits, Sandbox, pack_part
from common_compute_rosetta.staging import Elsewhere, Fetched


def pack(
    submission: Submission,
    settings: Settings,
    base: str,
    container: Container | None = None,
    fetched: Fetched | None = None,
) -> Sandbox | Refused:
    """Make a part's sandbox, to run in a container or without; `base` is the service's directory there."""
    part, spec = submission.part, submission.spec
    software = None if container else choose_software(settings, spec["software"])
    if container is None and software is None:
        detail = "the catalogue no longer has this software"
        return Refused(part.key, Reason("software-unavailable", detail))
    plans = [plan_task(spec, part.key.job_id, index) for index in part.indices]
    reason = _refusal(plans, container)
    if reason is not None:
        return Refused(part.key, reason)
    unfit_destination = destination_fault(spec)
    if unfit_destination is not None:
        return Refused(part.key, Reason("submission-rejected", unfit_destination))
    elsewhere = Elsewhere(plans, fetched, settings.storages)
    unavailable = elsewhere.refusal()
    if unavailable is not None:
        return Refused(part.key, Reason("input-unavailable", unavailable))
    wishes = spec.get("resources", {})
    limits = Limits(
        wishes.get("wall_time_seconds") or settings.default_wall_time_seconds or 0,
        wishes.get("memory_bytes") or settings.default_memory_bytes or 0,
        settings.kill_grace_seconds,
    )
    surroundings = Surroundings(settings.path, settings.lang, software.setup if software else "")
    gpus = wishes.get("gpus") or 0
    handle = make_handle(software, container, is_array="array" in spec)
    return pack_part(
        part.key, plans, base, handle, limits, surroundings, container, gpus, elsewhere.source_of
    )


def choose_software(settings: Settings, wanted: Mapping[str, str]) -> Software | None:
    """Find an installed software in the catalogue, without a version its default one."""
    version = wanted.get("version")
    for entry in settings.software:
        if wanted["kind"] == "installed" and entry.name == wanted["name"]:
            if version is None and entry.default:
                return entry
            if version == entry.version:
                return entry
    return None


def make_handle(
    software: Software | None, container: Container | None = None, *, is_array: bool = False
) -> str:
    """Write what is to be remembered of an accepted part."""
    told: dict[str, object] = {"software_version": software.version} if software else {}
    if container:
        told["image_digest"] = container.image.digest
    if is_array:
        told["is_array"] = True
    return json.dumps(told)


def is_of_array(handle: str | None) -> bool:
    """Read from a handle whether its job is an array."""
    return bool(handle and json.loads(handle).get("is_array"))


def resolve(resolved: Resolved, handle: str | None) -> Resolved:
    """Add to what is known of a task what the handle of its part remembers."""
    told = json.loads(handle) if handle else {}
    return replace(
        resolved,
        software_version=told.get("software_version"),
        image_digest=told.get("image_digest"),
    )


def software_version(handle: str | None) -> str | None:
    """Read the version from a handle."""
    version = json.loads(handle).get("software_version") if handle else None
    return version if isinstance(version, str) else None


def _refusal(plans: Sequence[TaskPlan], container: Container | None) -> Reason | None:
    unfitting = unfit(container, plans) if container else None
    if unfitting is not None:
        return Reason("submission-rejected", unfitting)
    for plan in plans:
        detail = too_long(plan)
        if detail is not None:
            return Reason("submission-rejected", detail)
    return None
