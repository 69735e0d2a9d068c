"""Send bytes over a socket of one's own, where a library would tidy the request or hide part of it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from common_compute_conformance.errors import Inconclusive


def raw_exchange(
    url: str, method: str, path: bytes, headers: Mapping[str, str], timeout: float
) -> tuple[int, httpx.Headers, bytes]:
    """Send a request without a body, its path as it is behind that of `url`.

    Return the status, the headers and whatever came after them, which may be chunked.
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
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
    except OSError as error:
        raise Inconclusive(f"{what}: no answer came ({error})") from error
    head, _, rest = answer.partition(b"\r\n\r\n")
    first, *told = head.decode("latin-1").split("\r\n")
    try:
        status = int(first.split(" ", 2)[1])
    except (IndexError, ValueError) as error:
        raise Inconclusive(f"{what}: the answer is no HTTP: {head[:100]!r}") from error
    pairs = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in told)]
    return status, httpx.Headers(pairs), rest
