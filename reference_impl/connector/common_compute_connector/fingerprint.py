"""Keyed digests: of a body under an idempotency key, and of what a page token is bound to."""

from __future__ import annotations

import hmac
from typing import Any

import orjson


def body_digest(secret: bytes, body: Any) -> str:
    """Digest a JSON value so that equal values have equal digests: `1` and `1.0`, any order of members."""
    text = orjson.dumps(_plain(body), option=orjson.OPT_SORT_KEYS)
    return hmac.digest(secret, b"body\0" + text, "sha256").hex()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value
