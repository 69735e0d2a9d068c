"""Read from /proc how much CPU time, and how much memory, a process and all its descendants take."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGESIZE")


def cpu_seconds(root: int) -> float:
    """Give the user and system time of a process tree, that of children already gone included (proc(5))."""
    return sum(_ticks(pid) for pid in _tree(root)) / _TICKS_PER_SECOND


def resident_bytes(root: int) -> int:
    """Give the resident memory of a process tree; what its processes share counts in each."""
    return sum(_resident_pages(pid) for pid in _tree(root)) * _PAGE_BYTES


def _tree(root: int) -> set[int]:
    tree, found = {root}, {root}
    while found:
        found = {pid for pid, parent in _parents().items() if parent in tree} - tree
        tree |= found
    return tree


def _ticks(pid: int) -> int:
    try:
        # utime, stime, and cutime, cstime: what waited-for children took.
        return sum(map(int, _stat(pid)[11:15]))
    except OSError:  # gone meanwhile: its time is its parent's cutime now
        return 0


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0


def _parents() -> dict[int, int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
            except OSError:
                continue
    return parents


def _stat(pid: int) -> list[str]:
    """Give the fields that follow the command's name, which may hold blanks and brackets."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
