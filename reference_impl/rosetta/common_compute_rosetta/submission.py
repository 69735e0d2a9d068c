"""From a submission to what the host is sent, or to the words why it never will be. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from common_compute_connector.jobs import Reason
from common_compute_connector.plan import TaskPlan, plan_task
from common_compute_connector.protocol import Refused, Submission
from common_compute_rosetta.configuration import Settings, Software
from common_compute_rosetta.process import Surroundings, too_long
from common_compute_rosetta.sandbox import Limits, Sandbox, pack_part


def pack(submission: Submission, settings: Settings, base: str) -> Sandbox | Refused:
    """Make a part's sandbox; `base` is the service's directory on the host."""
    part, spec = submission.part, submission.spec
    software = choose_software(settings, spec["software"])
    if software is None:
        detail = "the catalogue no longer has this software"
        return Refused(part.key, Reason("software-unavailable", detail))
    plans = [plan_task(spec, part.key.job_id, index) for index in part.indices]
    reason = _refusal(plans)
    if reason is not None:
        return Refused(part.key, reason)
    wishes = spec.get("resources", {})
    limits = Limits(
        wishes.get("wall_time_seconds") or settings.default_wall_time_seconds or 0,
        wishes.get("memory_bytes") or settings.default_memory_bytes or 0,
        settings.kill_grace_seconds,
    )
    surroundings = Surroundings(settings.path, settings.lang, software.setup)
    return pack_part(part.key, plans, base, make_handle(software), limits, surroundings)


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


def make_handle(software: Software) -> str:
    """Write what is to be remembered of an accepted part."""
    return json.dumps({"software_version": software.version})


def software_version(handle: str | None) -> str | None:
    """Read the version from a handle."""
    version = json.loads(handle).get("software_version") if handle else None
    return version if isinstance(version, str) else None


def _refusal(plans: Sequence[TaskPlan]) -> Reason | None:
    for plan in plans:
        detail = too_long(plan)
        if detail is not None:
            return Reason("submission-rejected", detail)
        remote = [entry.path for entry in plan.inputs if entry.content is None]
        if remote:
            return Reason(
                "input-unavailable", f"{remote[0]!r} is not inline, and nothing else is fetched here"
            )
    return None
