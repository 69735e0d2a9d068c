"""Read from /proc how much CPU time a process and all its descendants have taken."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(root: int) -> float:
    """Give the user and system time of a process tree, that of children already gone included (proc(5))."""
    tree = {root: _ticks(root)}
    found = True
    while found:
        children = [pid for pid, parent in _parents().items() if parent in tree and pid not in tree]
        found = bool(children)
        tree |= {pid: _ticks(pid) for pid in children}
    return sum(tree.values()) / _TICKS_PER_SECOND


def _ticks(pid: int) -> int:
    try:
        # utime, stime, and cutime, cstime: what waited-for children took.
        return sum(map(int, _stat(pid)[11:15]))
    except OSError:  # gone meanwhile: its time is its parent's cutime now
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
