"""What a handler gives back: a JSON document, nothing, or bytes in chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with a JSON document, or with none (204, 304)."""

    status: int
    document: Mapping[str, Any] | None = None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class ByteAnswer:
    """Bytes as they are: exactly `size_bytes` of them come out of `chunks`."""

    status: int
    media_type: str
    size_bytes: int
    chunks: AsyncIterator[bytes] | Iterator[bytes] = field(default_factory=lambda: iter(()))
    headers: Headers = ()
