"""Send bytes over a socket of one's own, where a library would tidy the request or hide part of it."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from common_compute_conformance.errors import Inconclusive


def raw_exchange(url: str, request_line: str, headers: dict[str, str], timeout: float) -> tuple[int, bytes]:
    """Send a request without a body, and return the status and whatever came after the answer's headers.

    `{path}` in the request line is the path of `url`, for example `/v1`.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    lines = [
        request_line.replace("{path}", parts.path) + " HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    try:
        with socket.create_connection((host, port), timeout) as plain:
            connection = plain
            if parts.scheme == "https":
                connection = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
    except OSError as error:
        raise Inconclusive(f"{request_line}: no answer came ({error})") from error
    head, _, rest = answer.partition(b"\r\n\r\n")
    try:
        return int(head.split(b" ", 2)[1]), rest
    except (IndexError, ValueError) as error:
        raise Inconclusive(f"{request_line}: the answer is no HTTP: {head[:100]!r}") from error
