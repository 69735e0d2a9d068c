"""A whole mock service: the API over mocked facilities, its time, and what clients sent to it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import structlog
from starlette.types import Receive, Scope, Send

from common_compute_connector.app import App
from common_compute_connector.assembly import assemble
from common_compute_connector.clock import Clock, HeldClock
from common_compute_connector.contract import base_path
from common_compute_mocks.facility import MockFacility
from common_compute_mocks.server.control import Control
from common_compute_mocks.server.held_time import HeldTime
from common_compute_mocks.server.mistakes import ClockRuns
from common_compute_mocks.server.past_jobs import insert_past_jobs
from common_compute_mocks.server.sent_requests import SentRequests
from common_compute_mocks.server.settings import MockSettings
from common_compute_mocks.server.store import MockStore, working_for_a_caller
from common_compute_mocks.server.turns import Turns

_log = structlog.get_logger(__name__)


class MockService:
    """An ASGI application that is the ground's own over mocked facilities, with `/mock` beside it.

    With a held clock one request is answered after the other, and time passes only by `pass_time`, while a
    request waits (`wait_seconds`), and by `request_seconds` with each request. `room` is a directory for what
    need not outlive the mock.
    """

    def __init__(self, settings: MockSettings, room: Path) -> None:
        self.settings = settings
        self.sent = SentRequests()
        self.request_seconds = settings.request_seconds
        self.app: App
        self.clock: Clock
        self._room = room
        self._control = Control(self)
        self._turns = Turns(one_by_one=settings.held)
        self._time: HeldTime | None = None
        self._is_new: bool
        self._assemble()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an exchange, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and self._control.has(scope["path"]):
            await self._control(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(base_path() + "/"):
            await self._answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def start(self) -> None:
        """Begin to answer, and, unless time is held, to look after the jobs."""
        if self._time is None:
            await self.app.start()
        else:
            await self.app.service.dispatcher.open()
        if self._is_new:
            await insert_past_jobs(self.app.service, self.settings.past_jobs(self.clock.now()))
            self._is_new = False

    def answer_waiting(self) -> None:
        """Answer now whoever waits for a change of a job."""
        self.app.answer_waiting()

    async def stop(self) -> None:
        """End; a mock with a database of its own can go on later."""
        if self._time is not None:
            await self.app.service.dispatcher.stop()
        self.settings.keep_clock(self.clock, self._room)
        await self.app.stop()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass: what happens meanwhile at the facilities has happened when this returns.

        Raises:
            ClockRuns: the clock of this mock is not held.
        """
        if self._time is None:
            raise ClockRuns
        async with self._turns.alone():
            await self._time.pass_time(seconds)

    async def reset(self) -> None:
        """Begin anew: no jobs, no credentials, no requests; clock and ids where they began."""
        async with self._turns.alone():
            self.answer_waiting()
            await self._turns.nobody_inside()
            await self.stop()
            self.settings.remove_state(self._room)
            self.sent.clear()
            self.request_seconds = self.settings.request_seconds
            self._assemble()
            await self.start()

    def _assemble(self) -> None:
        settings = self.settings
        self._is_new = settings.has_no_state(self._room)
        self.clock = settings.clock(self._room)
        self.app = assemble(settings.configuration(self._room), self.clock, store_kind=MockStore)
        service = self.app.service
        store = cast("MockStore", service.store)
        store.is_away = settings.absence(self.clock)
        if isinstance(self.clock, HeldClock):
            facilities = [cast("MockFacility", known.connector) for known in service.facilities]
            self._time = HeldTime(self.clock, service.dispatcher, facilities)
            store.let_waiting_pass_time(self._time.pass_time)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._turns.request(scope["method"], send) as send_in_turn:
            if self._time is not None:
                await self._time.before_request(self.request_seconds)
            seen = self.sent.record(scope, receive, send_in_turn, self.clock.now())
            with working_for_a_caller():
                await self.app(scope, *seen)
            if self._time is not None:
                self._time.after_request(scope["method"])

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except Exception as error:  # noqa: BLE001  (the server is told, and does not serve)
            _log.exception("the mock did not start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})
