"""A server that is told to stop answers whoever has reached it already, and says when it is ready and when it stops."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import uvloop

from common_compute_cli.serving import accept_who_waits
from common_compute_cli.supervision import notify

pytestmark = pytest.mark.real

REQUEST = b"GET /v1/service-info HTTP/1.1\r\nHost: here\r\n\r\n"


@contextmanager
def mock(**environment: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a mock, and give its process and its port."""
    with subprocess.Popen(
        [sys.executable, "-m", "common_compute_cli", "mock", "--flavour", "rosetta", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
    ) as process:
        assert process.stdout is not None
        yield process, int(json.loads(process.stdout.readline())["url"].split(":")[2].partition("/")[0])
        process.kill()


def everything(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    connection.settimeout(20)
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_request_on_its_way_is_answered() -> None:
    """What arrives on a new connection just after the signal is answered, and the answer is the connection's last."""
    with mock() as (process, port), socket.create_connection(("127.0.0.1", port)) as connection:
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.4)
        connection.sendall(REQUEST)
        head, _, body = everything(connection).partition(b"\r\n\r\n")
        assert (b"200", b"connection: close") == (head.split()[1], head.splitlines()[-1])
        assert "conforms_to" in json.loads(body)
        assert 0 == process.wait(20)


def test_a_connection_on_which_nothing_comes_holds_nobody_up() -> None:
    """A new connection that stays silent is closed, and the server ends."""
    with mock() as (process, port), socket.create_connection(("127.0.0.1", port)) as connection:
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert b"" == everything(connection)
        assert 0 == process.wait(20)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_who_waits_to_be_accepted_is_not_reset(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Connections that the kernel has made, and the server has not yet seen, are served before the socket closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(4))
        await writer.drain()
        writer.close()

    async def story(listening: socket.socket, stack: ExitStack) -> list[bytes]:
        server = await asyncio.start_server(serve, sock=listening)
        # The loop does not turn between these lines, so that all of them are in the kernel's queue alone.
        clients = [
            stack.enter_context(socket.create_connection(listening.getsockname(), timeout=20))
            for _ in range(50)
        ]
        for client in clients:
            client.sendall(b"here")
        await accept_who_waits(listening)
        server.close()
        listening.close()
        return await asyncio.gather(*(asyncio.to_thread(everything, client) for client in clients))

    with ExitStack() as stack, asyncio.Runner(loop_factory=new_loop) as runner:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100))
        assert [b"here"] * 50 == runner.run(story(listening, stack))


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(abstract: bool, tmp_path: Path) -> None:
    """A server says READY=1 when it answers and STOPPING=1 when it ends, to a path or to an abstract address."""
    name = f"@{tmp_path}/told" if abstract else str(tmp_path / "told")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0"))
        manager.settimeout(20)
        with mock(NOTIFY_SOCKET=name) as (process, port):
            assert b"READY=1" == manager.recv(100)
            socket.create_connection(("127.0.0.1", port)).close()
            process.send_signal(signal.SIGTERM)
            assert b"STOPPING=1" == manager.recv(100)
            assert 0 == process.wait(20)


def test_without_a_service_manager_nothing_is_told(tmp_path: Path) -> None:
    """Where there is none, where it has gone, and where its address is of another kind, nothing happens."""
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}, {"NOTIFY_SOCKET": "vsock:2:1"}):
        notify("READY=1", environment)


_SWALLOWED = """
import signal
from common_compute_cli.manner import Manner
from common_compute_cli.serving import serve

class Late:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

def assemble():
    Late()
    print("assembled", flush=True)

serve(assemble, "It", Manner("127.0.0.1", 0, False, True, False))
print("served")
"""


def test_a_signal_that_a_clean_up_swallowed_ends_it_all_the_same() -> None:
    """What arrives while Python drops an object is told nobody else: it ends before anything is served."""
    done = subprocess.run([sys.executable, "-c", _SWALLOWED], capture_output=True, text=True, timeout=60)
    assert (0, "assembled\n") == (done.returncode, done.stdout), done.stderr
    assert "SystemExit" in done.stderr
