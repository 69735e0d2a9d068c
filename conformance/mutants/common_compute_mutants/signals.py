"""Take deaths by signal for exits, and high exit codes for something else than what they are."""

from __future__ import annotations

from dataclasses import replace

from common_compute_connector.jobs import Reason, State
from common_compute_connector.protocol import TaskSeen
from common_compute_mutants.registry import wraps
from common_compute_mutants.verbs import AltersObservations

_SIGTERM, _SIGKILL, _SIGNAL_BASE = 15, 9, 128
_NOT_FOUND, _OF_SSH = 127, 255


def _has_reason(task: TaskSeen, code: str) -> bool:
    return task.reason is not None and task.reason.code == code


@wraps("CC-JOB-018")
class TellSignalsTwice(AltersObservations):
    """A death by signal has both a signal and an exit code."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Add the code."""
        return replace(task, exit_code=_SIGNAL_BASE + task.signal) if task.signal is not None else task


@wraps("CC-JOB-018")
class TakeTheSignalForTheExitCode(AltersObservations):
    """The exit code of a death by signal is the signal's number."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Tell that."""
        return replace(task, exit_code=task.signal, signal=None) if task.signal is not None else task


@wraps("CC-JOB-018")
class CallItAnExit(AltersObservations):
    """A death by signal has the reason `exit-nonzero`, though the facility can tell them apart."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Tell that."""
        return replace(task, reason=Reason("exit-nonzero")) if _has_reason(task, "signal") else task


@wraps("CC-JOB-018")
class CancelWhoIsTerminated(AltersObservations):
    """A command that dies by SIGTERM ends as cancelled, since the facility cancels by that signal."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Take it for that."""
        if task.signal == _SIGTERM and task.state is State.FAILED:
            return replace(task, state=State.CANCELLED, signal=None, reason=Reason("cancelled-by-facility"))
        return task


@wraps("CC-JOB-018")
class BlameTheMemoryForEveryKill(AltersObservations):
    """A command that dies by SIGKILL is said to have run out of memory."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Blame it."""
        if task.signal == _SIGKILL and _has_reason(task, "signal"):
            return replace(task, signal=None, reason=Reason("out-of-memory"))
        return task


@wraps("CC-JOB-018", house="dirac")
class TakeOneHundredAndTwentyEightOff(AltersObservations):
    """Of the exit code of a death by signal 128 is taken off."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Subtract."""
        if task.exit_code is not None and task.exit_code > _SIGNAL_BASE:
            return replace(task, exit_code=task.exit_code - _SIGNAL_BASE)
        return task


@wraps("CC-JOB-056")
class TakeHighExitCodesForSignals(AltersObservations):
    """An exit code above 128 is taken for a death by signal."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Take it for that."""
        if _has_reason(task, "exit-nonzero") and task.exit_code is not None and task.exit_code > _SIGNAL_BASE:
            signal = task.exit_code - _SIGNAL_BASE
            return replace(task, exit_code=None, signal=signal, reason=Reason("signal"))
        return task


@wraps("CC-JOB-056")
class TakeTheHighestExitCodeForLostContact(AltersObservations):
    """An exit code 255 is taken for that of an ssh that lost its host."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Take it for that."""
        if _has_reason(task, "exit-nonzero") and task.exit_code == _OF_SSH:
            return replace(task, exit_code=None, reason=Reason("node-failure"))
        return task


@wraps("CC-JOB-056", house="dirac")
class TakeExitCodesForMissingCommands(AltersObservations):
    """A command that exits with 127 by itself is said not to exist, without an exit code."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Take it for that."""
        if _has_reason(task, "exit-nonzero") and task.exit_code == _NOT_FOUND:
            return replace(task, exit_code=None, reason=Reason("command-not-found"))
        return task


@wraps("CC-JOB-056")
class CapExitCodes(AltersObservations):
    """An exit code above 128 is told as 128."""

    def told(self, task: TaskSeen) -> TaskSeen:
        """Cap it."""
        if _has_reason(task, "exit-nonzero") and task.exit_code is not None:
            return replace(task, exit_code=min(task.exit_code, _SIGNAL_BASE))
        return task
