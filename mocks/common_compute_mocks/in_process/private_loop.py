"""An event loop that turns only while somebody calls: for servers inside programs that know nothing of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class PrivateLoop:
    """One loop, for one caller after the other, from whatever thread, also from within another loop.

    It turns in the thread that made it, and for all others in a single one beside: a database is not to meet
    ever new threads.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.get_ident()
        self._turn = threading.Lock()
        self._elsewhere: ThreadPoolExecutor | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run until the work is done, and give what it gives."""
        # A thread has one running loop at most; the caller's is the caller's.
        if threading.get_ident() == self._thread and asyncio._get_running_loop() is None:
            return self._run(work)
        with self._turn:
            self._elsewhere = self._elsewhere or ThreadPoolExecutor(1, "common-compute-mock")
        return self._elsewhere.submit(self._run, work).result()

    def close(self) -> None:
        """End the loop."""
        if self._elsewhere is not None:
            self._elsewhere.shutdown()
        with self._turn:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._turn:
            return self._loop.run_until_complete(work)
