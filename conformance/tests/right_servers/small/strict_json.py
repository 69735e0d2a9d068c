"""JSON as the contract takes it, stricter than Python's own reader, and the digest by which two bodies are equal."""

import hashlib
import hmac
import json
import math
from collections.abc import Iterator

DEEPEST = 32


class NotJson(Exception):
    """The bytes are no JSON text; the message says why."""


def parse(body: bytes) -> object:
    """Read a body; NotJson also for a member that is there twice, and for what is nested deeper than 32."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_no_constant,
            parse_float=_double,
            parse_int=_integer,
            object_pairs_hook=_members,
        )
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from None
    _look_through(value)
    return value


def compact_size(value: object) -> int:
    """Measure a value in bytes, as compact JSON in UTF-8."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def digest(value: object, key: bytes) -> bytes:
    """Make a keyed digest that is the same for values that are equal as JSON: 1.0 is 1, members have no order."""
    text = json.dumps(_plain(value), sort_keys=True)
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no number of JSON")


def _double(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is beyond a double")
    return number


def _integer(digits: str) -> int:
    _double(digits)
    return int(digits)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is there twice")
    return members


def _look_through(value: object) -> None:
    level, depth = [value], 0
    while level:
        for text in filter(lambda item: isinstance(item, str), level):
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise NotJson("a lone surrogate is no character")
        depth += any(isinstance(item, dict | list) for item in level)
        if depth > DEEPEST:
            raise NotJson(f"it is nested deeper than {DEEPEST}")
        level = [inner for item in level for inner in _inside(item)]


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
