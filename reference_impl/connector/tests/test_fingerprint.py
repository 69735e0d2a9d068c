"""Bodies are the same under a key exactly if they are equal as JSON values."""

import orjson
import pytest

from common_compute_connector.fingerprint import body_digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a": 1, "b": 2}', b'{"b":2,"a":1}'),
        (b'{"a": 1}', b'{"a": 1.0}'),
        (b'{"a": [1.0, {"b": 100}]}', b'{"a": [1, {"b": 1e2}]}'),
        (b'{"a": "\\u00e9"}', '{"a": "é"}'.encode()),
        (b'{"a": 0}', b'{"a": -0.0}'),
        (b"123456789012345678901234567890", b"1.2345678901234568e29"),
    ],
)
def test_equal_values_have_one_digest(one: bytes, other: bytes) -> None:
    """Order of members, white space, escapes and the spelling of a number make no difference."""
    assert body_digest(b"k", orjson.loads(one)) == body_digest(b"k", orjson.loads(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a": 1}', b'{"a": "1"}'),
        (b'{"a": 1}', b'{"a": true}'),
        (b'{"a": []}', b'{"a": {}}'),
        (b'{"a": null}', b"{}"),
        (b"[1, 2]", b"[2, 1]"),
        (b'{"a": 1}', b'{"a": 1.5}'),
    ],
)
def test_other_values_have_another_digest(one: bytes, other: bytes) -> None:
    """A difference in meaning is a difference of digests."""
    assert body_digest(b"k", orjson.loads(one)) != body_digest(b"k", orjson.loads(other))


def test_the_digest_is_keyed() -> None:
    """Without the store's secret nobody can compute the digest of a body that they guess."""
    assert body_digest(b"one", {"a": 1}) != body_digest(b"other", {"a": 1})
