"""How the working out of a command can be cut short, as exceptions.

NotUnderstood      a command outside this machine: the caller makes something plausible
ShellSyntaxError   the script is no shell program; a shell says so and exits with 2
FileError          the system call's answer, in strerror's words
Signalled          a process dies by a signal
Halted             the whole task stops here
|-- OutOfTime      its time is over, or it would go on for ever
`-- OutOfMemory    it holds more than it may
"""

from __future__ import annotations


class NotUnderstood(Exception):
    """Nobody here knows what this command would do; `steps` were worked out before that came to light."""

    steps = 0


class ShellSyntaxError(Exception):
    """A shell refuses the script."""

    def __init__(self, line: int, detail: str) -> None:
        super().__init__(line, detail)
        self.line = line
        self.detail = detail


class FileError(Exception):
    """A file operation failed; `words` are strerror's."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Signalled(Exception):
    """The process `pid` dies by signal `number`."""

    def __init__(self, pid: int, number: int) -> None:
        super().__init__(pid, number)
        self.pid = pid
        self.number = number


class Halted(Exception):
    """The task as a whole stops here."""


class OutOfTime(Halted):
    """The task reached its last moment, or never ends."""


class OutOfMemory(Halted):
    """The task holds more bytes than it may."""
