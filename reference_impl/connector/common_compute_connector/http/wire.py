"""Send answers over ASGI: JSON in one piece, bytes in chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import orjson
from starlette.types import Send

from common_compute_connector.answers import Answer, ByteAnswer, Headers
from common_compute_connector.http import media

RawHeaders = list[tuple[bytes, bytes]]


class CutShort(Exception):
    """A source gave fewer bytes than it had announced; the connection must not end as if all were well."""


async def send_answer(send: Send, answer: Answer, media_type: str = media.JSON) -> None:
    """Send a JSON document, or a status without a body."""
    if answer.document is None:
        await _start(send, answer.status, raw_headers(answer.headers))
        await send({"type": "http.response.body", "body": b""})
        return
    await send_bytes(send, answer.status, media_type, orjson.dumps(answer.document), answer.headers)


async def send_bytes(send: Send, status: int, media_type: str, body: bytes, headers: Headers = ()) -> None:
    """Send a body that is at hand."""
    length = str(len(body)).encode()
    told = [(b"content-type", media_type.encode("latin-1")), (b"content-length", length)]
    await _start(send, status, told + raw_headers(headers))
    await send({"type": "http.response.body", "body": body})


async def send_chunks(send: Send, answer: ByteAnswer, *, only_headers: bool) -> None:
    """Send bytes chunk by chunk, exactly as many as announced.

    Raises:
        CutShort: there were fewer.
    """
    told = [
        (b"content-type", answer.media_type.encode("latin-1")),
        (b"content-length", str(answer.size_bytes).encode()),
    ]
    await _start(send, answer.status, told + raw_headers(answer.headers))
    left = answer.size_bytes
    chunks = _as_async(answer.chunks)
    try:
        async for chunk in chunks:
            # A source that was begun closes what it has open.
            if only_headers or left <= 0:
                left = 0
                break
            piece = chunk[:left]
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        await chunks.aclose()
    if left > 0 and not only_headers:
        raise CutShort(left)
    await send({"type": "http.response.body", "body": b""})


def raw_headers(headers: Headers) -> RawHeaders:
    """Write headers as ASGI wants them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _start(send: Send, status: int, headers: RawHeaders) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _as_async(chunks: AsyncIterator[bytes] | Iterator[bytes]):  # type: ignore[no-untyped-def]
    if isinstance(chunks, AsyncIterator):
        async for chunk in chunks:
            yield chunk
    else:
        for chunk in chunks:
            yield chunk
