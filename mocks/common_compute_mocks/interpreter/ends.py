"""What a descriptor of a process leads to: a log, a file, a pipe, a device."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from common_compute_mocks.interpreter.failures import FileError, NotUnderstood, OutOfTime
from common_compute_mocks.interpreter.files import NO_SPACE, File, Tree

MOST_BYTES_AT_ONCE = 64 * 1024 * 1024
"""What a real machine would let flow is held at once here; what is more than this is left to be made up."""


class Written(NamedTuple):
    """Bytes that came into a log, with the moment in seconds from the start and the branch that wrote."""

    at: float
    stream: Literal["stdout", "stderr"]
    data: bytes
    branch: int


class End(Protocol):
    """One end of something that bytes go into or come out of."""

    ready_at: float
    """The moment before which a reader has to wait."""

    def write(self, data: bytes, at: float, branch: int, /) -> None:
        """Take bytes in.

        Raises:
            FileError: it cannot.
        """

    def read(self, size: int | None = None, /) -> bytes:
        """Give at most so many bytes, all that is left without a size, none at the end."""

    def read_line(self) -> bytes:
        """Give the bytes up to and with the next line feed."""


class LogEnd:
    """One of the task's two logs."""

    ready_at = 0.0

    def __init__(self, tape: list[Written], stream: Literal["stdout", "stderr"], room: int) -> None:
        self._tape = tape
        self._stream: Literal["stdout", "stderr"] = stream
        self._room = room

    def write(self, data: bytes, at: float, branch: int, /) -> None:
        """Append to the log."""
        self._room -= len(data)
        if self._room < 0:
            raise FileError(NO_SPACE)
        self._tape.append(Written(at, self._stream, data, branch))

    def read(self, _size: int | None = None, /) -> bytes:
        """Refuse: a log is only written."""
        raise FileError("Bad file descriptor")

    def read_line(self) -> bytes:
        """Refuse: a log is only written."""
        raise FileError("Bad file descriptor")


class FileEnd:
    """An open file with its offset, which duplicates share."""

    ready_at = 0.0

    def __init__(self, tree: Tree, file: File, *, append: bool = False) -> None:
        self._tree = tree
        self._file = file
        self._append = append
        self._offset = 0

    def write(self, data: bytes, _at: float, _branch: int, /) -> None:
        """Write at the offset, or at the end."""
        if self._append:
            self._offset = len(self._file.content)
        self._tree.write(self._file, self._offset, data)
        self._offset += len(data)

    def read(self, size: int | None = None, /) -> bytes:
        """Read from the offset on."""
        stop = None if size is None else self._offset + size
        data = bytes(memoryview(self._file.content)[self._offset : stop])
        self._offset += len(data)
        return data

    def read_line(self) -> bytes:
        """Read a line from the offset on."""
        found = self._file.content.find(b"\n", self._offset)
        return self.read(None if found < 0 else found + 1 - self._offset)


class PipeEnd:
    """A pipe; its reader starts when its writer has ended, but on the writer's own time."""

    def __init__(self, content: bytes = b"") -> None:
        self.ready_at = 0.0
        self._content = bytearray(content)
        self._offset = 0

    def write(self, data: bytes, at: float, _branch: int, /) -> None:
        """Put bytes in."""
        if len(self._content) + len(data) > MOST_BYTES_AT_ONCE:
            raise NotUnderstood("more than a pipe holds here")
        self._content += data
        self.ready_at = max(self.ready_at, at)

    def read(self, size: int | None = None, /) -> bytes:
        """Take bytes out."""
        stop = len(self._content) if size is None else self._offset + size
        data = bytes(self._content[self._offset : stop])
        self._offset += len(data)
        return data

    def read_line(self) -> bytes:
        """Take a line out."""
        found = self._content.find(b"\n", self._offset)
        return self.read(None if found < 0 else found + 1 - self._offset)


class NullEnd:
    """`/dev/null`."""

    ready_at = 0.0

    def write(self, _data: bytes, _at: float, _branch: int, /) -> None:
        """Forget."""

    def read(self, _size: int | None = None, /) -> bytes:
        """Give nothing."""
        return b""

    def read_line(self) -> bytes:
        """Give nothing."""
        return b""


class ZeroEnd(NullEnd):
    """`/dev/zero`."""

    def read(self, size: int | None = None, /) -> bytes:
        """Give so many zero bytes; who reads it to its end never comes back."""
        if size is None:
            raise OutOfTime
        return bytes(size)

    def read_line(self) -> bytes:
        """Never come back."""
        raise OutOfTime
