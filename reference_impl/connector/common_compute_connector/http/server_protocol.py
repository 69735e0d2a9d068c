"""What the server does that the application cannot see: `uvicorn.Config(http=HttpProtocol)`.

It refuses bytes that are no HTTP with a problem document, like every other error. When it stops it lets the
request come that is on its way on a new connection.
"""

from __future__ import annotations

from typing import cast

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from common_compute_connector.clock import SystemClock
from common_compute_connector.errors import MalformedRequest
from common_compute_connector.http import media
from common_compute_connector.problems import problem

_ON_ITS_WAY_SECONDS = 1.0


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1 by httptools, which reads it strictly: a control character in a header is none."""

    _stopping = False

    def shutdown(self) -> None:
        """Finish what was begun, and close; a new connection may still bring its first request.

        Whoever has connected sends. A submission that breaks off then is not sent again by a proxy, since
        nobody knows whether it was taken.
        """
        if self._has_been_asked():
            super().shutdown()
        else:
            self._stopping = True
            self.loop.call_later(_ON_ITS_WAY_SECONDS, self._close_if_nothing_came)

    def on_headers_complete(self) -> None:
        """Begin to answer; the last request of a connection says so."""
        super().on_headers_complete()
        if self._stopping and self._has_been_asked():
            self.cycle.keep_alive = False

    def _close_if_nothing_came(self) -> None:
        if not self._has_been_asked() and not self.transport.is_closing():
            self.transport.close()

    def _has_been_asked(self) -> bool:
        # The parent's annotation hides that there is no cycle before the first request.
        return cast("RequestResponseCycle | None", self.cycle) is not None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (the parser's words are for nobody)
        """Answer and close the connection: where this request ends is not known."""
        request_id = SystemClock().new_id()
        refusal = MalformedRequest("The request is no HTTP message that this server reads.")
        body = orjson.dumps(problem(refusal, "", request_id).document)
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {media.PROBLEM}\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()
