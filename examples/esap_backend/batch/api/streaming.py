"""Pass bytes of a job on to the browser, a piece at a time: a result may be larger than the memory."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest, StreamingHttpResponse
from requests import Response

_CHUNK_BYTES = 1 << 16
_OF_THE_REQUEST = ("Range", "If-Range")
_OF_THE_ANSWER = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
)


def range_of(request: HttpRequest) -> dict[str, str]:
    """Give the headers of a request that say which part is wanted."""
    return {name: request.headers[name] for name in _OF_THE_REQUEST if name in request.headers}


def pass_on(opened: Response) -> StreamingHttpResponse:
    """Answer with what was opened.

    It comes from somebody's job. A page out of it, shown under ESAP's own address, could do whatever the user
    can; so it is a file to save, of the type that it says and no other.
    """
    headers = {name: opened.headers[name] for name in _OF_THE_ANSWER if name in opened.headers}
    if not headers.get("Content-Disposition", "").startswith("attachment"):
        headers["Content-Disposition"] = "attachment"
    headers |= {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    return StreamingHttpResponse(_chunks(opened), status=opened.status_code, headers=headers)


def _chunks(opened: Response) -> Iterator[bytes]:
    with opened:
        yield from opened.iter_content(_CHUNK_BYTES)
