"""The store of a mock service: it can be away for callers, and waiting there lets held time pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from common_compute_connector.clock import Clock
from common_compute_connector.errors import StoreUnavailable
from common_compute_connector.store import Connection, Store
from common_compute_connector.store.changes import Changes

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  (an item)

PassTime = Callable[[float, Callable[[], bool]], Awaitable[None]]
"""Lets so many seconds pass, or fewer once the question is answered with yes."""

_for_a_caller: ContextVar[bool] = ContextVar("for_a_caller", default=False)


@contextmanager
def working_for_a_caller(yes: bool = True) -> Iterator[None]:
    """Say whether what runs inside answers a request, or is the dispatcher's own work."""
    before = _for_a_caller.set(yes)
    try:
        yield
    finally:
        _for_a_caller.reset(before)


class MockStore(Store):
    """A store that is away for those who ask over HTTP while `is_away` says so; jobs go on meanwhile."""

    is_away: Callable[[], bool] | None = None

    def let_waiting_pass_time(self, pass_time: PassTime) -> None:
        """Make whoever waits for a change let time pass instead, for nobody else will."""
        self.changes = _ChangesInHeldTime(pass_time)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Write, unless the store is away."""
        self._refuse_while_away()
        return await super().write(work)

    async def write_together(self, work: Callable[[Connection, Sequence[I]], Sequence[T]], item: I) -> T:
        """Write, unless the store is away."""
        self._refuse_while_away()
        return await super().write_together(work, item)

    def _refuse_while_away(self) -> None:
        if self.is_away is not None and _for_a_caller.get() and self.is_away():
            raise StoreUnavailable


class _ChangesInHeldTime(Changes):
    """Changes that come about because somebody waits for them."""

    def __init__(self, pass_time: PassTime) -> None:
        super().__init__()
        self._pass_time = pass_time

    async def within(self, change: asyncio.Future[None], job_id: str, seconds: float, clock: Clock) -> bool:
        """Let time pass until the change, at most so many seconds."""
        del clock
        try:
            await self._pass_time(seconds, change.done)
            return change.done()
        finally:
            self.forget(change, job_id)
