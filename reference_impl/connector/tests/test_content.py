"""The kept bytes: written whole, digested, and with holes where there is nothing but zeros."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from common_compute_connector.store.content import Content, Kept

PAGE = 4096


def keep(directory: Path, chunks: Sequence[bytes]) -> tuple[Kept, Path]:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    content = Content(directory)
    return asyncio.run(content.keep("job", "name", stream())), content.path("job", "name")


ODD = bytes(range(1, 256)) * 40


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [b""],
        [b"\0"],
        [b"text"],
        [bytes(PAGE)],
        [bytes(3 * PAGE)],
        [b"begin" + bytes(5 * PAGE) + b"end"],
        [b"x", bytes(2 * PAGE), b"y", bytes(PAGE - 1), bytes(PAGE + 1)],
        [bytes(2 * PAGE), ODD, bytes(PAGE), ODD, bytes(7)],
        [bytes(memoryview(ODD)[place : place + 3]) for place in range(0, len(ODD), 3)],
    ],
)
def test_what_is_kept_is_what_came(tmp_path: Path, chunks: list[bytes]) -> None:
    """Bytes are read as they came, with their length and digest, wherever zeros stand among them."""
    kept, path = keep(tmp_path, chunks)
    whole = b"".join(chunks)
    assert Kept(len(whole), hashlib.sha256(whole).hexdigest()) == kept
    assert whole == path.read_bytes()


def test_what_is_kept_again_leaves_nothing_of_before(tmp_path: Path) -> None:
    """A second try whose zeros lie where the first had text reads as zeros there."""
    keep(tmp_path, [b"text" * PAGE])
    _, path = keep(tmp_path, [bytes(2 * PAGE)])
    assert bytes(2 * PAGE) == path.read_bytes()


def test_zeros_take_no_disk(tmp_path: Path) -> None:
    """A file of 64 MiB that is zeros but for a line in each MiB takes a hundredth of that, where holes exist."""
    probe = tmp_path / "probe"
    with probe.open("wb") as file:
        file.truncate(1 << 20)
    if os.stat(probe).st_blocks * 512 >= 1 << 20:
        pytest.skip("this file system has no holes")
    block = b"a line\n".ljust(1 << 20, b"\0")
    kept, path = keep(tmp_path, [block] * 64)
    assert 64 << 20 == kept.size_bytes
    assert path.stat().st_blocks * 512 < kept.size_bytes / 100
