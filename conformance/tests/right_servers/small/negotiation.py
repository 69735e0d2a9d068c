"""What the headers of a request say of media types: whether it takes JSON, and whether it brings JSON."""

import re
from collections.abc import Mapping

_JSON = re.compile(r'application/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?', re.IGNORECASE)


def takes_json(accept: str | None) -> bool:
    """Tell whether an `Accept` allows application/json: its most precise range that fits decides (RFC 9110, 12.5.1)."""
    if accept is None or not accept.strip():
        return True
    weights: dict[str, float] = {}
    for entry in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = 1.0
        for parameter in parameters:
            if found := re.fullmatch(r"q=([01](?:\.[0-9]{0,3})?)", parameter):
                weight = float(found[1])
        weights[media_range] = max(weight, weights.get(media_range, 0.0))
    for media_range in ("application/json", "application/*", "*/*"):
        if media_range in weights:
            return weights[media_range] > 0
    return False


def brings_json(headers: Mapping[str, str]) -> bool:
    """Tell whether a body is announced as plain JSON: `charset=utf-8` at most, and no coding."""
    return "content-encoding" not in headers and bool(_JSON.fullmatch(headers.get("content-type", "")))
