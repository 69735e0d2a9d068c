"""Put a twist around a right server's ASGI application."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common_compute_mutants.exchange import Answer, Request, Twist

_BASE = "/v1"


class Twisted:
    """The application `right` with a twist in each exchange below the base path, which may be another one.

    `troubles` holds what the twist itself broke with: that is no fault of a server which a kit should find.
    """

    def __init__(self, right: ASGIApp, twist: Twist, base: str = _BASE) -> None:
        self.troubles: list[str] = []
        self._right = right
        self._twist = twist
        self._base = base
        self._memory: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange; all else goes to the right application as it is."""
        if scope["type"] != "http" or not scope["path"].startswith(f"{self._base}/"):
            await self._right(scope, receive, send)
            return
        if self._base != _BASE:
            scope["path"] = _BASE + scope["path"].removeprefix(self._base)
            scope["raw_path"] = _BASE.encode() + scope["raw_path"].removeprefix(self._base.encode())
        request = Request(
            method=scope["method"],
            path=scope["path"].removeprefix(_BASE),
            query=tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
            ),
            body=await _whole(receive),
            memory=self._memory,
        )

        async def forward(changed: Request) -> Answer:
            return await self._ask(scope, request, changed)

        try:
            answer = await self._twist(request, forward)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told, and the exchange has an answer)
            self.troubles.append(f"{type(error).__name__}: {error}, at {request.method} {request.path}")
            answer = Answer(500, (), b"")
        if self._base != _BASE:
            answer = _moved(answer, self._base)
        # The length belongs to the body that is sent now; an answer to HEAD keeps the one that it was given.
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in answer.headers
            if name != "content-length"
        ]
        bodiless = request.method == "HEAD" and not answer.body_to_head
        if answer.status not in (204, 304):
            length = int(answer.header("content-length") or 0) if bodiless else len(answer.body)
            headers.append((b"content-length", str(length).encode()))
        if answer.body_to_head:
            scope["method"] = "GET"  # the server would hold the body of an answer to HEAD back
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if bodiless else answer.body})

    async def _ask(self, scope: Scope, original: Request, changed: Request) -> Answer:
        """Ask the right application; what was not changed reaches it as it came, byte for byte."""
        scope = dict(scope)
        scope["method"] = changed.method
        if changed.path != original.path:
            scope["path"] = _BASE + changed.path
            scope["raw_path"] = scope["path"].encode()
        if changed.query != original.query:
            scope["query_string"] = urlencode(changed.query).encode()
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in changed.headers
            if changed.body == original.body or name not in ("content-length", "transfer-encoding")
        ]
        if changed.body != original.body:
            headers.append((b"content-length", str(len(changed.body)).encode()))
        scope["headers"] = headers
        gone = False

        async def receive() -> Message:
            nonlocal gone
            if gone:
                return {"type": "http.disconnect"}
            gone = True
            return {"type": "http.request", "body": changed.body, "more_body": False}

        status, told, body = 500, [], bytearray()

        async def send(message: Message) -> None:
            nonlocal status, told
            if message["type"] == "http.response.start":
                status, told = message["status"], list(message["headers"])
            else:
                body.extend(message.get("body", b""))

        await self._right(scope, receive, send)
        pairs = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in told)
        return Answer(status, pairs, bytes(body))


def _moved(answer: Answer, base: str) -> Answer:
    """Let the URLs in an answer begin with the base path at which it is asked."""
    location = answer.header("location")
    if location is not None and location.startswith(_BASE):
        answer = answer.with_header("location", base + location.removeprefix(_BASE))
    return replace(answer, body=answer.body.replace(f'"{_BASE}/'.encode(), f'"{base}/'.encode()))


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body.extend(message.get("body", b""))
        if not message.get("more_body"):
            return bytes(body)
