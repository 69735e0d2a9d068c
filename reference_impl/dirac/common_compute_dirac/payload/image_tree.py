"""An image's files, looked at from outside: a link in it leads where it leads inside, and never out of it."""

from __future__ import annotations

import os
import stat

_MAX_LINKS = 40


class ImageTree:
    """An unpacked image, and over it what is mounted: directories outside by where they are inside."""

    def __init__(self, root: bytes, mounts: dict[bytes, bytes]) -> None:
        self._root = root
        self._mounts = mounts

    def outside(self, path: bytes) -> bytes | None:
        """Give where an absolute path inside is found outside; None if its links go round in circles."""
        at, rest, links = b"", path.split(b"/")[::-1], 0
        while rest:
            name = rest.pop()
            if name in (b"", b"."):
                continue
            if name == b"..":
                at = at.rpartition(b"/")[0]
                continue
            at += b"/" + name
            here = self._place(at)
            if os.path.islink(here):
                links += 1
                if links > _MAX_LINKS:
                    return None
                target = os.readlink(here)
                at = b"" if target.startswith(b"/") else at.rpartition(b"/")[0]
                rest += target.split(b"/")[::-1]
        return self._place(at or b"/")

    def _place(self, at: bytes) -> bytes:
        for inside, outside in self._mounts.items():
            if at == inside or at.startswith(inside + b"/"):
                return outside + at[len(inside) :]
        return self._root + at

    def is_directory(self, path: bytes) -> bool:
        """Tell whether this is a directory inside."""
        place = self.outside(path)
        return place is not None and os.path.isdir(place)

    def runs(self, path: bytes) -> bool | None:
        """Tell whether this is a file that can be executed; None if it is not even there."""
        place = self.outside(path)
        if place is None or not os.path.lexists(place):
            return None
        return stat.S_ISREG(os.lstat(place).st_mode) and os.access(place, os.X_OK) and self._is_read(place)

    def _is_read(self, place: bytes) -> bool:
        """Tell whether a script's interpreter is there; what is none needs none."""
        try:
            with open(place, "rb") as file:
                line = file.readline(256)
        except OSError:
            return True  # to be executed, a file need not be readable
        words = line[2:].split()
        return not line.startswith(b"#!") or not words or bool(self._interpreter(words[0]))

    def _interpreter(self, path: bytes) -> bool:
        place = self.outside(path) if path.startswith(b"/") else None
        return place is not None and os.path.isfile(place) and os.access(place, os.X_OK)

    def find(self, command: bytes, search: bytes, work: bytes) -> bool | None:
        """Look for a command as execvp(3) does: tell whether it runs, None if there is none of this name."""
        if b"/" in command:
            return self.runs(command if command.startswith(b"/") else work + b"/" + command)
        found: bool | None = None
        for directory in search.split(b":"):
            runs = self.runs(
                (directory if directory.startswith(b"/") else work + b"/" + directory) + b"/" + command
            )
            if runs:
                return True
            found = found if runs is None else runs
        return found
