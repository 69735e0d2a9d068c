"""Directories on the disk that the project lies on: the system's temporary one may lie in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_directory() -> Iterator[Path]:
    """Make a directory for as long as the `with` lasts."""
    with tempfile.TemporaryDirectory(prefix=".measured-", dir=Path(__file__).parent) as place:
        yield Path(place)
