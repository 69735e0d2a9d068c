"""What a mocked facility knows of its parts: orders, futures and runs, each worked out once.

All of it but the cancels follows from the handles, so it may be lost at any time. Working a long script out
takes a while: it is done in portions (`work_ahead`) and off the event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import Any

from common_compute_connector.plan import plan_task
from common_compute_connector.protocol import Part, PartKey
from common_compute_mocks.agenda import Agenda
from common_compute_mocks.chance import Draw, chance_of
from common_compute_mocks.flavours import Flavour
from common_compute_mocks.future import Future, cancelled, foresee
from common_compute_mocks.interpreter.machine import Run
from common_compute_mocks.order import Order
from common_compute_mocks.shelf import Shelf
from common_compute_mocks.work import NOTHING, work_out

_STEPS_AT_ONCE = 50_000
_STEPS_OF_A_TASK = 50
"""What it takes to set a task up, in the interpreter's steps."""


class Portion:
    """The work that may be done at once, in the interpreter's steps: no clock decides how far it goes."""

    def __init__(self, steps: int = _STEPS_AT_ONCE) -> None:
        self.left = steps


class Foresight:
    """The memory of one facility."""

    def __init__(self, flavour: Flavour) -> None:
        self._flavour = flavour
        self._orders: dict[PartKey, Order] = {}
        self._cancels: dict[tuple[PartKey, int], datetime] = {}
        self._futures: dict[tuple[PartKey, int], Future] = {}
        self._outlines = Shelf()
        """Runs without their bytes: all that a future is made of."""
        self._runs = Shelf()
        self._agenda = Agenda()

    def remembered(self, key: PartKey) -> Order | None:
        """Give the order of a part that memory has."""
        return self._orders.get(key)

    def order(self, part: Part) -> Order | None:
        """Give a part's order, out of its handle if memory lacks it; None if nobody knows the part."""
        if part.key not in self._orders and part.handle is not None:
            try:
                self._orders[part.key] = Order.read(part.handle)
            except ValueError:
                return None
        return self._orders.get(part.key)

    def accept(self, part: Part, order: Order) -> None:
        """Remember a new part, all of which is worked out."""
        self._orders[part.key] = order
        for index in part.indices:
            self.future(part, order, index)

    def next_change(self, now: datetime) -> datetime | None:
        """Give the earliest moment after `now` at which a task that is remembered looks different."""
        return self._agenda.next_change(now)

    def is_ahead(self, part: Part, indices: Sequence[int]) -> bool:
        """Tell whether these tasks are all worked out."""
        return all((part.key, index) in self._futures for index in indices) or all(
            self._outlines.get((part.key, index)) for index in indices
        )

    def work_ahead(self, part: Part, order: Order, indices: Sequence[int], portion: Portion) -> bool:
        """Work out what these tasks will do as far as the portion reaches, and tell whether that was all.

        What a run is does not hang on the time of its order, so that this may precede the acceptance.
        """
        for index in indices:
            if self._outlines.get((part.key, index)) is None:
                if portion.left <= 0:
                    return False
                portion.left -= _STEPS_OF_A_TASK + self.run(part, order, index).steps
        return True

    def cancel(self, part: Part, index: int, at: datetime) -> None:
        """Note the time of the first cancel of a task."""
        task = part.key, index
        if task in self._cancels:
            return
        self._cancels[task] = at
        order, known = self.order(part), self._futures.pop(task, None)
        if order is not None and known is not None:
            self._keep(task, order, self._cancelled(known, order, index, at))

    def forget(self, part: Part) -> None:
        """Keep nothing of a part."""
        self._orders.pop(part.key, None)
        for index in part.indices:
            self._cancels.pop((part.key, index), None)
            self._futures.pop((part.key, index), None)
            self._outlines.discard((part.key, index))
            self.let_go(part, index)

    def let_go(self, part: Part, index: int) -> None:
        """Keep the bytes of a task that is over no longer in memory, and expect nothing of it."""
        self._runs.discard((part.key, index))
        self._agenda.forget((part.key, index))

    def future(self, part: Part, order: Order, index: int) -> Future:
        """Give a task's future, with its cancel in it."""
        task = part.key, index
        known = self._futures.get(task)
        if known is None:
            run = self._outlines.get(task) or self.run(part, order, index)
            scenario = order.scenario_of(index)
            known = foresee(self._flavour, scenario, run, draw_of(part, order, index))
            if task in self._cancels:
                known = self._cancelled(known, order, index, self._cancels[task])
            self._keep(task, order, known)
        return known

    def run(self, part: Part, order: Order, index: int) -> Run:
        """Give what a task's command does if nothing comes between."""
        run = self._runs.get((part.key, index))
        if run is None:
            run = self._work_out(part, order, index)
            self._runs.put((part.key, index), run)
            self._outlines.put((part.key, index), replace(run, tape=(), files={}))
        return run

    def final_run(self, part: Part, order: Order, index: int) -> Run:
        """Give what the last attempt's command had done when it ended or was ended."""
        future = self.future(part, order, index)
        span = future.span(future.moments[-1].attempt)
        if span is None:
            return NOTHING
        seconds = span.ended - span.started
        if not seconds:
            return NOTHING
        run = self.run(part, order, index)
        return run if seconds >= run.seconds else self._work_out(part, order, index, seconds)

    def _keep(self, task: tuple[PartKey, int], order: Order, future: Future) -> None:
        self._futures[task] = future
        self._agenda.expect(task, order.submitted_at, future)

    def _cancelled(self, future: Future, order: Order, index: int, at: datetime) -> Future:
        """Let a cancel change a future as the scenario says: not at all, or as if it had come later."""
        rule = order.scenario_of(index).cancel
        if rule.loses_race:
            return future
        usual = self._flavour.cancel.confirmed_after_seconds
        heeded_after = usual if rule.confirmed_after_seconds is None else rule.confirmed_after_seconds
        return cancelled(future, self._flavour, order.elapsed(at) + max(0.0, heeded_after - usual))

    def _work_out(self, part: Part, order: Order, index: int, until: float = inf) -> Run:
        plan = plan_task(order.spec, part.key.job_id, index)
        resources: Mapping[str, Any] = order.spec.get("resources", {})
        draw = chance_of(order.seed, part.key.job_id, index)
        return work_out(self._flavour, plan, resources, draw, until, order.scenario_of(index).run)


def draw_of(part: Part, order: Order, index: int) -> Draw:
    """Give the chance that belongs to one task."""
    return chance_of(order.seed, order.scenario.name, order.submitted_at.isoformat(), part.key.job_id, index)
