"""A mock in process answers to the byte as the same mock does over the wire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import util
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import requests

from common_compute_mocks.in_process import (
    InProcessMock,
    MockSettings,
    MockTransport,
    intercepted,
    session_with,
)


def _load(name: str) -> Any:
    spec = util.spec_from_file_location(f"mocks_tests_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


conversation = _load("conversation")
Headers = Sequence[tuple[str, str]]
Body = bytes | tuple[bytes, ...] | None

_OF_THE_CONNECTION = {"date", "server", "connection", "keep-alive", "transfer-encoding"}
SEED = 11


class ByRequests:
    """Sends by a session of `requests`, without anything that it would add of its own."""

    def __init__(self, mock: InProcessMock, session: requests.Session) -> None:
        self._mock, self._session = mock, session
        self.advance = mock.advance

    def send(self, method: str, path: str, headers: Headers, body: Body) -> tuple[int, Headers, bytes]:
        """Send a request, several headers of a name joined as `requests` can have only one."""
        prepared = requests.PreparedRequest()
        prepared.prepare(method, self._mock.origin + "/", hooks={})
        prepared.url = self._mock.origin + path
        prepared.headers.clear()
        for name, value in headers:
            joined = f"{prepared.headers[name]}, {value}" if name in prepared.headers else value
            prepared.headers[name] = joined
        prepared.body = iter(body) if isinstance(body, tuple) else body  # type: ignore[assignment]
        if isinstance(body, bytes):
            prepared.headers["Content-Length"] = str(len(body))
        elif body is not None:
            prepared.headers["Transfer-Encoding"] = "chunked"
        answer = self._session.send(prepared, allow_redirects=False)
        return answer.status_code, list(answer.raw.headers.items()), answer.content


class ByHttpx:
    """Sends by a client of `httpx`."""

    def __init__(self, mock: InProcessMock) -> None:
        self._client = httpx.Client(transport=MockTransport(mock))
        self._mock = mock
        self.advance = mock.advance

    def send(self, method: str, path: str, headers: Headers, body: Body) -> tuple[int, Headers, bytes]:
        """Send a request."""
        url = httpx.URL(self._mock.origin, raw_path=path.encode())
        sent = [("Host", url.host), *headers]
        content: Any = iter(body) if isinstance(body, tuple) else body
        stream = httpx.Request(method, url, headers=sent, content=content)
        answer = self._client.send(stream)
        return answer.status_code, answer.headers.multi_items(), answer.content


class Itself:
    """Asks the mock in process without a client."""

    def __init__(self, mock: InProcessMock) -> None:
        self._mock = mock
        self.advance = mock.advance

    def send(self, method: str, path: str, headers: Headers, body: Body) -> tuple[int, Headers, bytes]:
        """Hand a request over as it would come over the wire."""
        told = list(headers)
        if isinstance(body, bytes):
            told.append(("Content-Length", str(len(body))))
        elif body is not None:
            told.append(("Transfer-Encoding", "chunked"))
        answered = self._mock.answer(method, self._mock.origin + path, told, body)
        return answered.status, answered.text_headers, answered.reader().read()


@pytest.fixture(scope="module")
def live() -> Iterator[str]:
    """Serve a mock with a held clock, and give its origin."""
    program = Path(sys.executable).with_name("common-compute")
    command = [str(program), "mock", "--clock", "held", "--seed", str(SEED), "--json", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield orjson.loads(process.stdout.readline())["url"].removesuffix("/v1")
        process.stdin.close()


@pytest.fixture(scope="module")
def said(live: str) -> Any:
    """Hold the conversation over the wire."""
    wire = _load("clients/wire_party")

    def pass_time(seconds: float) -> None:
        requests.post(f"{live}/mock/clock", json={"advance_seconds": seconds}, timeout=60).raise_for_status()

    party = wire.WireParty(live, pass_time)
    try:
        return conversation.converse(party, leaps=True)
    finally:
        party.close()


def _has_one_of_a_name(request: Any) -> bool:
    names = [name.lower() for name, _ in request.headers]
    return len(names) == len(set(names))


def _through_responses(mock: InProcessMock) -> Any:
    return ByRequests(mock, requests.Session())


def _through_adapter(mock: InProcessMock) -> Any:
    return ByRequests(mock, session_with(mock))


# A dictionary of headers, which is what `requests` sends, cannot say one thing twice.
for _way in (_through_responses, _through_adapter):
    _way.has_one_header_of_a_name = True  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", [Itself, _through_responses, _through_adapter, ByHttpx])
def test_in_process_answers_as_over_the_wire(said: Any, way: Callable[[InProcessMock], Any]) -> None:
    """With the same seed and a held clock every answer is the same to the byte, headers included."""
    mock = InProcessMock(MockSettings(held=True, seed=SEED))
    try:
        with intercepted(mock):
            told = conversation.converse(way(mock), leaps=True)
    finally:
        mock.close()
    assert 100 < len(said) == len(told)
    for there, here in zip(said, told, strict=True):
        assert there.request == here.request
        if not getattr(way, "has_one_header_of_a_name", False) or _has_one_of_a_name(there.request):
            assert _comparable(there.answer) == _comparable(here.answer), there.request


def test_the_conversation_repeats_itself_after_a_reset(live: str, said: Any) -> None:
    """After `POST /mock/reset` the same requests have the same answers again."""
    requests.post(f"{live}/mock/reset", timeout=60).raise_for_status()
    wire = _load("clients/wire_party")

    def pass_time(seconds: float) -> None:
        requests.post(f"{live}/mock/clock", json={"advance_seconds": seconds}, timeout=60).raise_for_status()

    party = wire.WireParty(live, pass_time)
    again = conversation.converse(party, leaps=True)
    party.close()
    assert [_comparable(exchange.answer) for exchange in said] == [
        _comparable(exchange.answer) for exchange in again
    ]


def test_another_seed_has_other_answers(said: Any) -> None:
    """The comparison can fail: with another seed, ids and hosts are others."""
    mock = InProcessMock(MockSettings(held=True, seed=SEED + 1))
    told = conversation.converse(Itself(mock), leaps=True)
    mock.close()
    assert any(_comparable(a.answer) != _comparable(b.answer) for a, b in zip(said, told, strict=True))


def _comparable(answer: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = [(name.lower(), value) for name, value in answer.headers]
    return answer.status, [pair for pair in headers if pair[0] not in _OF_THE_CONNECTION], answer.body
