"""Commands on another machine over SSH: what the local transport promises, and what only a network brings."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import paramiko
import pytest

from common_compute_connector.clock import SystemClock
from common_compute_rosetta import ssh
from common_compute_rosetta.keys import Cabinet
from common_compute_rosetta.ssh import CHANNELS_AT_ONCE, KeyRefused, Login, SshTransport
from common_compute_rosetta.transport import HostUnreachable

pytestmark = [pytest.mark.real, pytest.mark.needs("sshd")]


@pytest.fixture
def transport(daemon: Any) -> Iterator[SshTransport]:
    """Give a transport to it."""
    transport = SshTransport(daemon.login, SystemClock())
    yield transport
    asyncio.run(transport.close())


async def test_a_command_reads_and_writes_bytes(transport: SshTransport) -> None:
    """Input goes in, output and complaints come out apart, with the exit code; no shell reads the words."""
    script = "cat; printf '%s\\n' \"$1\" >&2; exit 3"
    words = "$(x) * 'y' \"z\" \\ ! ä"
    finished = await transport.run(["sh", "-c", script, "sh", words], b"\x00in\xff", deadline_seconds=10)
    assert (3, b"\x00in\xff", words.encode() + b"\n") == (
        finished.exit_code,
        finished.stdout,
        finished.stderr,
    )


async def test_much_goes_both_ways_at_once(transport: SshTransport) -> None:
    """Eight megabytes in and out and as complaints, through windows of two, hold nobody up."""
    data = os.urandom(8 << 20)
    finished = await transport.run(["sh", "-c", "tee /dev/stderr"], data, deadline_seconds=60)
    assert data == finished.stdout == finished.stderr


async def test_a_command_that_does_not_read_its_input(transport: SshTransport) -> None:
    """Megabytes that nobody wants do no harm."""
    finished = await transport.run(["true"], b"x" * 5_000_000, deadline_seconds=20)
    assert 0 == finished.exit_code
    pieces = [piece async for piece in transport.stream(["echo", "y"], b"x" * 5_000_000, idle_seconds=20)]
    assert b"y\n" == b"".join(pieces)


async def test_a_death_by_signal_is_no_success(transport: SshTransport) -> None:
    """A command that was killed has no exit code of its own."""
    finished = await transport.run(["sh", "-c", "kill -9 $$"], deadline_seconds=10)
    assert finished.exit_code not in range(126)


async def test_more_commands_than_channels(transport: SshTransport) -> None:
    """Thirty commands at once are all run, never more than five of them at the same time."""
    script = "touch run.$$; ls run.* | wc -l; sleep 0.2; rm run.$$"
    room = (await transport.run(["mktemp", "-d"], deadline_seconds=10)).stdout.decode().strip()
    argv = ["sh", "-c", f"cd {room} && {script}"]
    done = await asyncio.gather(*(transport.run(argv, deadline_seconds=60) for _ in range(30)))
    counts = [int(finished.stdout) for finished in done]
    assert 30 == len(counts)
    assert 1 < max(counts) <= CHANNELS_AT_ONCE
    await transport.run(["rm", "-r", room], deadline_seconds=10)


@pytest.mark.parametrize("reason", ["told", "taken by another"])
async def test_refused_channels_are_tried_again(
    daemon: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What sshd refuses because another client of the account has its sessions is run later."""
    if reason != "told":
        # Channels that are refused at the same time share one place for the reason.
        monkeypatch.setattr(paramiko.Transport, "get_exception", lambda _link: None)
    transports = [SshTransport(daemon.login, SystemClock()) for _ in range(2)]
    (daemon.room / "config").write_text(
        (daemon.room / "config").read_text().replace("MaxSessions 10", "MaxSessions 2")
    )
    assert daemon.process is not None
    os.kill(daemon.process.pid, signal.SIGHUP)
    try:
        async with asyncio.timeout(60):
            for _ in range(100):  # it takes a moment until it listens again
                try:
                    await transports[0].connect()
                    break
                except HostUnreachable:
                    await asyncio.sleep(0.1)
            done = await asyncio.gather(
                *(transports[0].run(["sleep", "0.1"], deadline_seconds=30) for _ in range(8))
            )
        assert [0] * 8 == [finished.exit_code for finished in done]
    finally:
        for transport in transports:
            await transport.close()
        (daemon.room / "config").write_text(
            (daemon.room / "config").read_text().replace("MaxSessions 2", "MaxSessions 10")
        )
        daemon.stop()
        daemon.start()


async def test_deadlines_hold(transport: SshTransport) -> None:
    """A command that does not end, and a stream in which nothing comes, are given up; the connection stays."""
    with pytest.raises(HostUnreachable, match="no end") as late:
        await transport.run(["sleep", "30"], deadline_seconds=0.3)
    assert late.value.started
    with pytest.raises(HostUnreachable, match="nothing came"):
        async for _ in transport.stream(["sh", "-c", "echo a; sleep 30"], idle_seconds=0.3):
            pass
    assert 0 == (await transport.run(["true"], deadline_seconds=10)).exit_code


async def test_a_consumer_that_stops_ends_the_stream(transport: SshTransport) -> None:
    """Who reads the beginning only leaves no endless command behind."""
    marker = f"cc-stream-{os.getpid()}"
    stream = transport.stream(["sh", "-c", f": {marker}; while echo yes; do :; done"], idle_seconds=10)
    async for _ in stream:
        break
    await stream.aclose()
    for _ in range(50):
        if not _processes(f": {marker}"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it goes on")


async def test_a_lost_connection_is_told_and_made_again(daemon: Any, transport: SshTransport) -> None:
    """What ran when the daemon died is unknown; while it is away nothing is started; then all is well again."""
    running = asyncio.ensure_future(transport.run(["sleep", "30"], deadline_seconds=60))
    await asyncio.sleep(0.5)
    sessions = _children(daemon.process.pid)
    daemon.stop()
    for process in sessions:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    with pytest.raises(HostUnreachable) as lost:
        await running
    assert lost.value.started
    for _ in range(3):
        with pytest.raises(HostUnreachable) as away:
            await transport.run(["true"], deadline_seconds=10)
        assert not away.value.started
    daemon.start()
    async with asyncio.timeout(60):
        while True:
            try:
                finished = await transport.run(["true"], deadline_seconds=10)
                break
            except HostUnreachable:
                await asyncio.sleep(0.2)
    assert 0 == finished.exit_code


async def test_a_connection_that_fell_silent_is_given_up(
    daemon: Any, transport: SshTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs over a connection in which nothing comes any more is unknown long before its deadline."""
    monkeypatch.setattr(ssh, "_ALIVE_EVERY_SECONDS", 0.2)
    monkeypatch.setattr(ssh, "_ALIVE_WITHIN_SECONDS", 1.0)
    running = asyncio.ensure_future(transport.run(["sleep", "1.5"], deadline_seconds=600))
    # A command that says nothing is no silent host.
    assert 0 == (await running).exit_code
    running = asyncio.ensure_future(transport.run(["sleep", "600"], deadline_seconds=600))
    await asyncio.sleep(0.5)
    sessions = _children(daemon.process.pid)
    for process in sessions:
        os.kill(process, signal.SIGSTOP)
    try:
        async with asyncio.timeout(30):
            with pytest.raises(HostUnreachable) as lost:
                await running
            assert lost.value.started
            assert 0 == (await transport.run(["true"], deadline_seconds=10)).exit_code
    finally:
        for process in sessions:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _children(process: int) -> list[int]:
    """Give all processes below one."""
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True)
    below = [int(line) for line in told.stdout.split()]
    return below + [pid for child in below for pid in _children(child)]


def _processes(command: str) -> list[int]:
    found = subprocess.run(["pgrep", "-f", command], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def _other_key(login: Login) -> Login:
    cabinet = Cabinet(["y" * 32])
    return replace(login, private_key=cabinet.open(cabinet.new_pair((), "c").sealed, ()))


def _other_host_key(login: Login) -> Login:
    return replace(login, host_key=Cabinet(["y" * 32]).new_pair((), "").public_line.strip())


def _unknown_account(login: Login) -> Login:
    return replace(login, account="nobody-of-that-name")


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (_other_key, KeyRefused, "does not take the key"),
        (_unknown_account, KeyRefused, "does not take the key"),
        (_other_host_key, HostUnreachable, "host key"),
        (lambda login: replace(login, host_key="ssh-rsa AAAA"), HostUnreachable, "host key"),
        (lambda login: replace(login, port=1), HostUnreachable, "refused"),
        (lambda login: replace(login, host="host.invalid"), HostUnreachable, "host.invalid"),
    ],
)
async def test_who_is_not_who_they_should_be(
    daemon: Any, wrong: Callable[[Login], Login], error: type[Exception], words: str
) -> None:
    """A key that is not taken, a host that is another one, and none at all are told apart; nothing is run."""
    transport = SshTransport(wrong(daemon.login), SystemClock())
    with pytest.raises(error, match=words) as told:
        await transport.run(["true"], deadline_seconds=10)
    assert type(told.value) is error
    assert not told.value.started  # type: ignore[attr-defined]
    assert "PRIVATE KEY" not in str(told.value) + repr(transport) + repr(daemon.login)
    await transport.close()


async def test_no_agent_and_no_default_key_is_used(daemon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the home directory, and those of an agent, are never offered."""
    home = daemon.room / "home"
    (home / ".ssh").mkdir(parents=True, exist_ok=True)
    (home / ".ssh" / "id_ed25519").write_text(daemon.login.private_key)
    monkeypatch.setenv("HOME", str(home))
    transport = SshTransport(_other_key(daemon.login), SystemClock())
    with pytest.raises(KeyRefused):
        await transport.connect()
    await transport.close()
