"""Put a mock at its origin in one session of `requests`, and touch nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

from common_compute_mocks.in_process.answered import Answered, CutShort
from common_compute_mocks.in_process.mock import InProcessMock

_CHUNK_BYTES = 1 << 16


class MockAdapter(BaseAdapter):
    """A transport adapter: `session.mount(mock.origin, MockAdapter(mock))`."""

    def __init__(self, mock: InProcessMock) -> None:
        super().__init__()
        self._mock = mock
        self._building = HTTPAdapter()

    def send(  # the signature is that of `requests`
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Answer a request; what the other arguments are about does not happen here."""
        del stream, timeout, verify, cert, proxies
        answered = answered_by(self._mock, request)
        raw = HTTPResponse(
            body=answered.reader(),
            headers=HTTPHeaderDict(answered.text_headers),
            status=answered.status,
            reason=HTTPStatus(answered.status).phrase,
            preload_content=False,
            request_method=request.method,
        )
        return self._building.build_response(request, raw)

    def close(self) -> None:
        """Leave the mock as it is: it may have other clients."""


def session_with(mock: InProcessMock) -> requests.Session:
    """Give a session that has a mock at its origin."""
    session = requests.Session()
    session.mount(mock.origin, MockAdapter(mock))
    return session


def answered_by(mock: InProcessMock, request: requests.PreparedRequest) -> Answered:
    """Hand a prepared request over, as it would have been sent.

    Raises:
        requests.ConnectionError: the answer broke off.
    """
    assert request.method is not None, "a prepared request has one"
    assert request.url is not None, "a prepared request has one"
    headers = [(name, _text(value)) for name, value in request.headers.items()]
    try:
        return mock.answer(request.method, request.url, headers, _body(request.body))
    except CutShort as error:
        raise requests.ConnectionError(error, request=request) from error


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _body(body: Any) -> bytes | Iterable[bytes] | None:
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        return iter(lambda: body.read(_CHUNK_BYTES), b"")
    checked: bytes | Iterable[bytes] | None = body
    return checked
