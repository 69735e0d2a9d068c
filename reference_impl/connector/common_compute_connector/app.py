"""Make the ASGI application: connexion's routing around our own handlers, inside the envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from common_compute_connector import contract
from common_compute_connector.answers import ByteAnswer
from common_compute_connector.errors import NotFound
from common_compute_connector.http.connexion_parts import ConnexionMiddleware, Resolver, RoutingMiddleware
from common_compute_connector.http.envelope import Envelope
from common_compute_connector.http.exchange import exchange_of
from common_compute_connector.http.handlers import HANDLERS
from common_compute_connector.http.intake import IntakeMiddleware
from common_compute_connector.http.prologue import Prologue
from common_compute_connector.http.responses import ContractBroken, ResponseCheck
from common_compute_connector.http.wire import send_answer, send_chunks
from common_compute_connector.service import Service

_log = structlog.get_logger(__name__)


class App:
    """One service over ASGI. It is started and stopped by the server's lifespan, or by `start` and `stop`."""

    def __init__(self, service: Service, beside: Mapping[str, ASGIApp]) -> None:
        self.service = service
        operations = ConnexionMiddleware(
            _Operations(service),
            # Nothing else of connexion is needed: what its other layers do is done once, at the start.
            middlewares=cast("list[ASGIApp]", [RoutingMiddleware, IntakeMiddleware]),
        )
        operations.add_api(
            _routes(),
            base_path=contract.base_path(),
            resolver=Resolver(lambda name: HANDLERS[name].answer),
            max_request_bytes=service.limits.max_request_bytes,
        )
        self._envelope = Envelope(service, operations, beside)
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an exchange, or the server's lifespan."""
        if scope["type"] == "http":
            await self._envelope(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def start(self) -> None:
        """Get the facilities' documents and begin to look after the jobs."""
        await self.service.dispatcher.open()
        self.service.dispatcher.start()
        self._started = True

    def answer_waiting(self) -> None:
        """Answer now whoever waits for a change of a job, so that a stop holds nobody up."""
        self.service.store.changes.close()

    async def stop(self) -> None:
        """End everything that `start` began, and close the store; jobs at facilities go on."""
        self.answer_waiting()
        if self._started:
            await self.service.dispatcher.stop()
        await self.service.facilities.close()
        await self.service.access.close()
        await self.service.store.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except Exception as error:  # noqa: BLE001  (the server is told, and does not serve)
            _log.exception("the service did not start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def create_app(service: Service, beside: Mapping[str, ASGIApp] | None = None) -> App:
    """Make the application of a service; `beside` are other applications, by the path that they begin at."""
    return App(service, beside or {})


def _routes() -> dict[str, Any]:
    """Give connexion what it routes by: paths, methods, ids; the rest of the contract is compiled here.

    It would check the whole document at every start, which the contract's own tests do once. A job's path
    comes first, since it is what is asked most.
    """
    paths: dict[str, Any] = {"/jobs/{job_id}": {}}
    for operation in contract.operations().values():
        paths.setdefault(operation.path, {})[operation.method.lower()] = {
            "operationId": operation.id,
            "parameters": [
                {"name": entry.name, "in": "path", "required": True, "schema": {"type": "string"}}
                for entry in operation.parameters
                if entry.place == "path"
            ],
            "responses": {"default": {"description": "See the contract."}},
        }
    document = contract.document()
    return {"openapi": document["openapi"], "info": document["info"], "paths": paths}


class _Operations:
    """The innermost application: the operation's prologue, its handler, and a last look at the answer."""

    def __init__(self, service: Service) -> None:
        self._prologues = {
            name: Prologue(service, operation, HANDLERS[name])
            for name, operation in contract.operations().items()
        }
        self._checks = {name: ResponseCheck(operation) for name, operation in contract.operations().items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        exchange = exchange_of(scope)
        request = exchange.request
        if request is None:
            raise NotFound("such path")
        name = request.operation.id
        answer = await self._prologues[name].answer(request)
        try:
            self._checks[name].check(answer)
        except ContractBroken as broken:
            _log.error(
                "an answer does not fit the contract",
                request_id=exchange.request_id,
                operation=name,
                status=broken.status,
                faults=[(fault.pointer, fault.detail) for fault in broken.faults],
            )
            raise
        if isinstance(answer, ByteAnswer):
            await send_chunks(send, answer, only_headers=scope["method"] == "HEAD")
        else:
            await send_answer(send, answer)
