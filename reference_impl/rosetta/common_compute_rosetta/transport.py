"""How commands reach a host: the interface that local execution implements and that SSH will."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ran to its end; `exit_code` is above 128 or negative where a signal ended it."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class HostUnreachable(Exception):
    """The command could not be started, or its connection ended before it did.

    `started` is False if it is certain that the host did nothing.
    """

    def __init__(self, detail: str, *, started: bool) -> None:
        super().__init__(detail)
        self.detail = detail
        self.started = started


class Transport(Protocol):
    """Commands on a host, each an argument vector that no shell of ours reads.

    A command sees end of file on its standard input when all of it was sent, or when the connection or this
    process has died: so whatever reads an archive from there must know by itself that it is complete.
    """

    async def run(self, argv: Sequence[str], stdin: bytes = b"", *, deadline_seconds: float) -> Finished:
        """Run a command to its end and give all that it wrote.

        Raises:
            HostUnreachable: nobody knows how it ended; at the deadline it is killed.
        """

    def stream(
        self, argv: Sequence[str], stdin: bytes = b"", *, idle_seconds: float
    ) -> AsyncGenerator[bytes, None]:
        """Run a command and give its standard output as it comes, in constant memory.

        A consumer that stops early ends the command. The exit code is not told: what is streamed says by
        itself where it ends.

        Raises:
            HostUnreachable: it could not be started, or nothing came for so many seconds.
        """

    async def close(self) -> None:
        """End what is kept open."""
