"""Servers that were written from the contract alone, by others than the kit's authors, are certified."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from common_compute_conformance.outcome import Outcome
from common_compute_conformance.pace import Pace
from common_compute_conformance.runner import certify

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

_HERE = Path(__file__).parent / "right_servers"
_SEED = 20080701


@dataclass(frozen=True)
class RightServer:
    """How to start a server: its command, the tokens of two callers where it wants them, the programs it needs.

    `leaves_out` are the requirements of level SHOULD that it chose not to keep. The command prints a line of JSON
    with the `url`, including `/v1`, once the server answers; on SIGTERM the server ends its jobs, removes what it
    kept below TMPDIR, and exits with 0.
    """

    name: str
    command: tuple[str, ...]
    token: str | None = None
    other_token: str | None = None
    needs: tuple[str, ...] = ()
    leaves_out: tuple[str, ...] = ()


_SMALL = (
    *(sys.executable, str(_HERE / "small" / "server.py"), "--port", "0"),
    *("--token", "alice=token-of-alice", "--token", "bob=token-of-bob"),
)
RIGHT_SERVERS = (
    RightServer("node", ("node", str(_HERE / "node" / "server.mjs"), "--port", "0"), needs=("node",)),
    RightServer("small", _SMALL, "token-of-alice", "token-of-bob", leaves_out=("CC-ERR-012",)),
    RightServer(
        "small-with-a-limit-of-rate",
        (*_SMALL, "--requests-per-second", "100"),
        "token-of-alice",
        "token-of-bob",
        leaves_out=("CC-ERR-012",),
    ),
)

each_right_server = pytest.mark.parametrize(
    "server",
    [
        pytest.param(server, id=server.name, marks=[pytest.mark.needs(*server.needs)])
        for server in RIGHT_SERVERS
    ],
)


@contextmanager
def running(server: RightServer, room: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start a server that keeps its things in `room`; give its process and its base URL."""
    process = subprocess.Popen(
        server.command,
        cwd=room,
        env={"PATH": os.environ["PATH"], "HOME": str(room), "TMPDIR": str(room)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"{server.name} ended with exit code {process.wait(timeout=10)} before it was ready"
        yield process, json.loads(line)["url"]
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


@each_right_server
def test_a_right_server_is_certified(server: RightServer, tmp_path: Path) -> None:
    """A right server is certified for all that it claims: nothing is red, flaky, not assessed or left behind."""
    with running(server, tmp_path) as (_, url):
        certificate = certify(
            url,
            token=server.token,
            other_token=server.other_token,
            strict=not server.leaves_out,
            seed=_SEED,
        )
    against = {
        verdict.requirement.id: f"{verdict.outcome}: {verdict.message}"
        for verdict in certificate.verdicts
        if verdict.claimed and verdict.requirement.verified_by == "http"
        if verdict.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE)
    }
    claimed = [name for name, entry in certificate.classes().items() if entry["claimed"]]
    assert {} == {name: message for name, message in against.items() if name not in server.leaves_out}
    assert set(server.leaves_out) == set(against)
    assert claimed == list(certificate.certified_classes)
    assert ("certified", []) == (certificate.verdict, certificate.facts["left_behind"])


@each_right_server
def test_a_right_server_ends_without_a_trace(server: RightServer, tmp_path: Path) -> None:
    """At SIGTERM a right server ends with 0, its jobs' processes end with it, and its files are gone."""
    room, mark = tmp_path / "room", tmp_path / "pid"
    room.mkdir()
    with running(server, room) as (process, url):
        headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}
        with httpx.Client(base_url=url, headers=headers) as client:
            facility = client.get("/facilities").json()["facilities"][0]
            body = {
                "facility_id": facility["id"],
                "software": facility["probe"]["installed"],
                "command": [
                    "/bin/sh",
                    "-c",
                    'echo $$ > "$1.new"; mv "$1.new" "$1"; exec sleep 300',
                    "sh",
                    str(mark),
                ],
            }
            assert 201 == client.post("/jobs", json=body).status_code
        pid = next(int(mark.read_text()) for _ in Pace().polls(30) if mark.exists())
        process.terminate()
        assert 0 == process.wait(timeout=30)
    assert [] == list(room.iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
