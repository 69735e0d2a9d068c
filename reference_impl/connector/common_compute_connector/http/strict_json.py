"""Read the bytes of a body as JSON, more strictly than any framework does."""

from __future__ import annotations

from typing import Any

import orjson

MAX_DEPTH = 64
"""Bodies nested deeper are refused; the contract asks for 32."""


class Malformed(ValueError):
    """The bytes are no JSON text that this service reads; the message says why."""


def parse(body: bytes) -> Any:
    """Turn bytes into a JSON value.

    Raises:
        Malformed: empty, bad UTF-8, a byte order mark, truncated, NaN, a number beyond a double, a lone
            surrogate, or nested deeper than `MAX_DEPTH`.
    """
    if not body:
        raise Malformed("The body is empty.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is no JSON: {error}.") from None
    # Every level needs its own opening bracket, so most bodies are known to be flat without looking closer.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise Malformed(f"The body is nested deeper than {MAX_DEPTH} levels.")
    return value


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
