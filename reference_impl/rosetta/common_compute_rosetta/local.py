"""The transport to the machine that the service runs on: child processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress

from common_compute_rosetta.transport import Finished, HostUnreachable

_CHUNK = 256 * 1024


class LocalTransport:
    """Child processes in sessions of their own, with an environment that holds `PATH` and `LC_ALL` only.

    An interrupt at the terminal of the service does not reach them.
    """

    def __init__(self, path: str) -> None:
        self._environment: Mapping[str, str] = {"PATH": path, "LC_ALL": "C"}

    async def run(self, argv: Sequence[str], stdin: bytes = b"", *, deadline_seconds: float) -> Finished:
        """Run a command to its end and give all that it wrote."""
        process = await self._start(argv, stderr=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(deadline_seconds):
                stdout, stderr = await process.communicate(stdin)
        except TimeoutError:
            raise HostUnreachable(f"no end after {deadline_seconds:g} s", started=True) from None
        finally:
            await _end(process)
        return Finished(process.returncode or 0, stdout, stderr)

    async def stream(
        self, argv: Sequence[str], stdin: bytes = b"", *, idle_seconds: float
    ) -> AsyncGenerator[bytes, None]:
        """Run a command and give its standard output as it comes."""
        process = await self._start(argv, stderr=asyncio.subprocess.DEVNULL)
        feeding = asyncio.ensure_future(_feed(process, stdin))
        assert process.stdout is not None
        try:
            while True:
                try:
                    async with asyncio.timeout(idle_seconds):
                        chunk = await process.stdout.read(_CHUNK)
                except TimeoutError:
                    raise HostUnreachable(f"nothing came for {idle_seconds:g} s", started=True) from None
                if not chunk:
                    break
                yield chunk
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError):
                await feeding
            await _end(process)

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _start(self, argv: Sequence[str], *, stderr: int) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=self._environment,
                cwd="/",
                start_new_session=True,
                limit=_CHUNK,
            )
        except OSError as error:
            raise HostUnreachable(f"{argv[0]}: {error.strerror}", started=False) from error


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a command that has not ended, with what it started; what it detached goes on."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
