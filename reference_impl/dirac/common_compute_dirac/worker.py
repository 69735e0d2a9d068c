"""The process that talks to DIRAC: started when needed, ended when it hangs, begun anew when it died.

DIRAC keeps state for the whole process and blocks: so it has a process of its own, in its own environment,
and each call has a deadline at which that process is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common_compute_connector.clock import Clock

CLIENT = Path(__file__).with_name("start_client.py")

_LINE_BYTES = 256 * 1024 * 1024
_START_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_LAST_WORDS = 20
_LAST_WORDS_SECONDS = 1.0


class DiracUnreachable(Exception):
    """DIRAC gave no answer; `started` is False if it is certain that nothing was done there."""

    def __init__(self, detail: str, *, started: bool) -> None:
        super().__init__(detail)
        self.detail = detail
        self.started = started


class DiracRefused(Exception):
    """DIRAC answered, and the answer is no: `kind` is one of client.py's, `errno` DIRAC's own number."""

    def __init__(self, kind: str, detail: str, errno: int) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errno = errno


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom DIRAC is to take the caller for: the subject of a certificate, and one of its user's groups."""

    dn: str
    group: str


@dataclass(frozen=True, slots=True)
class Access:
    """How DIRAC is reached.

    `interpreter` is a Python that has DIRAC. What is shown to DIRAC is either a host's certificate and its
    key, with which users can be acted for, or the file of a proxy. With `users_proxies` the host fetches the
    proxies that the users have uploaded, and these are shown.
    """

    interpreter: Path
    servers: tuple[str, ...]
    ca_directory: Path
    host: tuple[Path, Path] | None = None
    proxy: Path | None = None
    users_proxies: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def settings(self) -> str:
        """Give what client.py is told."""
        host = [str(path) for path in self.host] if self.host else None
        return json.dumps({"servers": self.servers, "host": host, "users_proxies": self.users_proxies})

    def variables(self, directory: str) -> dict[str, str]:
        """Give the environment of the process: nothing of this one's, which may lead to other credentials."""
        shown = {"X509_USER_PROXY": str(self.proxy)} if self.proxy else {}
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": directory,
            "TMPDIR": directory,
            "DIRAC_ROOT_PATH": directory,
            "DIRAC_NO_CFG": "1",
            "X509_CERT_DIR": str(self.ca_directory),
            **shown,
            **self.environment,
        }


class Worker:
    """One process, which answers one call after the other."""

    def __init__(self, access: Access, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._directory: TemporaryDirectory[str] | None = None
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._listening: asyncio.Task[None] | None = None
        self._number = 0
        self._pause = 0.0
        self._again_at: datetime | None = None
        self._why = ""

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        acting: Identity | None = None,
        *,
        deadline_seconds: float,
    ) -> Any:
        """Make one of client.py's calls, as somebody else if that is said, and give its value.

        Raises:
            DiracUnreachable: there is no answer, or none by the deadline, the wait for one's turn included.
            DiracRefused: the answer is no.
        """
        begun = False
        answer: dict[str, Any] = {}
        try:
            async with asyncio.timeout(deadline_seconds), self._turn:
                process = await self._running()
                self._number += 1
                request = {"id": self._number, "call": name, "arguments": dict(arguments)}
                request["as"] = {"dn": acting.dn, "group": acting.group} if acting else None
                begun = True
                try:
                    answer = await self._exchange(process, request)
                except BaseException:
                    # Nobody would hear of what it still does, or take its answer for the next one's.
                    await self._end()
                    raise
        except TimeoutError:
            raise DiracUnreachable(f"no answer within {deadline_seconds:g} s", started=begun) from None
        if answer["ok"]:
            return answer["value"]
        error = answer["error"]
        if error["kind"] in {"unreachable", "interrupted"}:
            raise DiracUnreachable(error["words"], started=error["kind"] == "interrupted")
        raise DiracRefused(error["kind"], error["words"], error["errno"])

    async def close(self) -> None:
        """End the process; a call that is under way gets no answer."""
        await self._end()

    async def _exchange(self, process: asyncio.subprocess.Process, request: dict[str, Any]) -> dict[str, Any]:
        assert process.stdin is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        with suppress(ConnectionError):
            await process.stdin.drain()
        answer = await self._line(process)
        if answer is None or answer.get("id") != request["id"]:
            why = f"the process that talks to DIRAC has ended{await self._last_words(process)}"
            raise DiracUnreachable(why, started=True)
        return answer

    @staticmethod
    async def _line(process: asyncio.subprocess.Process) -> dict[str, Any] | None:
        """Read a line; None at the end, or where it is none of client.py's."""
        assert process.stdout is not None
        try:
            read = json.loads(await process.stdout.readline())
        except ValueError:
            return None
        return read if isinstance(read, dict) else None

    async def _running(self) -> asyncio.subprocess.Process:
        """Give the process, started if it does not run; after a vain start it is left alone for a while."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self._end()
        if self._again_at is not None and self._clock.now() < self._again_at:
            raise DiracUnreachable(self._why, started=False)
        try:
            async with asyncio.timeout(_START_SECONDS):
                process = await self._start()
        except BaseException as error:
            await self._end()
            if isinstance(error, (DiracUnreachable, TimeoutError, OSError)):
                self._leave_alone(str(error) or f"DIRAC's client was not ready within {_START_SECONDS:g} s")
                raise DiracUnreachable(self._why, started=False) from None
            raise
        self._pause, self._again_at = 0.0, None
        return process

    async def _start(self) -> asyncio.subprocess.Process:
        # DIRAC writes into its root; nothing of it is needed when the process has ended.
        self._directory = TemporaryDirectory(prefix="common-compute-dirac-", ignore_cleanup_errors=True)
        self._words.clear()
        self._process = process = await asyncio.create_subprocess_exec(
            self._access.interpreter,
            "-P",
            CLIENT,
            self._access.settings(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            env=self._access.variables(self._directory.name),
            cwd=self._directory.name,
            start_new_session=True,
        )
        self._listening = asyncio.create_task(self._listen(process))
        told = await self._line(process)
        if told is None or "ready" not in told:
            why = f"DIRAC's client could not be started{await self._last_words(process)}"
            raise DiracUnreachable(why, started=False)
        if not told["ready"]:
            raise DiracUnreachable(told["error"]["words"], started=False)
        return process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Read what the process complains of, lest it waits for that, and keep the last of it."""
        assert process.stderr is not None
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:
                continue
            if not line:
                return
            self._words.append(line.decode(errors="replace").strip())

    async def _last_words(self, process: asyncio.subprocess.Process) -> str:
        """Give what it complained of last; of one that has ended, all of it was read before."""
        assert process.stdout is not None
        if process.stdout.at_eof() and self._listening is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_SECONDS):
                    await asyncio.shield(self._listening)
        said = [line for line in self._words if line]
        return f": {said[-1]}" if said else ""

    def _leave_alone(self, why: str) -> None:
        self._why = why
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
        self._again_at = self._clock.now() + timedelta(seconds=self._pause)

    async def _end(self) -> None:
        process, self._process = self._process, None
        listening, self._listening = self._listening, None
        directory, self._directory = self._directory, None
        if process is not None:
            # Its whole session: DIRAC may have started something that hangs.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
        if listening is not None:
            await asyncio.shield(listening)
        if directory is not None:
            directory.cleanup()
