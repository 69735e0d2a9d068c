"""Processes of a task: begun in sessions of their own, and ended with all that they have started."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import IO, Any

NOT_FOUND, NOT_RUN = 127, 126
_PR_SET_PDEATHSIG = 1


class Stopped(Exception):
    """The task ends before its command runs; `how` is a word of the outcome."""

    def __init__(self, how: str, words: str) -> None:
        super().__init__(words)
        self.how = how
        self.words = words


class Ends:
    """The end that DIRAC may ask for: what runs just then is told, and nothing else begins."""

    def __init__(self) -> None:
        self._asked = False
        self._running: subprocess.Popen[bytes] | None = None

    def ask(self, *_: object) -> None:
        """Take the signal by which it is asked for."""
        self._asked = True
        if self._running is not None:
            signal_all(self._running, signal.SIGTERM)

    def check(self) -> None:
        """Begin nothing more.

        Raises:
            Stopped: the end was asked for.
        """
        if self._asked:
            raise Stopped(f"signal {int(signal.SIGTERM)}", "DIRAC asked for the end")

    @contextlib.contextmanager
    def telling(self, process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        """Tell this process meanwhile; also if the end was asked for while it began."""
        self._running = process
        try:
            if self._asked:
                signal_all(process, signal.SIGTERM)
            yield process
        finally:
            self._running = None


def before_command() -> None:
    """Give the command signals as a new process has them, and let it die with this one."""
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(
    argv: list[bytes], environment: dict[bytes, bytes], work: bytes, out: IO[bytes], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start the command in a session of its own.

    Raises:
        Stopped: it cannot be executed.
    """
    try:
        return subprocess.Popen(
            argv,
            env=environment,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            preexec_fn=before_command,  # noqa: PLW1509  (this process has one thread)
            start_new_session=True,
        )
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            return start([b"/bin/sh", *argv], environment, work, out, errors)
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        raise not_found(argv[0], os.strerror(error.errno or 0), missing=missing) from None


def not_found(command: bytes, words: str, *, missing: bool) -> Stopped:
    """Give what to raise of a command that cannot be executed, as a shell would tell it."""
    number = NOT_FOUND if missing else NOT_RUN
    return Stopped(f"not-found {number}", f"{command.decode('utf-8', 'replace')}: {words}")


def signal_all(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to the command and all that it has started in its session."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, number)


def run(process: subprocess.Popen[bytes], wall_seconds: float, grace_seconds: float) -> dict[str, Any]:
    """Wait for the command, end it when its time is over, and give how it ended."""
    timed_out = False
    try:
        process.wait(timeout=wall_seconds)
    except subprocess.TimeoutExpired:
        timed_out = True
        signal_all(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=grace_seconds)
    signal_all(process, signal.SIGKILL)
    code = process.wait()
    how = "wall-time" if timed_out else "exit" if code >= 0 else "signal"
    return {"how": how, "number": abs(code)}


def now() -> float:
    """Tell the worker's time, in seconds since 1970."""
    return time.time()
