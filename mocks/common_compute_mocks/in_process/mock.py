"""A mock service inside the process of its client: what is served elsewhere, without a socket."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from starlette.types import Message, Scope

from common_compute_connector.contract import base_path
from common_compute_connector.logs import quiet_logs
from common_compute_mocks.in_process.answered import Answered, CutShort
from common_compute_mocks.in_process.private_loop import PrivateLoop
from common_compute_mocks.server.sent_requests import SentRequests
from common_compute_mocks.server.service import MockService
from common_compute_mocks.server.settings import TOKENS, MockSettings

ORIGIN = "http://common-compute.mock"
"""Where such a mock answers; names below .mock exist nowhere."""


class InProcessMock:
    """A mock with its clock in the caller's hand; `url` is the base URL of its API.

    Whatever the settings say, the clock is held: nothing runs while nobody calls.
    """

    tokens = TOKENS

    def __init__(self, settings: MockSettings | None = None, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.url = origin + base_path()
        quiet_logs()
        self._parts = urlsplit(origin)
        self._room = tempfile.TemporaryDirectory(prefix="common-compute-mock-")
        self._loop = PrivateLoop()
        try:
            held = replace(settings or MockSettings(), held=True)
            self.service = self._loop.run(_started(held, Path(self._room.name)))
        except BaseException:
            self._leave()
            raise

    @property
    def sent(self) -> SentRequests:
        """What the client sent, the oldest first."""
        return self.service.sent

    @property
    def now(self) -> datetime:
        """The mock's time."""
        return self.service.clock.now()

    def advance(self, seconds: float) -> None:
        """Let time pass: what happens meanwhile at the facilities has happened when this returns."""
        self._loop.run(self.service.pass_time(seconds))

    def let_requests_take(self, seconds: float) -> None:
        """Let so much time pass before each request, for a client that polls without `wait_seconds`."""
        self.service.request_seconds = seconds

    def reset(self) -> None:
        """Begin anew."""
        self._loop.run(self.service.reset())

    def answer(
        self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes | Iterable[bytes] | None
    ) -> Answered:
        """Answer one request, sent to a URL of this mock.

        Raises:
            CutShort: the answer broke off.
        """
        scope = self._scope(method, url, headers)
        chunks = iter(()) if body is None else iter((body,)) if isinstance(body, bytes) else iter(body)
        return self._loop.run(_answered(self.service, scope, chunks))

    def close(self) -> None:
        """End, and leave nothing behind."""
        self._loop.run(self.service.stop())
        self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of_the_body: object) -> None:
        self.close()

    def _leave(self) -> None:
        self._loop.close()
        self._room.cleanup()

    def _scope(self, method: str, url: str, headers: Iterable[tuple[str, str]]) -> Scope:
        path, _, query = url.removeprefix(self.origin).partition("#")[0].partition("?")
        sent = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if not any(name == b"host" for name, _ in sent):
            sent.insert(0, (b"host", self._parts.netloc.encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": self._parts.scheme,
            "server": (self._parts.hostname, self._parts.port or 80),
            "client": ("127.0.0.1", 1),
            "root_path": "",
            "method": method,
            "path": unquote(path or "/"),
            "raw_path": (path or "/").encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": sent,
            "state": {},
        }


async def _started(settings: MockSettings, room: Path) -> MockService:
    service = MockService(settings, room)
    await service.start()
    return service


async def _answered(service: MockService, scope: Scope, chunks: Iterator[bytes]) -> Answered:
    answered = Answered()
    ahead = next(chunks, b"")
    over = False

    async def receive() -> Message:
        nonlocal ahead, over
        if over:
            return {"type": "http.disconnect"}
        chunk, following = ahead, next(chunks, None)
        ahead, over = following or b"", following is None
        return {"type": "http.request", "body": chunk, "more_body": not over}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = list(message["headers"])
        elif body := message.get("body"):
            answered.write(body)

    try:
        await service(scope, receive, send)
    except Exception as error:
        raise CutShort from error
    return answered
