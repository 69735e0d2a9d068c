"""What will become of a task: a pure function of its flavour, scenario, run and chance."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf

from common_compute_connector.jobs import Ending
from common_compute_mocks.chance import Draw
from common_compute_mocks.endings import cancelled_ending, ending_of, last_word
from common_compute_mocks.flavours import Flavour
from common_compute_mocks.interpreter.machine import Run
from common_compute_mocks.scenarios import Scenario, Silence

_SPREAD = 0.3


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
    forgotten_at: float | None = None

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
        return quiet is not None and quiet.after_seconds <= at < quiet.after_seconds + quiet.for_seconds

    def is_known(self, at: float) -> bool:
        """Tell whether the facility knows the task at a moment."""
        return self.forgotten_at is None or at < self.forgotten_at

    def next_change(self, at: float) -> float | None:
        """Give the first moment after another at which the facility shows something else, or falls silent."""
        place = bisect_right(self.moments, at, key=lambda moment: moment.at)
        changes = [moment.at for moment in self.moments[place:] if not self.is_silent(moment.at)][:1]
        quiet = self.silence
        # A silence that begins after the end is of no interest to anybody.
        if quiet is not None and quiet.after_seconds <= self.ends_at:
            changes += [quiet.after_seconds, quiet.after_seconds + quiet.for_seconds]
        if self.forgotten_at is not None:
            changes = [*filter(self.is_known, changes), self.forgotten_at]
        return min((change for change in changes if change > at), default=None)


def foresee(flavour: Flavour, scenario: Scenario, run: Run, draw: Draw) -> Future:
    """Lay out a task's whole life."""
    moments: list[Moment] = []
    spans: list[Span] = []
    at = 0.0
    cause, ending = ending_of(flavour, scenario.attempts[-1], run)
    for number, attempt in enumerate(scenario.attempts, 1):
        last = number == len(scenario.attempts)
        for place, step in enumerate(flavour.steps(number, cause)):
            moments.append(Moment(at, step.state, step.detail, number))
            length = step.seconds * (1 - _SPREAD + 2 * _SPREAD * draw(number, place))
            if step.waits:
                length += attempt.waits_seconds
            if step.command:
                cut = inf if attempt.runs_at_most_seconds is None else attempt.runs_at_most_seconds
                # A cut takes of the command's own time, never of what the facility does around it.
                length = cut if cut < run.seconds + length else run.seconds + length
                spans.append(Span(at, at + length))
            at += length
            if step.command and not last:
                break
    return Future(
        (*moments, Moment(at, *last_word(flavour, cause, ending), len(scenario.attempts))),
        tuple(spans),
        ending,
        scenario.silence,
        scenario.forgotten_after_seconds,
    )


def cancelled(future: Future, flavour: Flavour, at: float) -> Future:
    """Change a future by a cancel at a moment; one that comes when the command is over changes nothing."""
    last = len(future.spans) and future.spans[-1].ended
    if at >= future.ends_at or (last and at >= last):
        return future
    confirmed = at + flavour.cancel.confirmed_after_seconds
    ending = cancelled_ending(flavour, runs=any(span.runs_at(at) for span in future.spans))
    spans = tuple(_shorten(future.spans, at, flavour.cancel.command_lives_on_seconds))
    attempt = future.moment(at).attempt
    word = last_word(flavour, "cancelled-by-user", ending)
    before = tuple(moment for moment in future.moments if moment.at <= at)
    return replace(future, moments=(*before, Moment(confirmed, *word, attempt)), spans=spans, ending=ending)


def _shorten(spans: tuple[Span, ...], at: float, lives_on: float) -> Iterator[Span]:
    for span in spans:
        if span.started <= at:
            yield Span(span.started, min(span.ended, at + lives_on) if span.runs_at(at) else span.ended)
