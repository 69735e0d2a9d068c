"""Commands on this machine: what they get, what is told of them, and how they are stopped."""

import asyncio
import os
import subprocess
import time
from pathlib import Path

import pytest
import uvloop

from common_compute_rosetta.local import LocalTransport
from common_compute_rosetta.transport import HostUnreachable

pytestmark = pytest.mark.real


@pytest.fixture
def transport():
    return LocalTransport("/usr/bin:/bin")


async def test_a_command_reads_and_writes_bytes(transport):
    """Input goes in, output and complaints come out apart, with the exit code; no shell reads the words."""
    script = "cat; printf '%s\\n' \"$1\" >&2; exit 3"
    finished = await transport.run(["sh", "-c", script, "sh", "$(x) *"], b"\x00in\xff", deadline_seconds=10)
    assert (3, b"\x00in\xff", b"$(x) *\n") == (finished.exit_code, finished.stdout, finished.stderr)


async def test_a_command_that_does_not_read_its_input(transport):
    """A megabyte that nobody wants does no harm."""
    finished = await transport.run(["true"], b"x" * 1_000_000, deadline_seconds=10)
    assert 0 == finished.exit_code
    pieces = [piece async for piece in transport.stream(["echo", "y"], b"x" * 1_000_000, idle_seconds=10)]
    assert b"y\n" == b"".join(pieces)


async def test_the_environment_is_ours(transport, monkeypatch):
    """A command sees nothing of the server's environment."""
    monkeypatch.setenv("SECRET", "1")
    finished = await transport.run(["env"], deadline_seconds=10)
    assert {b"PATH=/usr/bin:/bin", b"LC_ALL=C"} == set(finished.stdout.split())


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_a_command_detaches_holds_nobody_up(transport, loop_factory):
    """A command's end is told though a detached child lives, and that child has none of our open files."""

    async def story() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        inherited = os.open("/dev/null", os.O_RDONLY)
        os.set_inheritable(inherited, True)
        detach = (
            "setsid setsid sh -c 'ls -l /proc/self/fd >$0; sleep 20' $0 </dev/null >/dev/null 2>&1; echo $$"
        )
        file = f"/tmp/detached.{os.getpid()}"
        try:
            finished = await transport.run(["sh", "-c", detach, file], deadline_seconds=10)
            assert 0 == finished.exit_code
            await asyncio.to_thread(wait_for, Path(file), "/proc/")
            lines = await asyncio.to_thread(Path(file).read_text)
            assert 4 == lines.count("->"), lines
            assert "socket:" not in lines
        finally:
            os.close(inherited)
            server.close()
            os.unlink(file)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(story())


def wait_for(file: Path, text: str) -> None:
    while not file.exists() or text not in file.read_text():
        time.sleep(0.01)


async def test_a_deadline_kills_the_command_and_its_children(transport, is_alive):
    """At its deadline a command ends with its group, and nobody knows what became of it."""
    with pytest.raises(HostUnreachable) as raised:
        await transport.run(["sh", "-c", "sleep 60 & sleep 60"], deadline_seconds=0.2)
    assert (True, "no end after 0.2 s") == (raised.value.started, raised.value.detail)


async def test_a_command_that_cannot_be_started(transport):
    """A command that is not there certainly did nothing."""
    with pytest.raises(HostUnreachable) as raised:
        await transport.run(["no-such-command"], deadline_seconds=1)
    assert not raised.value.started


async def test_a_stream_that_falls_silent(transport):
    """A stream gives what came, and gives up when nothing comes."""
    stream = transport.stream(["sh", "-c", "echo x; sleep 60"], idle_seconds=0.3)
    assert b"x\n" == await anext(stream)
    with pytest.raises(HostUnreachable):
        await anext(stream)


async def test_a_stream_that_nobody_wants_any_more(transport, is_alive):
    """Whoever stops reading stops the command."""
    stream = transport.stream(["sh", "-c", "echo $$; exec cat /dev/zero"], idle_seconds=10)
    pid = int((await anext(stream)).split(b"\n")[0])
    assert is_alive(pid)
    await stream.aclose()
    assert not is_alive(pid)


async def test_a_cancelled_call_leaves_no_process(transport, tmp_path, is_alive):
    """A call that is called off kills what it started."""
    file = tmp_path / "pid"
    call = asyncio.create_task(transport.run(["sh", "-c", f"echo $$ >{file}; sleep 60"], deadline_seconds=60))
    await asyncio.to_thread(wait_for, file, "\n")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not is_alive(int(file.read_text()))


async def test_a_call_that_is_cancelled_while_it_begins_leaves_no_process(
    transport, tmp_path, is_alive, monkeypatch
):
    """What has been started is ended, also if nobody had heard of it yet when the call was called off."""
    started = subprocess.Popen

    def slow(*arguments, **options):
        process = started(*arguments, **options)
        time.sleep(0.5)
        return process

    monkeypatch.setattr(subprocess, "Popen", slow)
    file = tmp_path / "pid"
    call = asyncio.create_task(transport.run(["sh", "-c", f"echo $$ >{file}; sleep 60"], deadline_seconds=60))
    await asyncio.to_thread(wait_for, file, "\n")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not is_alive(int(file.read_text()))
