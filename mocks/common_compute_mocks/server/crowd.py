"""Thousands of jobs that somebody ran in the past days, for lists that have to be paged and searched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from common_compute_connector.jobs import Ending, Native, State, TaskSeen
from common_compute_mocks.chance import chance_of
from common_compute_mocks.endings import cancelled_ending, exited, last_word
from common_compute_mocks.flavours import Flavour
from common_compute_mocks.server.past_jobs import PastJob

_WITH_BYTES = 25
_YOUNGEST_DAYS = 8
_SPAN_DAYS = 4
"""Results are kept for a week and jobs for two: most of a crowd's jobs are known, and their bytes gone."""

_SUCCEED, _FAIL = 0.8, 0.95
_CAMPAIGNS = ("geminga-2025", "crab-nebula", "m87", "survey-north")


def crowd(
    flavour: Flavour, facility_id: str, owner: str, count: int, now: datetime, seed: int
) -> list[PastJob]:
    """Make up past jobs, the oldest first; the last ones ended within the last hour and have their bytes."""
    return [_job(flavour, facility_id, owner, number, count, now, seed) for number in range(count)]


def _job(
    flavour: Flavour, facility_id: str, owner: str, number: int, count: int, now: datetime, seed: int
) -> PastJob:
    draw = chance_of(seed, "crowd", facility_id, number)
    left = count - number
    if recent := left <= _WITH_BYTES:
        created_at = now - timedelta(minutes=2 * left)
    else:
        created_at = now - timedelta(days=_YOUNGEST_DAYS) - timedelta(days=_SPAN_DAYS) * (left / count)
    began = created_at + timedelta(seconds=1 + 20 * draw("wait"))
    ended = began + timedelta(seconds=2 + 60 * draw("run"))
    cause, ending = _end(flavour, draw("end"))
    native_id = str(flavour.native_id.least + number)
    running = next(step for step in flavour.life if step.command)
    spec = {
        "facility_id": facility_id,
        "name": f"Field {number:05d}",
        "software": _software(flavour),
        "command": ["process", "--field", str(number)],
        "outputs": [{"path": "table.csv", "required": False}],
        "labels": {"campaign": _CAMPAIGNS[number % len(_CAMPAIGNS)]},
    }
    return PastJob(
        facility_id,
        owner,
        spec,
        created_at,
        [
            (
                created_at + timedelta(seconds=draw("handed over")),
                TaskSeen(0, State.QUEUED, native=Native(native_id, flavour.life[0].state)),
            ),
            (began, TaskSeen(0, State.RUNNING, started_at=began, native=Native(native_id, running.state))),
            (
                ended,
                TaskSeen(
                    0,
                    ending.state,
                    started_at=began,
                    finished_at=ended,
                    exit_code=ending.exit_code,
                    signal=ending.signal,
                    reason=ending.reason,
                    native=Native(native_id, *last_word(flavour, cause, ending)),
                ),
            ),
        ],
        {"table.csv": ("text/csv", f"field,value\n{number},{draw('v'):.4f}\n".encode())} if recent else {},
        {"stdout": f"process --field {number}\n".encode(), "stderr": b""} if recent else {},
    )


def _end(flavour: Flavour, drawn: float) -> tuple[str, Ending]:
    if drawn < _FAIL:
        return exited(flavour, 0 if drawn < _SUCCEED else 1, found=True)
    return "cancelled-by-user", cancelled_ending(flavour, runs=True)


def _software(flavour: Flavour) -> Mapping[str, Any]:
    if "container" in flavour.facility["conforms_to"]:
        return {"kind": "container", "image": "debian:12-slim"}
    entry = flavour.software[0]
    return {"kind": "installed", "name": entry["name"], "version": entry["version"]}
