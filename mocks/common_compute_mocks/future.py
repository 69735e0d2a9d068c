"""What will become of a task: a pure function of its flavour, scenario, run and chance."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf

from common_compute_connector.jobs import Ending, Reason, State
from common_compute_mocks.chance import Draw
from common_compute_mocks.flavours import SUCCEEDED, Flavour
from common_compute_mocks.interpreter.machine import Run
from common_compute_mocks.scenarios import Attempt, Scenario, Silence

_SPREAD = 0.3
_SIGNAL_BASE = 128
_SIGKILL = 9


@dataclass(frozen=True, slots=True)
class Moment:
    """From `at`, in seconds after the submission, the facility shows this."""

    at: float
    native: str
    detail: str | None
    attempt: int


@dataclass(frozen=True, slots=True)
class Span:
    """When the command of an attempt starts and ends, in seconds after the submission."""

    started: float
    ended: float

    def runs_at(self, at: float) -> bool:
        """Tell whether the command runs at a moment."""
        return self.started <= at < self.ended


@dataclass(frozen=True, slots=True)
class Future:
    """Everything that the facility will ever say of a task; the last moment is the end."""

    moments: tuple[Moment, ...]
    spans: tuple[Span, ...]
    """The commands that run, the last attempt's last; fewer than attempts if one never starts."""
    ending: Ending
    silence: Silence | None = None

    @property
    def ends_at(self) -> float:
        """The moment from which the facility shows the end."""
        return self.moments[-1].at

    def moment(self, at: float) -> Moment:
        """Give what the facility shows at a moment."""
        place = bisect_right(self.moments, at, key=lambda moment: moment.at)
        return self.moments[max(0, place - 1)]

    def span(self, attempt: int) -> Span | None:
        """Give an attempt's command, None if it never starts."""
        return self.spans[attempt - 1] if attempt <= len(self.spans) else None

    def is_silent(self, at: float) -> bool:
        """Tell whether the facility says nothing of the task at a moment."""
        quiet = self.silence
        return quiet is not None and 0 <= at - quiet.after_seconds < quiet.for_seconds


def foresee(flavour: Flavour, scenario: Scenario, run: Run, command: str, draw: Draw) -> Future:
    """Lay out a task's whole life; `command` is its name in the facility's messages."""
    moments: list[Moment] = []
    spans: list[Span] = []
    at = 0.0
    for number, attempt in enumerate(scenario.attempts, 1):
        last = number == len(scenario.attempts)
        for place, step in enumerate(flavour.steps(number)):
            moments.append(Moment(at, step.state, step.detail, number))
            length = step.seconds * (1 - _SPREAD + 2 * _SPREAD * draw(number, place))
            if place == 0:
                length += attempt.waits_seconds
            if step.command:
                cut = inf if attempt.runs_at_most_seconds is None else attempt.runs_at_most_seconds
                # A cut takes of the command's own time, never of what the facility does around it.
                length = cut if cut < run.seconds + length else run.seconds + length
                spans.append(Span(at, at + length))
            at += length
            if step.command and not last:
                break
    cause, ending = _ending(flavour, scenario.attempts[-1], run)
    return Future(
        (*moments, Moment(at, *_last_word(flavour, cause, ending, command), len(scenario.attempts))),
        tuple(spans),
        ending,
        scenario.silence,
    )


def cancelled(future: Future, flavour: Flavour, at: float) -> Future:
    """Change a future by a cancel at a moment; one that comes when the command is over changes nothing."""
    last = len(future.spans) and future.spans[-1].ended
    if at >= future.ends_at or (last and at >= last):
        return future
    confirmed = at + flavour.cancel.confirmed_after_seconds
    ending = Ending(State.CANCELLED, reason=Reason("cancelled-by-user"))
    spans = tuple(_shorten(future.spans, at, flavour.cancel.command_lives_on_seconds))
    attempt = future.moment(at).attempt
    word = _last_word(flavour, "cancelled-by-user", ending, "")
    before = tuple(moment for moment in future.moments if moment.at <= at)
    return replace(future, moments=(*before, Moment(confirmed, *word, attempt)), spans=spans, ending=ending)


def _shorten(spans: tuple[Span, ...], at: float, lives_on: float) -> Iterator[Span]:
    for span in spans:
        if span.started <= at:
            yield Span(span.started, min(span.ended, at + lives_on) if span.runs_at(at) else span.ended)


def _ending(flavour: Flavour, attempt: Attempt, run: Run) -> tuple[str, Ending]:
    """Say how the last attempt ends: the scenario's word counts before the command's own."""
    if attempt.reason is not None:
        return attempt.reason, Ending(State.FAILED, reason=Reason(attempt.reason))
    if attempt.exit_code is not None:
        return _exit(attempt.exit_code, found=True)
    if attempt.signal is not None:
        return _death(flavour, attempt.signal)
    match run.end:
        case "signal":
            return _death(flavour, run.signal or _SIGKILL)
        case "time":
            return "wall-time-exceeded", Ending(State.FAILED, reason=Reason("wall-time-exceeded"))
        case "memory" if "out-of-memory" in flavour.endings:
            return "out-of-memory", Ending(State.FAILED, reason=Reason("out-of-memory"))
        case "memory":
            return _death(flavour, _SIGKILL)
    return _exit(run.exit_code or 0, found=run.found)


def _exit(code: int, *, found: bool) -> tuple[str, Ending]:
    if code == 0:
        return SUCCEEDED, Ending(State.SUCCEEDED, exit_code=0)
    reason = "exit-nonzero" if found else "command-not-found"
    return reason, Ending(State.FAILED, exit_code=code, reason=Reason(reason))


def _death(flavour: Flavour, signal: int) -> tuple[str, Ending]:
    """Tell a death by signal, as an exit code above 128 where the facility cannot."""
    if "signal" in flavour.endings:
        return "signal", Ending(State.FAILED, signal=signal, reason=Reason("signal"))
    return _exit(_SIGNAL_BASE + signal, found=True)


def _last_word(flavour: Flavour, cause: str, ending: Ending, command: str) -> tuple[str, str]:
    word = flavour.endings.get(cause) or flavour.endings["exit-nonzero"]
    exit_code = ending.exit_code if ending.exit_code is not None else 1
    return word.state, word.detail.format(exit_code=exit_code, signal=ending.signal, command=command)
