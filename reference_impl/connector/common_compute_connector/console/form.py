"""Read a submitted form: its fields as text, within a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.types import Receive

from common_compute_connector.console.refusals import RefusedHere

MOST_BYTES = 1 << 20
"""What a person types or pastes is smaller, also with every other character written as three."""
_READ_BYTES = 1 << 26
"""A form too large is read this far and forgotten, so that the refusal reaches who is still sending."""
_MOST_FIELDS = 32
_TYPE = "application/x-www-form-urlencoded"


async def read_form(headers: Mapping[str, str], receive: Receive) -> Mapping[str, str]:
    """Give the fields of a form by name, of several with one name the last.

    Raises:
        RefusedHere: it is no form, or too large.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise RefusedHere(415, "This page takes a form of its own only.")
    body = await _body(receive)
    try:
        return await asyncio.to_thread(_fields, body)
    except ValueError:
        raise RefusedHere(400, "The form cannot be read: go back, and send it again.") from None


def _fields(body: bytes) -> Mapping[str, str]:
    text = body.decode("ascii")
    return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))


async def _body(receive: Receive) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while size <= _READ_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedHere(400, "The form did not come whole.")
        piece = message.get("body", b"")
        size += len(piece)
        if size > MOST_BYTES:
            pieces.clear()
        else:
            pieces.append(piece)
        if not message.get("more_body", False):
            break
    if size > MOST_BYTES:
        limit = f"{MOST_BYTES // 1024} KiB"
        raise RefusedHere(
            413, f"The form is too large: it may have {limit}. The API itself takes larger jobs."
        )
    return b"".join(pieces)
