"""Ask the service's own API in this process, as any client asks it: what a token may not, no page may.

An exchange passes the whole of the service's application, with its access, limits, validation and log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.types import ASGIApp, Message, Scope, Send

from common_compute_connector import contract

Query = Sequence[tuple[str, str | int]]

_JSON = ("content-type", "application/json")
_DESCRIBES_BYTES = frozenset(
    {
        b"content-type",
        b"content-length",
        b"content-range",
        b"content-disposition",
        b"accept-ranges",
        b"etag",
    }
)


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes of the API for the visitor to keep; `name`, in ASCII letters, is theirs if the API gives none."""

    segments: Sequence[str]
    name: str
    query: Query = ()


@dataclass(slots=True)
class ApiAnswer:
    """What the API answered: a document, or the end of some bytes."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    size_bytes: int = 0
    """How many bytes there are, of which `body` may be the end."""

    @property
    def fine(self) -> bool:
        """Tell whether the API did what it was asked for."""
        return 200 <= self.status < 300

    @property
    def document(self) -> dict[str, Any]:
        """Give the JSON object of the body: what was asked for, or the problem."""
        document: dict[str, Any] = orjson.loads(self.body)
        return document


class Api:
    """The API for one visitor, with the token of that visitor or none."""

    def __init__(self, app: ASGIApp, visit: Scope, token: str | None) -> None:
        self._app = app
        self._visit = visit
        self._token = token

    def with_token(self, token: str) -> Api:
        """Give the API as the bearer of another token sees it."""
        return Api(self._app, self._visit, token)

    async def get(self, *segments: str, query: Query = ()) -> ApiAnswer:
        """Ask for a document; the segments are those of its path behind the base path."""
        return await self._ask("GET", segments, query, [])

    async def post(
        self, *segments: str, body: bytes | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> ApiAnswer:
        """Send a body of JSON, or none."""
        typed = [] if body is None else [_JSON]
        return await self._ask("POST", segments, (), [*typed, *headers], body or b"")

    async def put(self, *segments: str, body: bytes) -> ApiAnswer:
        """Put a body of JSON where the path says."""
        return await self._ask("PUT", segments, (), [_JSON], body)

    async def delete(self, *segments: str) -> ApiAnswer:
        """Delete what the path names."""
        return await self._ask("DELETE", segments, (), [])

    async def end_of(self, *segments: str, query: Query, most_bytes: int, ranges: bool) -> ApiAnswer:
        """Get the end of some bytes, of which nothing more is kept, whether ranges are served or not."""
        headers = [("range", f"bytes=-{most_bytes}")] if ranges else []
        return await self._ask("GET", segments, query, headers, keep=most_bytes)

    async def pass_on(
        self, download: Download, method: str, headers: Sequence[tuple[str, str]], send: Send
    ) -> ApiAnswer | None:
        """Give bytes to the visitor as they come, as a file; if there are none, give back the problem."""
        collected = _Collected(None)

        async def pass_bytes(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 206):
                collected.answer.status = message["status"]
                await send({**message, "headers": _as_file(message.get("headers", ()), download.name)})
            elif collected.answer.status in (200, 206):
                await send(message)
            else:
                await collected(message)

        await self._app(
            self._scope(method, download.segments, download.query, headers), _Said(b""), pass_bytes
        )
        return None if collected.answer.status in (200, 206) else collected.finished()

    async def _ask(
        self,
        method: str,
        segments: Sequence[str],
        query: Query,
        headers: Sequence[tuple[str, str]],
        body: bytes = b"",
        keep: int | None = None,
    ) -> ApiAnswer:
        collected = _Collected(keep)
        await self._app(self._scope(method, segments, query, headers), _Said(body), collected)
        return collected.finished()

    def _scope(
        self, method: str, segments: Sequence[str], query: Query, headers: Sequence[tuple[str, str]]
    ) -> Scope:
        raw = "/".join([contract.base_path(), *(quote(segment, safe="") for segment in segments)])
        sent = [("accept", "application/json"), *headers]
        if self._token is not None:
            sent.append(("authorization", f"Bearer {self._token}"))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": self._visit.get("scheme", "http"),
            "path": "/".join([contract.base_path(), *segments]),
            "raw_path": raw.encode("ascii"),
            "query_string": urlencode(query).encode("ascii"),
            "root_path": self._visit.get("root_path", ""),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent],
            "client": self._visit.get("client"),
            "server": self._visit.get("server"),
        }


class _Said:
    """A request's body in one piece; whoever asks for more hears that the client has gone."""

    def __init__(self, body: bytes) -> None:
        self._messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def __call__(self) -> Message:
        return self._messages.pop() if self._messages else {"type": "http.disconnect"}


class _Collected:
    """Takes an answer in, of a long body no more than the end."""

    def __init__(self, keep: int | None) -> None:
        self._keep = keep
        self._pieces: list[bytes] = []
        self._held = 0
        self.answer = ApiAnswer()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.answer.status = message["status"]
            self.answer.headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in message.get("headers", ())
            }
            return
        piece = message.get("body", b"")
        self.answer.size_bytes += len(piece)
        self._pieces.append(piece)
        self._held += len(piece)
        if self._keep is not None and self._held > 2 * self._keep:
            self._pieces = [b"".join(self._pieces)[-self._keep :]]
            self._held = self._keep

    def finished(self) -> ApiAnswer:
        """Give the answer, whose end has come."""
        body = b"".join(self._pieces)
        self.answer.body = body if self._keep is None or not self.answer.fine else body[-self._keep :]
        _, _, whole = self.answer.headers.get("content-range", "").rpartition("/")
        if whole.isdecimal():
            self.answer.size_bytes = int(whole)
        return self.answer


def _as_file(headers: Sequence[tuple[bytes, bytes]], name: str) -> list[tuple[bytes, bytes]]:
    """Keep what describes the bytes, and see to it that a browser keeps them as a file, never as a page."""
    kept = {key: value for key, value in headers if key in _DESCRIBES_BYTES}
    if not kept.get(b"content-disposition", b"").startswith(b"attachment"):
        kept[b"content-disposition"] = f'attachment; filename="{name}"'.encode("ascii")
    return [
        *kept.items(),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
    ]
