"""Bytes leave in exactly the number that was announced, or the connection tells that they did not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from common_compute_connector.answers import ByteAnswer
from common_compute_connector.http.wire import CutShort, send_chunks


class Source:
    """Chunks, and whether they were given up properly."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.closed = False

    async def read(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self.chunks:
                yield chunk
        finally:
            self.closed = True


def _sent(source: Source, size: int, *, only_headers: bool = False) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def story() -> None:
        chunks = source.read()
        await send_chunks(send, ByteAnswer(200, "text/plain", size, chunks), only_headers=only_headers)
        await chunks.aclose()  # type: ignore[attr-defined]

    asyncio.run(story())
    return sent


def test_chunks_are_sent_as_they_come() -> None:
    """Each chunk is a message of its own, and the last message says that it is."""
    messages = _sent(Source(b"ab", b"c"), 3)

    assert [b"ab", b"c", b""] == [message["body"] for message in messages[1:]]
    assert [True, True, False] == [message.get("more_body", False) for message in messages[1:]]


def test_a_source_that_grew_is_cut() -> None:
    """More bytes than announced stay behind."""
    messages = _sent(Source(b"ab", b"cd", b"ef"), 3)

    assert b"abc" == b"".join(message["body"] for message in messages[1:])


def test_a_source_that_shrank_breaks_the_answer() -> None:
    """Fewer bytes than announced never look like a whole answer."""
    with pytest.raises(CutShort):
        _sent(Source(b"ab"), 3)


def test_headers_alone_read_nothing_to_the_end() -> None:
    """An answer to HEAD does not read the source through, and lets go of it."""
    source = Source(b"ab", b"c")
    messages = _sent(source, 3, only_headers=True)

    assert [b""] == [message["body"] for message in messages[1:]]
    assert source.closed
