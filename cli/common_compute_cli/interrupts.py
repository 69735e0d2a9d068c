"""Signals: SIGTERM unwinds the program as Ctrl-C does, and nothing interrupts a clean-up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM)


def unwind_on_sigterm() -> None:
    """Let SIGTERM leave every context that the program is in, and end it with the usual 128 + 15."""
    signal.signal(signal.SIGTERM, _leave)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM inside the block, which therefore has to end by itself."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    del frame
    sys.exit(128 + number)
