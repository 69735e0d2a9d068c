"""What lies below `/mock`: the clock, a new beginning, what clients sent, and the scenarios there are.

It is documented in `control.openapi.yaml`, beside the contract and never in it: no real facility has this.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import yaml
from starlette.types import Receive, Scope, Send

from common_compute_connector.answers import Answer
from common_compute_connector.clock import Clock
from common_compute_connector.documents import timestamp
from common_compute_connector.http import media, strict_json
from common_compute_connector.http.wire import send_answer, send_bytes
from common_compute_connector.schemas import Validator
from common_compute_mocks.server.mistakes import ClockRuns
from common_compute_mocks.server.sent_requests import SentRequests
from common_compute_mocks.server.settings import MockSettings

_ROOT = "/mock"
_LONGEST_BODY_BYTES = 1 << 16


class _Trouble(Exception):
    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers = list(headers.items())


class Controlled(Protocol):
    """A mock, as far as it is controlled from here."""

    settings: MockSettings
    clock: Clock
    sent: SentRequests

    async def pass_time(self, seconds: float) -> None:
        """Let time pass on a held clock."""

    async def reset(self) -> None:
        """Begin anew."""


class Control:
    """The ASGI application of these paths, for one mock."""

    def __init__(self, mock: Controlled) -> None:
        self._mock = mock
        self._handlers = {
            ("GET", ""): self._index,
            ("GET", "/clock"): self._clock,
            ("POST", "/clock"): self._pass_time,
            ("POST", "/reset"): self._reset,
            ("GET", "/requests"): self._requests,
            ("GET", "/scenarios"): self._scenarios,
        }

    def has(self, path: str) -> bool:
        """Tell whether a path lies here."""
        return path == _ROOT or path.startswith(_ROOT + "/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            path = scope["path"].removeprefix(_ROOT).removesuffix("/")
            if path == "/openapi.yaml" and scope["method"] == "GET":
                await send_bytes(send, 200, "application/yaml", document_text().encode())
                return
            answer = await self._answer(scope, path, receive)
        except _Trouble as trouble:
            words = {
                "type": "about:blank",
                "title": HTTPStatus(trouble.status).phrase,
                "status": trouble.status,
                "detail": trouble.detail,
            }
            await send_answer(send, Answer(trouble.status, words, trouble.headers), media.PROBLEM)
        else:
            await send_answer(send, Answer(200, answer))

    async def _answer(self, scope: Scope, path: str, receive: Receive) -> Mapping[str, Any]:
        method = scope["method"]
        handler = self._handlers.get((method, path))
        if handler is None:
            allowed = [known for known, place in self._handlers if place == path]
            if not allowed:
                raise _Trouble(404, f"There is no such path here: GET {_ROOT} names those that there are.")
            raise _Trouble(405, f"This path has {' and '.join(allowed)}.", allow=", ".join(allowed))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if method != "GET" and _is_foreign(headers):
            raise _Trouble(403, "A page of another origin cannot do this.")
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        body = await _body(receive) if method == "POST" else b""
        return await handler(query, body)

    async def _index(self, query: list[tuple[str, str]], body: bytes) -> Mapping[str, Any]:  # noqa: ARG002
        paths = sorted({f"{_ROOT}{path}" for _, path in self._handlers if path})
        return {
            "paths": [*paths, f"{_ROOT}/openapi.yaml"],
            "facilities": [*self._mock.settings.facilities],
        }

    async def _clock(self, query: list[tuple[str, str]], body: bytes) -> Mapping[str, Any]:  # noqa: ARG002
        mock = self._mock
        return {
            "now": timestamp(mock.clock.now()),
            "held": mock.settings.held,
            "speed": 0.0 if mock.settings.held else mock.settings.speed,
        }

    async def _pass_time(self, query: list[tuple[str, str]], body: bytes) -> Mapping[str, Any]:
        wanted = _parsed(body, "Advance")
        try:
            await self._mock.pass_time(wanted["advance_seconds"])
        except ClockRuns:
            raise _Trouble(409, "The clock of this mock runs: start it with --clock held.") from None
        return await self._clock(query, body)

    async def _reset(self, query: list[tuple[str, str]], body: bytes) -> Mapping[str, Any]:
        await self._mock.reset()
        return await self._clock(query, body)

    async def _requests(self, query: list[tuple[str, str]], body: bytes) -> Mapping[str, Any]:  # noqa: ARG002
        wanted = {"after": 0, "limit": 1000}
        for name, value in query:
            if name not in wanted or not (value.isascii() and value.isdecimal()) or len(value) > 9:
                raise _Trouble(400, f"`{name}` cannot be used: there are whole numbers `after` and `limit`.")
            wanted[name] = int(value)
        sent = self._mock.sent.after(wanted["after"], wanted["limit"])
        return {"requests": [each.document() for each in sent]}

    async def _scenarios(self, query: list[tuple[str, str]], body: bytes) -> Mapping[str, Any]:  # noqa: ARG002
        known = self._mock.settings.choice.known.values()
        return {
            "scenarios": [
                {"name": each.name, "summary": each.summary, "by_label": each.is_for_jobs} for each in known
            ]
        }


@cache
def document_text() -> str:
    """Give the OpenAPI document of these paths."""
    return files(__package__).joinpath("control.openapi.yaml").read_text(encoding="utf-8")


@cache
def _validator(name: str) -> Validator:
    schema: Mapping[str, Any] = yaml.safe_load(document_text())["components"]["schemas"][name]
    return Validator(schema)


def _parsed(body: bytes, schema: str) -> Any:
    try:
        value = strict_json.parse(body)
    except strict_json.Malformed as error:
        raise _Trouble(400, str(error)) from None
    if faults := _validator(schema).faults(value):
        raise _Trouble(400, " ".join(f"{fault.pointer or 'The body'}: {fault.detail}" for fault in faults))
    return value


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False) and message["type"] == "http.request"
        if len(body) > _LONGEST_BODY_BYTES:
            raise _Trouble(413, f"The body is longer than {_LONGEST_BODY_BYTES} bytes.")
    return body


def _is_foreign(headers: Mapping[str, str]) -> bool:
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
