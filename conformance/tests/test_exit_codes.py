"""A certification's exit code cannot be had by accident."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from common_compute_conformance.__main__ import main

NOW = "2026-03-01T12:00:00Z"

SERVICE_INFO: dict[str, Any] = {
    "id": "org.example.wrong",
    "name": "Wrong",
    "type": {"group": "org.common-compute", "artifact": "common-compute", "version": "1.0.0"},
    "organization": {"name": "Example", "url": "https://example.org"},
    "version": "0",
    "conforms_to": ["core"],
    "access": {"kind": "none"},
    "limits": {"max_request_bytes": 1_000_000, "max_wait_seconds": 0, "max_page_size": 1000},
}
FACILITY: dict[str, Any] = {
    "id": "wrong",
    "name": "Wrong",
    "description": "",
    "kind": "wrong",
    "conforms_to": ["core", "software"],
    "status": {"state": "available"},
    "architectures": ["amd64"],
    "scheduler": {"kind": "none"},
    "container_runtimes": [],
    "queues": [],
    "storage": [],
    "input_url_schemes": [],
    "resources": {},
    "limits": {
        "max_array_tasks": 1,
        "max_inline_total_bytes": 1000,
        "max_environment_bytes": 1000,
        "result_retention_seconds": 60,
        "stale_after_seconds": 60,
    },
    "reason_codes": [],
    "credential": {"kind": "none", "delegation": "service", "instructions": ""},
    "probe": {"installed": {"kind": "installed", "name": "shell"}},
}


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _handler(**methods: Any) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Quiet,), methods)


def always(status: int, body: bytes) -> type[BaseHTTPRequestHandler]:
    """Answer everything with one status and one body."""

    def do(self: Any) -> None:
        self.answer(status, body)

    return _handler(**{f"do_{method}": do for method in ("GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS")})


class AllJobsFail(_Quiet):
    """Accept every job, and show it as failed at once; nothing ever runs."""

    jobs: ClassVar[dict[str, dict[str, Any]]] = {}

    def do_GET(self) -> None:
        path = self.path.removeprefix("/v1").partition("?")[0]
        if path == "/service-info":
            self.answer(200, json.dumps(SERVICE_INFO).encode())
        elif path == "/facilities":
            self.answer(200, json.dumps({"facilities": [FACILITY]}).encode())
        elif path.removeprefix("/jobs/") in self.jobs:
            self.answer(200, json.dumps(self.jobs[path.removeprefix("/jobs/")]).encode())
        else:
            self.answer(404, b"{}", "application/problem+json")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        del self.headers["Content-Length"]
        job = {
            "id": f"job-{len(self.jobs)}",
            "facility_id": "wrong",
            "owner": "anonymous",
            "state": "failed",
            "reason": {"code": "internal"},
            "attempt": 1,
            "created_at": NOW,
            "updated_at": NOW,
            "stale": False,
            "expires_at": NOW,
            "history": [
                {"state": "pending", "at": NOW, "attempt": 1},
                {"state": "failed", "at": NOW, "attempt": 1},
            ],
            "spec": body,
        }
        self.jobs[job["id"]] = job
        self.answer(201, json.dumps(job).encode())

    def do_DELETE(self) -> None:
        self.jobs.pop(self.path.rpartition("/")[2], None)
        self.answer(204, b"")


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a server on a free port; give its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("status", [200, 401, 404, 500, 503])
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"<html>", json.dumps(SERVICE_INFO).encode(), b'{"facilities": [{}]}']
)
def test_one_answer_to_everything(status: int, body: bytes) -> None:
    """A server that gives one answer to everything exits with 1, whatever the answer."""
    with serving(always(status, body)) as url:
        assert main([url]) == 1


def test_all_jobs_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """A server of which all jobs fail exits with 1, and the report says that no job could be run."""
    AllJobsFail.jobs.clear()
    with serving(AllJobsFail) as url:
        assert main([url]) == 1
    assert "The first job did not run to its end" in capsys.readouterr().out
    assert not AllJobsFail.jobs


def test_nothing_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """A target at which nothing listens exits with 2 and one sentence."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert main([f"http://127.0.0.1:{port}/v1"]) == 2
    assert capsys.readouterr().err.startswith("Nothing answers at ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["not a url"],
        ["ftp://127.0.0.1/v1"],
        ["http://user:secret@127.0.0.1/v1"],
        ["http://127.0.0.1:1/v1", "--only", "CC-NO-001"],
        ["http://127.0.0.1:1/v1", "--class", "no-such-class"],
    ],
)
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments that name nothing exit with 2, and say what would do."""
    assert main(arguments) == 2
    assert capsys.readouterr().err


def test_unknown_facility() -> None:
    """A facility that the target does not have exits with 2."""
    with serving(AllJobsFail) as url:
        assert main([url, "--facility", "elsewhere"]) == 2
