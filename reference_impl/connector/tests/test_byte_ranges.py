"""Ranges are understood as RFC 9110 and the contract say."""

import pytest

from common_compute_connector.errors import RangeNotSatisfiable
from common_compute_connector.http.byte_ranges import Span, wanted_range


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        ("bytes=0-0", 10, Span(0, 1)),
        ("bytes=2-4", 10, Span(2, 5)),
        ("bytes=2-", 10, Span(2, 10)),
        ("bytes=2-99", 10, Span(2, 10)),
        ("bytes=-3", 10, Span(7, 10)),
        ("bytes=-99", 10, Span(0, 10)),
        ("BYTES=2-4", 10, Span(2, 5)),
        ("bytes = 2 - 4 ", 10, Span(2, 5)),
        (f"bytes=2-{'9' * 400}", 10, Span(2, 10)),
        ("bytes=-3", 0, None),
    ],
)
def test_a_single_range_is_cut_to_what_is_there(header: str, size: int, expected: Span | None) -> None:
    """A range gives the bytes that it names and that exist; a suffix of nothing is the whole."""
    wanted = wanted_range(header)

    assert wanted is not None
    assert expected == wanted.within(size)


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=0-", 0), ("bytes=-0", 10), ("bytes=99-", 10)],
)
def test_a_range_beyond_the_end_cannot_be_satisfied(header: str, size: int) -> None:
    """A range that begins at the end or later is refused, with the length."""
    wanted = wanted_range(header)

    assert wanted is not None
    with pytest.raises(RangeNotSatisfiable) as raised:
        wanted.within(size)
    assert size == raised.value.size_bytes


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=4-2",
        "bytes=a-b",
        "bytes=0-1,3-4",
        "bytes=0-1, 3-4",
        "lines=0-1",
        "bytes=\uff11-\uff12",
        "bytes=0x1-2",
        "bytes=--1",
    ],
)
def test_anything_else_is_the_whole(header: str | None) -> None:
    """Several ranges, an unknown unit, and what is no range at all get everything."""
    assert wanted_range(header) is None


@pytest.mark.parametrize(
    ("if_range", "etag", "applies"),
    [
        (None, '"a"', True),
        ('"a"', '"a"', True),
        ('"b"', '"a"', False),
        ('W/"a"', '"a"', False),
        ("Wed, 21 Oct 2026 07:28:00 GMT", '"a"', False),
        ('"a"', None, False),
    ],
)
def test_if_range_holds_for_the_present_tag_alone(
    if_range: str | None, etag: str | None, applies: bool
) -> None:
    """A range with `If-Range` counts only where the strong tag is the present one."""
    assert applies == (wanted_range("bytes=0-1", if_range, etag) is not None)


def test_content_range_counts_to_the_last_byte() -> None:
    """`Content-Range` names first and last byte and the length."""
    assert "bytes 2-4/10" == Span(2, 5).content_range(10)
