"""Seal a certificate: the digest in its footer, and the one way in which its file is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a JSON value as compact UTF-8 text with sorted members."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(_bytes(text)).hexdigest()


def sealed(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a certificate with its footer, which is the last member and tells that it is whole."""
    return {**body, "footer": {"requirements": len(body["requirements"]), "sha256": digest_of(body)}}


def file_of(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of a certificate's file, of which none can be changed without being noticed.

    The digest holds the values, and this the rest: white space, escapes, a member that comes twice.
    """
    return _bytes(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _bytes(text: str) -> bytes:
    # Of what a server says, a lone surrogate alone is no UTF-8; it becomes the escape that JSON has for it.
    return text.encode("utf-8", "backslashreplace")
