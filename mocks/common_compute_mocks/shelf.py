"""Runs that were worked out, kept as long as there is room."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from common_compute_mocks.interpreter.machine import Run


class Shelf:
    """The runs last worked out, for as many bytes as it has room for; each can be worked out again.

    Several threads may use it at once.
    """

    def __init__(self, room_bytes: int = 128 * 1024 * 1024) -> None:
        self._room = room_bytes
        self._runs: OrderedDict[object, tuple[Run, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: object) -> Run | None:
        """Give a run that is still here."""
        with self._lock:
            if key not in self._runs:
                return None
            self._runs.move_to_end(key)
            return self._runs[key][0]

    def put(self, key: object, run: Run) -> None:
        """Keep a run, and let the longest unused go."""
        size = 1024 + sum(len(item.data) for item in run.tape) + sum(map(len, run.files.values()))
        with self._lock:
            self._drop(key)
            self._runs[key] = (run, size)
            self._room -= size
            while self._room < 0 and self._runs:
                self._drop(next(iter(self._runs)))

    def discard(self, key: object) -> None:
        """Let a run go."""
        with self._lock:
            self._drop(key)

    def _drop(self, key: object) -> None:
        _, size = self._runs.pop(key, (None, 0))
        self._room += size
