"""Send bytes over a socket of one's own, where a library would tidy the request or hide part of it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

import httpx

from common_compute_conformance.errors import Inconclusive


def raw_exchange(
    url: str, method: str, path: bytes, headers: Mapping[str, str], timeout: float
) -> tuple[int, httpx.Headers, bytes]:
    """Send a request without a body, its path as it is behind that of `url`.

    Return the status, the headers and the body; of an answer to HEAD whatever came after its headers.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    lines = [
        f"Host: {parts.netloc}",
        "Connection: close",
        *(f"{name}: {each}" for name, each in headers.items()),
    ]
    request = b"%s %s%s HTTP/1.1\r\n" % (method.encode(), parts.path.encode(), path)
    request += "\r\n".join([*lines, "", ""]).encode("latin-1")
    what = f"{method} {path[:100]!r}"
    try:
        with socket.create_connection((host, port), timeout) as plain:
            connection = plain
            if parts.scheme == "https":
                connection = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
            connection.sendall(request)
            answer = HTTPResponse(connection, method=method)
            answer.begin()
            body = answer.fp.read() if method == "HEAD" else answer.read()
    except (OSError, HTTPException) as error:
        raise Inconclusive(f"{what}: no answer came ({type(error).__name__}: {error})") from error
    return answer.status, httpx.Headers(answer.getheaders()), body
