"""Read items of ESAP's shopping basket, in whichever form they come."""

from __future__ import annotations

import json
from typing import Any

_WRAPPINGS_AT_MOST = 8


class NotAnItem(ValueError):
    """What came is no basket item."""


def read_item(given: Any) -> dict[str, Any]:
    """Give a basket item, `{"archive": ..., "record": {...}}`.

    ESAP's accounts keep an item as a JSON string, and give it out as `{"item_data": "<JSON>", ...}`; a basket
    that was saved again is wrapped again. All of these are the same item.

    Raises:
        NotAnItem: it is none.
    """
    item = given
    for _ in range(_WRAPPINGS_AT_MOST):
        if isinstance(item, str):
            item = _parse(item)
        elif isinstance(item, dict) and "item_data" in item:
            item = item["item_data"]
    if not isinstance(item, dict) or not isinstance(item.get("archive"), str):
        raise NotAnItem('A basket item is an object with an "archive", or the JSON text of one.')
    if not isinstance(item.get("record"), dict):
        raise NotAnItem(
            f'The item of {item["archive"]!r} has no "record": give the record that was selected.'
        )
    try:
        file_content(item)
    except (ValueError, RecursionError) as error:
        raise NotAnItem("The item holds what cannot be written as JSON in UTF-8.") from error
    return item


def file_content(item: dict[str, Any]) -> bytes:
    """Write an item as the file that a job finds."""
    return json.dumps(item, ensure_ascii=False, allow_nan=False).encode()


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAnItem("The basket item is a text, but not JSON.") from error
