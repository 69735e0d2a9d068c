"""The transport to the machine that the service runs on: child processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, TypeVar

from common_compute_rosetta.transport import Finished, HostUnreachable

_CHUNK = 256 * 1024
_AT_ONCE = 16

T = TypeVar("T")


class LocalTransport:
    """Child processes in sessions of their own, with an environment that holds `PATH` and `LC_ALL` only.

    An interrupt at the terminal of the service does not reach them, and they inherit none of its open files:
    so they are the standard library's own, in threads. The event loop's would not do: uvloop's children keep
    what is open there, and what such a child detaches would hold our end of its pipes open for ever.
    """

    def __init__(self, path: str) -> None:
        self._environment: Mapping[str, str] = {"PATH": path, "LC_ALL": "C"}
        self._threads = ThreadPoolExecutor(_AT_ONCE, "local-transport")

    async def run(self, argv: Sequence[str], stdin: bytes = b"", *, deadline_seconds: float) -> Finished:
        """Run a command to its end and give all that it wrote."""
        process = await self._start(argv, stderr=subprocess.PIPE)
        talking = self._in_thread(lambda: process.communicate(stdin, deadline_seconds))
        try:
            stdout, stderr = await asyncio.shield(talking)
        except subprocess.TimeoutExpired:
            raise HostUnreachable(f"no end after {deadline_seconds:g} s", started=True) from None
        finally:
            await self._end(process, talking)
        return Finished(process.returncode, stdout, stderr)

    async def stream(
        self, argv: Sequence[str], stdin: bytes = b"", *, idle_seconds: float
    ) -> AsyncGenerator[bytes, None]:
        """Run a command and give its standard output as it comes."""
        process = await self._start(argv, stderr=subprocess.DEVNULL)
        assert process.stdin is not None
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        feeding = self._in_thread(_feeder(process.stdin, stdin))
        reading: asyncio.Future[bytes] | None = None
        try:
            while True:
                reading = self._in_thread(lambda: os.read(descriptor, _CHUNK))
                try:
                    async with asyncio.timeout(idle_seconds):
                        chunk = await asyncio.shield(reading)
                except TimeoutError:
                    raise HostUnreachable(f"nothing came for {idle_seconds:g} s", started=True) from None
                if not chunk:
                    break
                yield chunk
        finally:
            await self._end(process, feeding, *([reading] if reading else []))

    async def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False)

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _start(self, argv: Sequence[str], *, stderr: int) -> subprocess.Popen[bytes]:
        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=self._environment,
                cwd="/",
                start_new_session=True,
            )

        starting = self._in_thread(start)
        try:
            return await asyncio.shield(starting)
        except OSError as error:
            raise HostUnreachable(f"{argv[0]}: {error.strerror}", started=False) from error
        except asyncio.CancelledError:
            # It may run already, and nobody else will hear of it.
            with suppress(OSError):
                await self._end(await starting)
            raise

    async def _end(self, process: subprocess.Popen[bytes], *threads: asyncio.Future[Any]) -> None:
        """Kill a command that has not ended, with what it started; what it detached goes on."""
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await self._in_thread(process.wait)
        # Now that it is dead its threads come to their end, and only then may the files be closed.
        await asyncio.gather(*threads, return_exceptions=True)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def _feeder(pipe: IO[bytes], data: bytes) -> Callable[[], None]:
    def feed() -> None:
        with suppress(BrokenPipeError), pipe:
            pipe.write(data)

    return feed
