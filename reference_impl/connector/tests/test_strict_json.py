"""Bytes that are no strict JSON are refused, and depth is bounded."""

import pytest

from common_compute_connector.http.strict_json import MAX_DEPTH, Malformed, parse


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b'{"a": 1',
        b"[1,]",
        b"{'a': 1}",
        b"NaN",
        b"Infinity",
        b"1e999",
        b"-1e999",
        b"1" * 400,
        b"01",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b"\xef\xbb\xbf{}",
        b'"a\x01b"',
        b"{} {}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    """A body that is not exactly one strict JSON text is malformed, whatever it does to a parser."""
    with pytest.raises(Malformed):
        parse(body)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_depth_is_bounded_exactly(opening: bytes, closing: bytes) -> None:
    """A body of the greatest depth is read, one level more is malformed."""
    inner = b"1"

    assert parse(opening * MAX_DEPTH + inner + closing * MAX_DEPTH) is not None
    with pytest.raises(Malformed):
        parse(opening * (MAX_DEPTH + 1) + inner + closing * (MAX_DEPTH + 1))


def test_many_brackets_beside_each_other_are_no_depth() -> None:
    """A flat body with more brackets than the depth allows is read."""
    assert [[]] * 1000 == parse(b"[" + b",".join([b"[]"] * 1000) + b"]")


def test_brackets_inside_strings_are_no_depth() -> None:
    """Brackets in a text do not count."""
    assert "[" * 1000 == parse(b'"' + b"[" * 1000 + b'"')
