"""Prism between a client and a live mock: it holds every answer of the conversations against the contract."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = [pytest.mark.real, pytest.mark.needs("node", "npm")]

Prism = Callable[[str], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def prism(npm_programs: Path, contract: Path) -> Prism:
    """Give what runs Prism before a service's base URL, and gives Prism's own."""

    @contextmanager
    def running(upstream: str) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        # Without --errors it only tells what is wrong; CORS it would answer itself.
        options = ["--port", str(port), "--cors=false"]
        command: list[str | Path] = [npm_programs / "prism", "proxy", contract, upstream, *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None
            told = []
            for line in process.stdout:
                told.append(line.decode())
                if "Prism is listening" in told[-1]:
                    break
            else:
                raise AssertionError("".join(told))
            # Its log is long: nobody may let the pipe fill up.
            reading = threading.Thread(target=process.stdout.read, daemon=True)
            reading.start()
            try:
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()
                reading.join()

    return running


@pytest.mark.parametrize("bearer", [False, True], ids=["open", "bearer"])
def test_prism_finds_no_fault_with_any_answer(
    bearer: bool,
    prism: Prism,
    live_mock: Any,
    conversation: ModuleType,
    wire_party: Any,
    prism_party: ModuleType,
) -> None:
    """Of a whole conversation, Prism reports no answer that the contract does not allow."""
    with live_mock("--clock", "held", *(["--bearer"] if bearer else [])) as mock, prism(mock.url) as url:
        party = prism_party.PrismParty(wire_party(url, mock.advance), wire_party(mock.origin, mock.advance))
        if bearer:
            exchanges = conversation.converse_as_callers(party, *mock.tokens.values())
        else:
            exchanges = conversation.converse(party, leaps=True)
    assert [] == party.violations
    beyond = [each.request for each in exchanges if prism_party.is_beyond_prism(*each.request)]
    assert len(exchanges) - len(beyond) == party.through > 0.8 * len(exchanges)


class Wrong(BaseHTTPRequestHandler):
    """A service whose answers have the wrong form: a member missing, a header missing, a wrong type."""

    def do_GET(self) -> None:
        body = b'{"status": "fine"}' if self.path.endswith("/health") else b'{"facilities": [{"id": 7}]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_prism_tells_a_wrong_service(prism: Prism, wire_party: Any, prism_party: ModuleType) -> None:
    """The test above can fail: of a service that is wrong, Prism tells what is wrong and where."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Wrong) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with prism(f"http://127.0.0.1:{server.server_port}/v1") as url:
            wire = wire_party(url, None)
            party = prism_party.PrismParty(wire, wire)
            party.send("GET", "/v1/health", [], None)
            party.send("GET", "/v1/facilities", [], None)
        server.shutdown()
    told = {(path, ".".join(violation["location"])) for _, path, violation in party.violations}
    assert ("/v1/health", "response.body.status") in told
    assert ("/v1/health", "response.header") in told
    assert ("/v1/facilities", "response.body.facilities.0.id") in told
