"""Jobs that are there before a mock starts: what once happened at a real facility, read into records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from common_compute_connector.jobs import Native, Resolved, TaskSeen
from common_compute_mocks.flavours import Flavour
from common_compute_mocks.server.past_jobs import PastJob


@cache
def names() -> Sequence[str]:
    """Name the histories."""
    entries = files(__name__).iterdir()
    return sorted(entry.name.removesuffix(".yaml") for entry in entries if entry.name.endswith(".yaml"))


def past_jobs(name: str, flavour: Flavour, facility_id: str, owner: str, now: datetime) -> list[PastJob]:
    """Give those jobs of a history that were at a facility of this flavour, the oldest first.

    `name` is one of `names()`.
    """
    entries = [entry for entry in _entries(name) if entry["flavour"] == flavour.name]
    entries.sort(key=lambda entry: float(entry["submitted_seconds_ago"]), reverse=True)
    return [_job(entry, flavour, facility_id, owner, now) for entry in entries]


@cache
def _entries(name: str) -> Sequence[Mapping[str, Any]]:
    text = files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    entries: list[Mapping[str, Any]] = yaml.safe_load(text)
    return entries


def _job(entry: Mapping[str, Any], flavour: Flavour, facility_id: str, owner: str, now: datetime) -> PastJob:
    created_at = now - timedelta(seconds=entry["submitted_seconds_ago"])
    return PastJob(
        facility_id,
        owner,
        {"facility_id": facility_id, **entry["spec"]},
        created_at,
        _seen(entry, flavour, created_at),
        {path: (told["media_type"], told["text"].encode()) for path, told in entry["results"].items()},
        {stream: text.encode() for stream, text in entry["logs"].items()},
    )


def _seen(
    entry: Mapping[str, Any], flavour: Flavour, created_at: datetime
) -> list[tuple[datetime, TaskSeen]]:
    """Read what the facility showed; start and end are when that was seen."""
    software = entry["spec"]["software"]
    version = software.get("version") or flavour.default_version(software.get("name", ""))
    where = Resolved(software_version=version, site=entry["site"])
    return [
        (
            created_at + timedelta(seconds=sight["after_seconds"]),
            TaskSeen(
                0,
                flavour.state_of(sight["state"]),
                exit_code=sight.get("exit_code"),
                native=Native(entry["native_id"], sight["state"], sight["detail"]),
                resolved=where,
            ),
        )
        for sight in entry["seen"]
    ]
