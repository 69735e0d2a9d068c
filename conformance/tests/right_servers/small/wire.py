"""HTTP/1.1 on a connection that serves one request: what is read of it and what is written to it."""

import email.utils
import http
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import BinaryIO

LONGEST_LINE = 65536
MOST_HEADERS = 200
# What a client sends beyond the limit of a body is read and dropped: a connection that is closed before may lose the
# answer as well.
MOST_DROPPED = 64 * 1024 * 1024

_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.[01]")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", re.DOTALL)


class Unreadable(Exception):
    """The bytes are no request of HTTP/1.1; the message says why."""


@dataclass(frozen=True)
class Request:
    """A request as it came: names of headers in lower case, and of a body too long no more than shows that it is."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answer:
    """An answer: a body in memory, or an open file of `size` bytes that is closed once it is sent."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    file: BinaryIO | None = None
    size: int = 0


def read_request(incoming: BufferedIOBase, outgoing: BufferedIOBase, most_bytes: int) -> Request | None:
    """Read a request with at most one byte more than `most_bytes` of its body; None if the client said nothing."""
    line = _line(incoming)
    if line is None:
        return None
    start = _REQUEST_LINE.fullmatch(line)
    if start is None:
        raise Unreadable("the first line is no request line of HTTP/1.1")
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = _line(incoming)
        if line is None:
            raise Unreadable("the request was cut off")
        if not line:
            break
        found = _HEADER.fullmatch(line)
        if found is None:
            raise Unreadable("a line of the head is no header")
        name = found[1].lower()
        headers[name] = f"{headers[name]}, {found[2]}" if name in headers else found[2]
    else:
        raise Unreadable(f"there are more than {MOST_HEADERS} headers")
    if headers.get("expect", "").lower() == "100-continue":
        outgoing.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(start[1], start[2], headers, _body(incoming, headers, most_bytes + 1))


def write_answer(outgoing: BufferedIOBase, answer: Answer, *, without_body: bool) -> None:
    """Send an answer, and of an answer to HEAD only what stands before the body."""
    size = answer.size if answer.file else len(answer.body)
    headers = {"date": email.utils.formatdate(usegmt=True), **answer.headers, "connection": "close"}
    if answer.status not in (204, 304):
        headers["content-length"] = str(size)
    head = f"HTTP/1.1 {answer.status} {http.HTTPStatus(answer.status).phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    outgoing.write(head.encode("latin-1") + b"\r\n")
    if not without_body:
        outgoing.write(answer.body)
    if answer.file:
        with answer.file:
            if not without_body:
                shutil.copyfileobj(answer.file, outgoing)
    outgoing.flush()


def _line(incoming: BufferedIOBase) -> str | None:
    line = incoming.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise Unreadable(f"a line of the head is longer than {LONGEST_LINE} bytes")
    return line.rstrip(b"\r\n").decode("latin-1") if line.endswith(b"\n") else None


def _body(incoming: BufferedIOBase, headers: Mapping[str, str], most_bytes: int) -> bytes:
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
            raise Unreadable("the length of the body cannot be told")
        return _chunks(incoming, most_bytes)
    length = headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,18}", length):
        raise Unreadable("Content-Length is no number")
    return _part(incoming, int(length), most_bytes)


def _chunks(incoming: BufferedIOBase, most_bytes: int) -> bytes:
    body, total = b"", 0
    while True:
        size = re.fullmatch(r"([0-9A-Fa-f]{1,15})(?:[ \t]*;.*)?", _line(incoming) or "")
        if size is None:
            raise Unreadable("a chunk of the body has no size")
        total += int(size[1], 16)
        if total > MOST_DROPPED:
            raise Unreadable("the body does not end")
        body += _part(incoming, int(size[1], 16), most_bytes - len(body))
        if int(size[1], 16) == 0:
            break
        if _line(incoming) != "":
            raise Unreadable("a chunk of the body has another size than it says")
    while _line(incoming):
        pass
    return body


def _part(incoming: BufferedIOBase, length: int, most_bytes: int) -> bytes:
    kept = incoming.read(min(length, most_bytes))
    left = min(length, MOST_DROPPED) - len(kept)
    while left > 0 and (dropped := incoming.read(min(left, LONGEST_LINE))):
        left -= len(dropped)
    if len(kept) < min(length, most_bytes):
        raise Unreadable("the body was cut off")
    return kept
