"""How a task ends, as far as its facility can tell: a verdict, an exit code or a signal, and its words."""

from __future__ import annotations

from dataclasses import replace

from common_compute_connector.jobs import Ending, Reason, State
from common_compute_mocks.flavours import SUCCEEDED, Flavour
from common_compute_mocks.interpreter.machine import Run
from common_compute_mocks.scenarios import Attempt

_SIGNAL_BASE = 128
_SIGKILL = 9
_NOT_FOUND = 127
_CANCELLED = ("cancelled-by-user", "cancelled-by-facility")

_INSTEAD = {
    "image-unavailable": "software-unavailable",
    "preempted": "node-failure",
    "credential-rejected": "submission-rejected",
}
"""What a facility makes of a cause that it does not announce; of any other it knows nothing."""


def ending_of(flavour: Flavour, attempt: Attempt, run: Run) -> tuple[str, Ending]:
    """Say why and how a last attempt ends: the scenario's word counts before the command's own."""
    if attempt.reason is not None:
        return verdict(flavour, attempt.reason)
    if attempt.exit_code is not None:
        return exited(flavour, attempt.exit_code, found=True)
    if attempt.signal is not None:
        return died(flavour, attempt.signal)
    match run.end:
        case "signal":
            return died(flavour, run.signal or _SIGKILL)
        case "time":
            return verdict(flavour, "wall-time-exceeded")
        case "memory":
            return verdict(flavour, "out-of-memory")
    return exited(flavour, run.exit_code or 0, found=run.found)


def verdict(flavour: Flavour, cause: str) -> tuple[str, Ending]:
    """Say how a task ends for a cause, in what the facility announces that it can tell."""
    if cause == "out-of-memory" and cause not in flavour.facility["reason_codes"]:
        return died(flavour, _SIGKILL)
    told = announced(flavour, cause)
    state = State.CANCELLED if told in _CANCELLED else State.FAILED
    code = _NOT_FOUND if told == "command-not-found" else None
    word = flavour.endings.get(told)
    return told, _with_reason(flavour, told, Ending(state, code, word.signal if word else None))


def announced(flavour: Flavour, cause: str) -> str:
    """Give the reason code that a facility tells for a cause."""
    codes = flavour.facility["reason_codes"]
    return next((code for code in (cause, _INSTEAD.get(cause, cause)) if code in codes), "unknown")


def last_word(flavour: Flavour, cause: str, ending: Ending) -> tuple[str, str]:
    """Give the native state in which a task ends, and the words beside it."""
    word = flavour.endings.get(cause) or flavour.endings["exit-nonzero"]
    return word.state, word.detail.format(shell_code=_shell_code(ending))


def cancelled_ending(flavour: Flavour, *, runs: bool) -> Ending:
    """Say how a cancelled task ends, whose command runs or has not begun."""
    signal = flavour.endings["cancelled-by-user"].signal if runs else None
    return Ending(State.CANCELLED, signal=signal, reason=Reason("cancelled-by-user"))


def _shell_code(ending: Ending) -> int:
    """Give the exit code with which a shell around the command ends."""
    if ending.exit_code is not None:
        return ending.exit_code
    if ending.signal is not None:
        return _SIGNAL_BASE + ending.signal
    return 0 if ending.state is State.CANCELLED else 1


def _with_reason(flavour: Flavour, code: str, ending: Ending) -> Ending:
    word = flavour.endings.get(code)
    words = word.reason if word else None
    if words is not None:
        words = words.format(exit_code=ending.exit_code, signal=ending.signal)
    return replace(ending, reason=Reason(code, words))


def exited(flavour: Flavour, code: int, *, found: bool) -> tuple[str, Ending]:
    """Say why and how a task ends whose command exited, or was not found."""
    if code == 0:
        return SUCCEEDED, Ending(State.SUCCEEDED, exit_code=0)
    reason = "exit-nonzero" if found else "command-not-found"
    return reason, _with_reason(flavour, reason, Ending(State.FAILED, exit_code=code))


def died(flavour: Flavour, signal: int) -> tuple[str, Ending]:
    """Tell a death by signal, as an exit code above 128 where the facility cannot."""
    if "signal" in flavour.facility["reason_codes"]:
        return "signal", _with_reason(flavour, "signal", Ending(State.FAILED, signal=signal))
    return exited(flavour, _SIGNAL_BASE + signal, found=True)
