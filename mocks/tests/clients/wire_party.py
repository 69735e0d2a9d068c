"""A party of the conversation at a URL: requests go over the wire exactly as they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

Headers = Sequence[tuple[str, str]]
Body = bytes | tuple[bytes, ...] | None


class WireParty:
    """Sends each request over a connection of its own; `pass_time` lets time pass at the other end."""

    def __init__(self, url: str, pass_time: Callable[[float], None]) -> None:
        self._address = str(urlsplit(url).netloc)
        self.advance = pass_time

    def send(self, method: str, path: str, headers: Headers, body: Body) -> tuple[int, Headers, bytes]:
        """Send a request, its pieces chunked, and give status, headers and body of its answer."""
        with closing(HTTPConnection(self._address, timeout=60)) as wire:
            wire.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                wire.putheader(name, value)
            if isinstance(body, bytes):
                wire.putheader("Content-Length", str(len(body)))
            elif body is not None:
                wire.putheader("Transfer-Encoding", "chunked")
            wire.endheaders()
            if isinstance(body, bytes):
                wire.send(body)
            elif body is not None:
                for piece in body:
                    wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                wire.send(b"0\r\n\r\n")
            answer = wire.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def close(self) -> None:
        """Do nothing: no connection outlives its request."""
