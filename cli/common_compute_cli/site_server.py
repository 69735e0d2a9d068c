"""Serve the pages of a built site, and a mock's API under the same address, so that the pages can ask it."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from common_compute_cli.serving import Served


class SiteAndMock:
    """An ASGI application: a file of the site where there is one, the mock everywhere else."""

    def __init__(self, site: Path, mock: Served) -> None:
        self._pages = StaticFiles(directory=site, html=True)
        self._mock = mock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an exchange, or the server's lifespan."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            try:
                page = await self._pages.get_response(self._pages.get_path(scope), scope)
            except HTTPException:
                pass
            else:
                if page.status_code < 400:  # with `html` a missing file is the site's own page for that
                    await page(scope, receive, send)
                    return
        await self._mock(scope, receive, send)

    def answer_waiting(self) -> None:
        """Answer now whoever waits for a change."""
        self._mock.answer_waiting()
