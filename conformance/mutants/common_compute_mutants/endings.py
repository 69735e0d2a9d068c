"""Tell another end of a command than the one that it had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common_compute_connector.jobs import Reason, State
from common_compute_connector.protocol import TaskSeen
from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists, wraps
from common_compute_mutants.shown import edit_jobs, with_jobs
from common_compute_mutants.verbs import AltersObservations, AltersSpecifications, Spec

_SIGKILL = 9
_DAEMONS_OWN = 125


def _has_reason(task: TaskSeen, code: str) -> bool:
    return task.reason is not None and task.reason.code == code


@wraps("CC-JOB-014")
class CountWallTimeInMinutes(AltersSpecifications):
    """The number of `wall_time_seconds` is taken for minutes."""

    def altered(self, spec: Spec) -> Spec:
        """Multiply."""
        resources: dict[str, Any] = dict(spec.get("resources", {}))
        if "wall_time_seconds" in resources:
            resources["wall_time_seconds"] *= 60
        return {**spec, "resources": resources}


@wraps("CC-JOB-014")
class CancelWhatTakesTooLong(AltersObservations):
    """A job that runs longer than it may ends as cancelled."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Tell that."""
        return replace(task, state=State.CANCELLED) if _has_reason(task, "wall-time-exceeded") else task


@wraps("CC-JOB-014")
class BlameTheSignalForTheTime(AltersObservations):
    """A job that runs longer than it may ends by the signal that ended it, with no word of its time."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Tell that."""
        if _has_reason(task, "wall-time-exceeded"):
            return replace(task, signal=_SIGKILL, reason=Reason("signal"))
        return task


@wraps("CC-JOB-016")
class TellNoExitCodeOfSuccess(AltersObservations):
    """A job that succeeded tells no exit code."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Drop it."""
        return replace(task, exit_code=None) if task.state is State.SUCCEEDED else task


@wraps("CC-JOB-016")
class FailEverything(AltersObservations):
    """Every job ends as failed as soon as the facility has it, without having run."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Fail it."""
        return TaskSeen(task.index, State.FAILED, reason=Reason("internal"), native=task.native)


@wraps("CC-JOB-016")
class LeaveEverythingWaiting(AltersObservations):
    """No job ever leaves the queue."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Let it wait."""
        return TaskSeen(task.index, State.QUEUED, native=task.native)


@wraps("CC-JOB-017")
class TakeEveryEndForSuccess(AltersObservations):
    """A command that exits with another code than 0 has succeeded, since it ended by itself."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Take it for that."""
        return replace(task, state=State.SUCCEEDED) if _has_reason(task, "exit-nonzero") else task


@wraps("CC-JOB-017")
class DropTheExitCode(AltersObservations):
    """A failed job tells no exit code."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Drop it."""
        return replace(task, exit_code=None) if _has_reason(task, "exit-nonzero") else task


@wraps("CC-JOB-017", house="dirac")
class KnowOneExitCodeOnly(AltersObservations):
    """A failed job has the exit code 1, whatever its command exited with."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Set it."""
        return replace(task, exit_code=1) if _has_reason(task, "exit-nonzero") else task


@wraps("CC-JOB-017")
class GiveNoReasonButUnknown(AltersObservations):
    """The reason of a command that exited with another code than 0 is `unknown`."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Tell that."""
        return replace(task, reason=Reason("unknown")) if _has_reason(task, "exit-nonzero") else task


@wraps("CC-JOB-017")
class TakeOneForNothingFound(AltersObservations):
    """A command that exits with 1 has succeeded, as a search that finds nothing does."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Take it for that."""
        if _has_reason(task, "exit-nonzero") and task.exit_code == 1:
            return replace(task, state=State.SUCCEEDED)
        return task


@wraps("CC-JOB-017")
class TakeOneHundredAndTwentyFiveForItsOwn(AltersObservations):
    """A command's exit code 125 is taken for a fault of the container engine."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Take it for that."""
        if _has_reason(task, "exit-nonzero") and task.exit_code == _DAEMONS_OWN:
            return replace(task, exit_code=None, reason=Reason("internal"))
        return task


@wraps("CC-JOB-017")
class KeepSixBitsOfTheExitCode(AltersObservations):
    """Of an exit code the last 6 bits are kept."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Cut."""
        if task.exit_code is None or not _has_reason(task, "exit-nonzero"):
            return task
        return replace(task, exit_code=task.exit_code % 64)


@wraps("CC-JOB-019", house="dirac")
class TakeAMissingCommandForSuccess(AltersObservations):
    """A command that does not exist has succeeded, since nothing of it failed."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Take it for that."""
        if _has_reason(task, "command-not-found"):
            return replace(task, state=State.SUCCEEDED, exit_code=0)
        return task


@wraps("CC-JOB-019")
class ExitWithOneForAMissingCommand(AltersObservations):
    """A command that does not exist ends with the exit code 1."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Set it."""
        return replace(task, exit_code=1) if _has_reason(task, "command-not-found") else task


@wraps("CC-JOB-019")
class CallAMissingCommandAnExit(AltersObservations):
    """A command that does not exist has the reason `exit-nonzero`, though the facility knows better."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Tell that."""
        return (
            replace(task, reason=Reason("exit-nonzero")) if _has_reason(task, "command-not-found") else task
        )


@twists("CC-JOB-021")
async def hide_why_a_job_failed(request: Request, forward: Forward) -> Answer:
    """A job that failed carries no reason."""
    return await with_jobs(
        request, forward, lambda job: job.pop("reason", None) if job["state"] == "failed" else None
    )


@twists("CC-JOB-021")
async def hide_why_a_job_was_cancelled(request: Request, forward: Forward) -> Answer:
    """A job that was cancelled carries no reason, since everybody knows why."""
    return await with_jobs(
        request, forward, lambda job: job.pop("reason", None) if job["state"] == "cancelled" else None
    )


@twists("CC-JOB-021")
async def give_success_a_reason(request: Request, forward: Forward) -> Answer:
    """A job that succeeded carries a reason."""
    return await with_jobs(
        request,
        forward,
        lambda job: job.update(reason={"code": "unknown"}) if job["state"] == "succeeded" else None,
    )


@twists("CC-JOB-021")
async def list_failures_without_reason(request: Request, forward: Forward) -> Answer:
    """In list_jobs no job carries a reason."""
    answer = await forward(request)
    return (
        edit_jobs(answer, lambda job: job.pop("reason", None)) if request.is_call("GET", "jobs") else answer
    )
