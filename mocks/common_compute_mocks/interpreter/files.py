"""A file system in memory, of which a task may write its working directory and the temporary one."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

from common_compute_mocks.interpreter.failures import FileError

MISSING = "No such file or directory"
EXISTS = "File exists"
NOT_A_DIRECTORY = "Not a directory"
IS_A_DIRECTORY = "Is a directory"
DENIED = "Permission denied"
NO_SPACE = "No space left on device"
TOO_MANY_LINKS = "Too many levels of symbolic links"
NOT_EMPTY = "Directory not empty"

_LINKS_FOLLOWED = 40


@dataclass(slots=True, eq=False)
class File:
    """A regular file."""

    content: bytearray = field(default_factory=bytearray)
    executable: bool = False


@dataclass(slots=True, eq=False)
class Link:
    """A symbolic link."""

    target: str


@dataclass(slots=True, eq=False)
class Device:
    """`null` or `zero`."""

    name: str


@dataclass(slots=True, eq=False)
class Binary:
    """A program of the machine; its bytes are nowhere."""

    name: str


@dataclass(slots=True, eq=False)
class Directory:
    """A directory; `writable` says whether entries may come and go."""

    writable: bool = False
    entries: dict[str, Node] = field(default_factory=dict)


Node = File | Link | Device | Binary | Directory


class Tree:
    """The whole file system of one task; paths given to it are absolute."""

    def __init__(self, capacity: int) -> None:
        self.root = Directory()
        self._free = capacity

    def lookup(self, path: str, *, follow: bool = True) -> Node:
        """Give the node at a path.

        Raises:
            FileError: there is none, or a segment on the way is no directory.
        """
        return self._walk(path, follow=follow)[1]

    def find(self, path: str, *, follow: bool = True) -> Node | None:
        """Give the node at a path, or None where `lookup` would raise."""
        try:
            return self.lookup(path, follow=follow)
        except FileError:
            return None

    def resolve(self, path: str) -> str:
        """Give a path without links, `.` and `..`."""
        return self._walk(path, follow=True)[0]

    def directory(self, path: str) -> Directory:
        """Give the directory at a path."""
        node = self.lookup(path)
        if not isinstance(node, Directory):
            raise FileError(NOT_A_DIRECTORY)
        return node

    def parent(self, path: str) -> tuple[Directory, str]:
        """Give the directory that holds, or would hold, the last segment of a path, and that segment."""
        head, name = posixpath.split(path.rstrip("/"))
        if not name:
            raise FileError(EXISTS)
        return self.directory(head or "/"), name

    def put(self, path: str, node: Node, *, replace: bool = False) -> None:
        """Hang a node into the tree."""
        directory, name = self.parent(path)
        if name in directory.entries and not replace:
            raise FileError(EXISTS)
        if not directory.writable:
            raise FileError(DENIED)
        directory.entries[name] = node

    def remove(self, path: str) -> None:
        """Take a node out of the tree."""
        directory, name = self.parent(path)
        if name not in directory.entries:
            raise FileError(MISSING)
        if not directory.writable:
            raise FileError(DENIED)
        del directory.entries[name]

    def make_directories(self, path: str, *, writable: bool) -> Directory:
        """Make a directory and those above it, whoever may write there."""
        node = self.root
        for name in filter(None, path.split("/")):
            entry = node.entries.setdefault(name, Directory(writable))
            if not isinstance(entry, Directory):
                raise FileError(NOT_A_DIRECTORY)
            node = entry
        return node

    def open_to_write(self, path: str, *, append: bool) -> File | Device:
        """Give the file at a path, made if it is missing, emptied unless it is appended to."""
        node = self.find(path)
        if node is None:
            if isinstance(link := self.find(path, follow=False), Link):
                path = posixpath.join(posixpath.dirname(path), link.target)
            node = File()
            self.put(path, node)
        elif isinstance(node, Directory):
            raise FileError(IS_A_DIRECTORY)
        elif isinstance(node, Binary | Link):
            raise FileError(DENIED)
        elif isinstance(node, File) and not append:
            self._free += len(node.content)
            node.content.clear()
        return node

    def write(self, file: File, offset: int, data: bytes) -> None:
        """Put bytes into a file."""
        growth = max(0, offset + len(data) - len(file.content))
        if growth > self._free:
            raise FileError(NO_SPACE)
        self._free -= growth
        if offset > len(file.content):
            file.content.extend(bytes(offset - len(file.content)))
        file.content[offset : offset + len(data)] = data

    def regular_files(self, path: str) -> Iterator[tuple[str, File]]:
        """Give the regular files below a directory by their relative paths, sorted; no link is followed."""
        for name, node in sorted(self.directory(path).entries.items()):
            if isinstance(node, File):
                yield name, node
            elif isinstance(node, Directory):
                below = self.regular_files(posixpath.join(path, name))
                yield from ((f"{name}/{rest}", file) for rest, file in below)

    def _walk(self, path: str, *, follow: bool) -> tuple[str, Node]:
        todo = path.split("/")[::-1]
        trail: list[tuple[str, Directory]] = [("/", self.root)]
        links = 0
        while todo:
            name = todo.pop()
            here, directory = trail[-1]
            if name in ("", "."):
                continue
            if name == "..":
                del trail[1 if len(trail) == 1 else -1 :]
                continue
            node = directory.entries.get(name)
            if node is None:
                raise FileError(MISSING)
            last = not any(segment not in ("", ".") for segment in todo)
            if isinstance(node, Link) and (follow or not last):
                links += 1
                if links > _LINKS_FOLLOWED:
                    raise FileError(TOO_MANY_LINKS)
                if node.target.startswith("/"):
                    del trail[1:]
                todo.extend(node.target.split("/")[::-1])
            elif isinstance(node, Directory):
                trail.append((posixpath.join(here, name), node))
            elif todo:
                raise FileError(NOT_A_DIRECTORY)
            else:
                return posixpath.join(here, name), node
        return trail[-1]
