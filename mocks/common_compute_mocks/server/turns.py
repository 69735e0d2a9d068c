"""Let requests at a mock go one after the other, or side by side, and hold them while it begins anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import Message, Send

_PATIENCE_SECONDS = 5.0
_HARMLESS = ("GET", "HEAD", "OPTIONS")


class Turns:
    """One request at a time where time is held, so that the same requests always meet the same jobs."""

    def __init__(self, *, one_by_one: bool) -> None:
        self._one_by_one = one_by_one
        self._turn = asyncio.Lock()
        self._inside = 0
        self._nobody_inside = asyncio.Event()
        self._nobody_inside.set()

    @asynccontextmanager
    async def request(self, method: str, send: Send) -> AsyncIterator[Send]:
        """Wait for the turn of a request, and give the way by which it answers.

        What is only read was decided when the answer begins: the turn ends there, so that whoever reads a
        long result slowly may ask other things meanwhile.
        """
        await self._turn.acquire()
        held = True

        def pass_on() -> None:
            nonlocal held
            if held:
                held = False
                self._turn.release()

        if not self._one_by_one:
            pass_on()
        self._enter()
        try:
            yield _passing_on(send, pass_on) if method in _HARMLESS else send
        finally:
            pass_on()
            self._leave()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold all requests."""
        async with self._turn:
            yield

    async def nobody_inside(self) -> None:
        """Wait until every answer is sent; a client that does not read is waited for five seconds."""
        try:
            await asyncio.wait_for(self._nobody_inside.wait(), _PATIENCE_SECONDS)
        except TimeoutError:
            return

    def _enter(self) -> None:
        self._inside += 1
        self._nobody_inside.clear()

    def _leave(self) -> None:
        self._inside -= 1
        if not self._inside:
            self._nobody_inside.set()


def _passing_on(send: Send, pass_on: Callable[[], None]) -> Send:
    async def send_and_pass_on(message: Message) -> None:
        pass_on()
        await send(message)

    return send_and_pass_on
