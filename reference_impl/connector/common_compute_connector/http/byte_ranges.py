"""Ranges of bytes (RFC 9110, 14): which part of how many bytes a request wants. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from common_compute_connector.errors import RangeNotSatisfiable

_SINGLE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]*)[ \t]*-[ \t]*([0-9]*)[ \t]*", re.ASCII | re.IGNORECASE)
_LONGEST = 18


@dataclass(frozen=True, slots=True)
class Wanted:
    """A single range as asked: from `first` to `last`, or the last `suffix` bytes."""

    first: int | None
    last: int | None
    suffix: int | None = None

    def within(self, size: int) -> Span | None:
        """Cut the range to the bytes that are there; None is the whole (a suffix of nothing).

        Raises:
            RangeNotSatisfiable: it lies beyond the end.
        """
        if self.suffix is not None:
            if self.suffix == 0:
                raise RangeNotSatisfiable(size)
            return Span(max(size - self.suffix, 0), size) if size else None
        first = self.first or 0
        if first >= size:
            raise RangeNotSatisfiable(size)
        return Span(first, size if self.last is None else min(self.last + 1, size))


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to, not with, `stop`."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """Write the `Content-Range` of this part of `size` bytes."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def wanted_range(header: str | None, if_range: str | None = None, etag: str | None = None) -> Wanted | None:
    """Read `Range`; None means the whole.

    So it is without the header, for several ranges, an unknown unit or a form that is none, and where
    `If-Range` is anything but the present strong tag (a date never is: nothing here has one).
    """
    if header is None or (if_range is not None and (etag is None or if_range.strip() != etag)):
        return None
    found = _SINGLE.fullmatch(header.strip())
    if found is None:
        return None
    first, last = (_number(text) for text in found.groups())
    if first is None:
        return None if last is None else Wanted(None, None, suffix=last)
    if last is not None and last < first:
        return None
    return Wanted(first, last)


def _number(text: str) -> int | None:
    # A longer number is beyond any file, and int() of it would only cost time.
    return int(text[:_LONGEST] if len(text) <= _LONGEST else "9" * _LONGEST) if text else None
