"""The console's place in the service: what its paths are, and its pages once somebody wants one."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from common_compute_connector.service import Service


class Gate:
    """The console of a service, whose whole application is `app`; it is made ready for its first visitor.

    Its modules and templates take a quarter of a second, which a server's start need not wait for, nor the
    requests that are served meanwhile.
    """

    def __init__(self, service: Service, app: ASGIApp) -> None:
        self._service = service
        self._app = app
        self._console: ASGIApp | None = None
        self._opening = asyncio.Lock()

    @staticmethod
    def serves(path: str) -> bool:
        """Tell whether a path is one of the console's."""
        return path in ("/", "/console") or path.startswith("/console/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        async with self._opening:
            if self._console is None:
                self._console = await asyncio.to_thread(_opened, self._service, self._app)
        await self._console(scope, receive, send)


def _opened(service: Service, app: ASGIApp) -> ASGIApp:
    from common_compute_connector.console.application import Console  # noqa: PLC0415  (see Gate)

    return Console(service, app)
