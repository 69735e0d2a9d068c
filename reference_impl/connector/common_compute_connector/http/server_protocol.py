"""The server's way to refuse bytes that are no HTTP: with a problem document, like every other error.

Such a request never reaches the application, so the server is told: `uvicorn.Config(http=HttpProtocol)`.
"""

from __future__ import annotations

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from common_compute_connector.clock import SystemClock
from common_compute_connector.errors import MalformedRequest
from common_compute_connector.http import media
from common_compute_connector.problems import problem


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1 by httptools, which reads it strictly: a control character in a header is none."""

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
