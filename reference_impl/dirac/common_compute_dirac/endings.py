"""A task as the ground wants to see it: DIRAC's state, and at the end what its wrapper tells. Pure."""

from __future__ import annotations

from typing import Any

from common_compute_connector.jobs import Reason, Resolved, State, TaskSeen
from common_compute_dirac import states
from common_compute_dirac.sandbox import Outcome, Output
from common_compute_dirac.states import JobSeen

_ANY_SITE = {"", "ANY", "Multiple", "Unknown"}


def seen_live(index: int, number: int, job: JobSeen) -> TaskSeen:
    """Tell of a task that goes on, or whose output has still to be fetched."""
    known = states.LIVE.get(job.status, State.RUNNING if job.status in states.ENDED else None)
    return TaskSeen(index, known, attempt=job.attempt, native=job.native(number), resolved=_resolved(job))


def seen_killed(index: int, number: int, job: JobSeen, *, asked: bool) -> TaskSeen:
    """Tell of a task that somebody has had killed or deleted."""
    return TaskSeen(
        index,
        State.CANCELLED,
        attempt=job.attempt,
        reason=states.reason_of_kill(job, asked=asked),
        native=job.native(number),
        resolved=_resolved(job),
    )


def seen_ended(
    index: int, number: int, job: JobSeen, output: Output | None, why_none: str, version: str | None
) -> TaskSeen:
    """Tell of a task that is Done or Failed; without its output nobody knows how its command ended."""
    outcome = output.outcome if output is not None else None
    ended: dict[str, Any]
    if job.status == "Failed":
        # DIRAC's verdict stands, whatever the command said.
        ended = {"state": State.FAILED, "reason": states.reason_of_failure(job)}
        if outcome is not None and outcome.how == "exit" and outcome.number:
            ended["exit_code"] = outcome.number
    elif outcome is None:
        ended = {"state": State.FAILED, "reason": Reason("results-lost", why_none)}
    else:
        ended = _of_command(outcome)
    return TaskSeen(
        index,
        attempt=job.attempt,
        started_at=outcome.started_at if outcome else None,
        finished_at=outcome.finished_at if outcome else None,
        native=job.native(number),
        resolved=_resolved(job, outcome, version),
        **ended,
    )


_NO_COMMAND = {
    "software": "software-unavailable",
    "input": "input-unavailable",
    "image": "image-unavailable",
}


def _of_command(outcome: Outcome) -> dict[str, Any]:
    if outcome.how == "exit" and outcome.number == 0:
        return {"state": State.SUCCEEDED, "exit_code": 0}
    failed: dict[str, Any] = {"state": State.FAILED}
    match outcome.how:
        case "exit":
            return failed | {"exit_code": outcome.number, "reason": Reason("exit-nonzero")}
        case "signal":
            return failed | {"signal": outcome.number, "reason": Reason("signal")}
        case "not-found":
            return failed | {
                "exit_code": outcome.number,
                "reason": Reason("command-not-found", outcome.words or None),
            }
        case "wall-time":
            return failed | {"reason": Reason("wall-time-exceeded")}
        case how:
            return failed | {"reason": Reason(_NO_COMMAND[how], outcome.words or None)}


def _resolved(job: JobSeen, outcome: Outcome | None = None, version: str | None = None) -> Resolved | None:
    site = job.site if job.site not in _ANY_SITE else None
    host = outcome.host or None if outcome else None
    if site is None and host is None:
        return None
    digest = outcome.image_digest if outcome else None
    return Resolved(image_digest=digest, software_version=version, site=site, host=host)
