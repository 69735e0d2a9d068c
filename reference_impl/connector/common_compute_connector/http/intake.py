"""Read a request for its operation: query, headers and body, each by validators compiled once.

It is a routed middleware of connexion, one object per operation, behind its routing and before the handlers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from common_compute_connector import contract, schemas
from common_compute_connector.errors import (
    Forbidden,
    MalformedRequest,
    NotAcceptable,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from common_compute_connector.http import media, strict_json
from common_compute_connector.http.connexion_parts import (
    AbstractOperation,
    RoutedAPI,
    RoutedMiddleware,
    Specification,
)
from common_compute_connector.http.exchange import exchange_of
from common_compute_connector.http.parameters import ParameterReader
from common_compute_connector.http.request import Request

_DRAINED_BYTES = 1 << 27
"""A body too large is read this far and forgotten, so that the refusal reaches who is still sending."""


class Intake:
    """The intake of one operation."""

    def __init__(self, next_app: ASGIApp, operation: contract.Operation, max_request_bytes: int) -> None:
        self._next = next_app
        self._operation = operation
        self._reader = ParameterReader(operation)
        self._max_bytes = max_request_bytes
        self._validator = None if operation.body is None else schemas.compiled(operation.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make the `Request` out of the scope, and pass it on."""
        exchange = exchange_of(scope)
        headers = _by_name(scope["headers"])
        request = Request(self._operation, exchange.caller, exchange.path, scope["path_params"])
        exchange.request = request
        self._refuse(request, headers)
        request.query = self._reader.query(scope["query_string"], request.faults)
        request.headers = self._reader.headers(headers, request.faults)
        if self._validator is not None and not request.refusals:
            await self._read_body(request, receive)
        await self._next(scope, receive, send)

    def _refuse(self, request: Request, headers: Mapping[str, list[str]]) -> None:
        scope = self._operation.scope
        if scope is not None and scope not in request.caller.scopes:
            request.refusals.append(Forbidden(scope))
        if self._operation.answers_json and not media.accepts_json(headers.get("accept", ())):
            request.refusals.append(NotAcceptable())
        if self._validator is not None:
            fault = media.fault_of_body_type(
                headers.get("content-type", ()), headers.get("content-encoding", ())
            )
            if fault is not None:
                request.refusals.append(UnsupportedMediaType(fault))

    async def _read_body(self, request: Request, receive: Receive) -> None:
        assert self._validator is not None
        body = await self._bytes(receive)
        if body is None:
            request.refusals.append(PayloadTooLarge(self._max_bytes))
            return
        try:
            request.body = strict_json.parse(body)
        except strict_json.Malformed as error:
            request.refusals.append(MalformedRequest(str(error)))
            return
        request.faults.extend(self._validator.faults(request.body))

    async def _bytes(self, receive: Receive) -> bytes | None:
        """Read the body; None if it is too large, whatever length was announced."""
        pieces: list[bytes] = []
        size = 0
        more = True
        while more and size <= _DRAINED_BYTES:
            message = await receive()
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._max_bytes:
                pieces.clear()
            else:
                pieces.append(piece)
            more = message.get("more_body", False)
        return None if size > self._max_bytes else b"".join(pieces)


class _IntakeApi(RoutedAPI[Intake]):
    def __init__(self, specification: Specification, *, max_request_bytes: int, **options: Any) -> None:
        super().__init__(specification, **options)
        self._max_request_bytes = max_request_bytes
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> Intake:
        known = contract.operations()[operation.operation_id]
        return Intake(self.next_app, known, self._max_request_bytes)


class IntakeMiddleware(RoutedMiddleware[_IntakeApi]):
    """Gives every routed request to the intake of its operation; others pass by."""

    api_cls = _IntakeApi


def _by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found
