"""What a task leaves: files that its rules mean, brought home in an archive or sent to a storage element."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import tarfile
import zlib
from typing import IO, Any

OUTPUT = "cc-output.tar"
_PIECE = 1 << 20


class Found:
    """A result: its file, and the first rule that means it."""

    def __init__(self, whole: bytes, rule: dict[str, Any]) -> None:
        self.whole = whole
        self.rule = rule


class Seen:
    """A file that was read once: its length, and what is calculated of its bytes."""

    def __init__(self, size: int, sha256: str, adler32: str) -> None:
        self.size = size
        self.sha256 = sha256
        self.adler32 = adler32


def shown(name: bytes) -> str:
    """Give a file's name as text; a byte that is no UTF-8 as %XX."""
    text = name.decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda found: f"%{ord(found.group()) - 0xDC00:02X}", text)


def matching(work: bytes, rules: list[dict[str, Any]]) -> dict[str, Found]:
    """Give the regular files that a rule means, by their paths; no link is followed.

    Of several rules the first that has a destination counts, if there is one.
    """
    ordered = sorted(rules, key=lambda rule: rule["lfn"] is None)
    expressions = [(re.compile(rule["expression"], re.DOTALL), rule) for rule in ordered]
    found: dict[str, Found] = {}
    for directory, folders, files in os.walk(work) if expressions else ():
        folders.sort()
        for name in sorted(files):
            whole = os.path.join(directory, name)
            path = shown(os.path.relpath(whole, work))
            rule = next((rule for expression, rule in expressions if expression.fullmatch(path)), None)
            if rule is not None and stat.S_ISREG(os.lstat(whole).st_mode):
                found.setdefault(path, Found(whole, rule))
    return found


def open_regular(path: bytes) -> IO[bytes] | None:
    """Open a regular file, whatever has become of its name; None if it is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return open(descriptor, "rb")


def read_regular(path: bytes, most: int) -> bytes | None:
    """Give a regular file's bytes, None if it is none or has more than `most`."""
    file = open_regular(path)
    if file is None:
        return None
    with file:
        read = file.read(most + 1)
    return read if len(read) <= most else None


def see(path: bytes) -> Seen | None:
    """Read a regular file for its checksums, as far as it goes; None if it is none."""
    file = open_regular(path)
    if file is None:
        return None
    size, sha256, adler32 = 0, hashlib.sha256(), 1
    with file:
        for piece in iter(lambda: file.read(_PIECE), b""):
            size += len(piece)
            sha256.update(piece)
            adler32 = zlib.adler32(piece, adler32)
    return Seen(size, sha256.hexdigest(), f"{adler32:08x}")


def pack(
    outcome: dict[str, Any], found: dict[str, Found], logs: dict[str, IO[bytes]], part: dict[str, Any]
) -> None:
    """Write the archive: what became of the task, both logs, and results as far as there is room."""
    left = part["max_results_bytes"]
    with tarfile.open(OUTPUT + ".new", "w") as archive:

        def add(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

        for path, result in found.items():
            content = read_regular(result.whole, left)
            if content is None:
                outcome["lost"].append(
                    f"{path} cannot be read, or is too much for the {part['max_results_bytes']} bytes of "
                    "results that come home"
                )
                continue
            left -= len(content)
            member = f"r/{len(outcome['results'])}"
            digest = hashlib.sha256(content).hexdigest()
            outcome["results"].append(
                {"path": path, "member": member, "size_bytes": len(content), "sha256": digest}
            )
            add(member, content)
        for name, file in logs.items():
            file.seek(0)
            add(name, file.read(part["max_log_bytes"]))
        add("outcome.json", json.dumps(outcome).encode("ascii"))
    os.rename(OUTPUT + ".new", OUTPUT)
