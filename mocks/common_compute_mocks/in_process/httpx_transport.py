"""Put a mock behind a client of `httpx`."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator
from typing import BinaryIO, cast

import httpx

from common_compute_mocks.in_process.answered import CutShort
from common_compute_mocks.in_process.mock import InProcessMock

_CHUNK_BYTES = 1 << 16


class MockTransport(httpx.BaseTransport):
    """A transport: `httpx.Client(transport=MockTransport(mock), base_url=mock.url)`."""

    def __init__(self, mock: InProcessMock) -> None:
        self._mock = mock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request.

        Raises:
            httpx.RemoteProtocolError: the answer broke off.
        """
        assert not isinstance(request.stream, AsyncIterable) or hasattr(request.stream, "__iter__")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        chunks = (chunk for chunk in cast("httpx.SyncByteStream", request.stream))
        try:
            answered = self._mock.answer(request.method, str(request.url), headers, chunks)
        except CutShort as error:
            raise httpx.RemoteProtocolError("the answer broke off", request=request) from error
        return httpx.Response(answered.status, headers=answered.headers, stream=_Body(answered.reader()))


class _Body(httpx.SyncByteStream):
    def __init__(self, reader: BinaryIO) -> None:
        self._reader = reader

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._reader.read(_CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        self._reader.close()
