"""The outermost layer: every answer leaves through it, with a request id, a log line and its metrics.

It also holds what comes before an operation is known: who asks (401), how often (429), and whether the path
(404) and its method (405) exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common_compute_connector import contract
from common_compute_connector.answers import Answer
from common_compute_connector.console.gate import Gate
from common_compute_connector.errors import ConnectorError, MethodNotAllowed, NotFound
from common_compute_connector.http import media
from common_compute_connector.http.cors import Cors
from common_compute_connector.http.exchange import Exchange, put_exchange
from common_compute_connector.http.public_pages import public_pages
from common_compute_connector.http.rate import Rate
from common_compute_connector.http.routes import Routes
from common_compute_connector.http.wire import raw_headers, send_answer, send_bytes
from common_compute_connector.metrics import MEDIA_TYPE as METRICS_TYPE
from common_compute_connector.metrics import Metrics
from common_compute_connector.problems import problem
from common_compute_connector.service import Service

_log = structlog.get_logger("common_compute.requests")
_METRICS = "/metrics"
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/%:@!$&'()*+,;=._~-]*")


class Envelope:
    """The ASGI application around the operations; `beside` are others, by the path that they begin at."""

    def __init__(self, service: Service, operations: ASGIApp, beside: Mapping[str, ASGIApp]) -> None:
        self._service = service
        self._operations = operations
        self._beside = beside
        self._base = contract.base_path() + "/"
        self._routes = Routes(contract.operations())
        self._pages = public_pages(service.settings.name)
        self._console = Gate(service, self)
        self._cors = Cors(service.settings.cors_origins)
        self._metrics = Metrics(service)
        per_minute = service.settings.requests_per_minute
        self._rate = None if per_minute is None else Rate(per_minute, service.clock)
        # Request ids are told apart, not guarded: a number after a prefix that no other process has.
        self._prefix = service.clock.new_id()[-10:]
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange."""
        self._count += 1
        exchange = Exchange(f"{self._prefix}-{self._count:x}", _as_sent(scope))
        put_exchange(scope, exchange)
        started = self._service.clock.elapsed()
        # Pages of other origins may read the API as configured, and the console never.
        cors = [] if Gate.serves(scope["path"]) else self._cors.headers(_header(scope, b"origin"))
        sending = _Sending(send, exchange, cors, scope["method"])
        try:
            await self._answer(scope, receive, sending, exchange)
        except Exception as error:
            await self._tell(error, sending, exchange)
            if sending.cut_short:
                raise
        finally:
            self._note(scope, exchange, self._service.clock.elapsed() - started)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        method, path = scope["method"], scope["path"]
        if not path.startswith(self._base):
            await self._answer_beside(scope, receive, send)
            return
        if method == "OPTIONS":
            await self._answer_options(path, send)
            return
        if not self._routes.is_public(method, path):
            exchange.caller = await self._service.access.caller(_headers(scope, b"authorization"))
        if self._rate is not None:
            self._rate.spend(self._rate_key(scope, exchange))
        if not self._routes.is_routable(method, path):
            raise self._unrouted(path)
        try:
            await self._operations(scope, receive, send)
        except HTTPException:  # the router's own words for a method that the path does not have
            raise self._unrouted(path) from None

    async def _answer_beside(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if Gate.serves(path):
            await self._console(scope, receive, send)
            return
        for prefix, app in self._beside.items():
            if path == prefix or path.startswith(prefix.rstrip("/") + "/"):
                await app(scope, receive, send)
                return
        if path != _METRICS and path not in self._pages:
            raise NotFound("such path")
        if method not in ("GET", "HEAD"):
            raise MethodNotAllowed(["GET", "HEAD"])
        if path == _METRICS:
            await send_bytes(send, 200, METRICS_TYPE, await self._metrics.text())
            return
        page = self._pages[path]
        await send_bytes(send, 200, page.media_type, page.body, page.headers)

    async def _answer_options(self, path: str, send: Send) -> None:
        methods = self._routes.allowed(path)
        if not methods:
            raise NotFound("such path")
        allow = [(b"allow", ", ".join(methods).encode())]
        headers = allow + self._cors.preflight(methods)
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _unrouted(self, path: str) -> NotFound | MethodNotAllowed:
        methods = self._routes.allowed(path)
        return MethodNotAllowed(methods) if methods else NotFound("such path")

    def _rate_key(self, scope: Scope, exchange: Exchange) -> str:
        """Name whose requests are counted: the caller, or where all are the same, the address."""
        if self._service.is_open:
            return str((scope.get("client") or ("unknown",))[0])
        return exchange.caller.owner

    async def _tell(self, error: Exception, send: _Sending, exchange: Exchange) -> None:
        if not isinstance(error, ConnectorError):
            _log.error("request failed", request_id=exchange.request_id, exc_info=error)
        if send.started:
            send.cut_short = True
            return
        answer: Answer = problem(error, exchange.path, exchange.request_id)
        await send_answer(send, answer, media.PROBLEM)

    def _note(self, scope: Scope, exchange: Exchange, seconds: float) -> None:
        request = exchange.request
        self._metrics.count(exchange.operation_id, exchange.status, seconds)
        facts: dict[str, Any] = {} if request is None else {"caller": request.caller.shown}
        if request is not None and "job_id" in request.ids:
            facts["job_id"] = request.ids["job_id"][:64]
        _log.info(
            "request",
            request_id=exchange.request_id,
            method=scope["method"],
            operation=exchange.operation_id,
            status=exchange.status,
            seconds=round(seconds, 6),
            **facts,
        )


class _Sending:
    """The way out: adds what every answer carries, and leaves the body of an answer to HEAD out."""

    def __init__(self, send: Send, exchange: Exchange, headers: Any, method: str) -> None:
        self._send = send
        self._exchange = exchange
        self._headers = [*raw_headers([("x-request-id", exchange.request_id)]), *headers]
        self._head = method == "HEAD"
        self.started = False
        self.cut_short = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self._exchange.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
        elif self._head:
            message = {**message, "body": b""}
        await self._send(message)


def _as_sent(scope: Scope) -> str:
    """Give the path as it was sent, percent-encoded, without the query."""
    raw = scope.get("raw_path")
    if raw is None:
        return quote(scope["path"])
    sent = raw.partition(b"?")[0].decode("latin-1")
    return sent if _PLAIN_PATH.fullmatch(sent) else quote(sent, safe="/%:@!$&'()*+,;=-._~")


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


def _headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
