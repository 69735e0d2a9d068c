"""Run the command line, and kill its process with -9 right before or after a transaction of its store.

    python killed_at_commit.py FILE before|after NUMBER ARGUMENTS...

Transactions are counted from when FILE exists. What the fatal one wrote is appended to FILE, and without a
number (0) what each of them wrote.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Pool, event

from common_compute_cli.__main__ import main

_BOOKKEEPING = ("SELECT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
_OF_A_JOB = ("jobs", "parts", "tasks")


class Watch:
    """Sees the transactions of the store's writer."""

    def __init__(self, file: Path, when: str, number: int) -> None:
        self.file = file
        self.when = when
        self.number = number
        self.seen = 0
        self.counted = False
        self.words: list[str] = []
        event.listen(Engine, "before_cursor_execute", self.statement)
        event.listen(Engine, "commit", self.commit)
        event.listen(Pool, "checkin", self.committed)

    def statement(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """Remember what is written."""
        words = statement.split()
        if threading.current_thread().name == "store-writer" and words[0] not in _BOOKKEEPING:
            name = f"{words[0]} {words[2] if words[0] in ('INSERT', 'DELETE') else words[1]}".lower()
            if name not in self.words:
                self.words.append(name)

    def commit(self, _connection: Any) -> None:
        """Count a transaction that is about to be committed."""
        if threading.current_thread().name != "store-writer":
            return
        self.counted = self.file.exists() and any(name.split()[1] in _OF_A_JOB for name in self.words)
        if self.counted:
            self.seen += 1
            if self.when == "before":
                self.tell()
        if not self.counted or self.when == "before":
            self.words = []

    def committed(self, _connection: Any, _record: Any) -> None:
        """Come back from a transaction."""
        if threading.current_thread().name == "store-writer" and self.counted and self.when == "after":
            self.counted = False
            self.tell()
            self.words = []

    def tell(self) -> None:
        """Say what it was, and die if it is the one."""
        if self.number in (0, self.seen):
            with self.file.open("a") as told:
                told.write(f"{self.seen}: {', '.join(self.words)}\n")
        if self.seen == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Watch(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    sys.argv = ["common-compute", *sys.argv[4:]]
    main()
