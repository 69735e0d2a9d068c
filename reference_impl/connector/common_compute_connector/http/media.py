"""Judge the `Accept`, `Content-Type` and `Content-Encoding` of a request."""

from __future__ import annotations

from collections.abc import Sequence

JSON = "application/json"
PROBLEM = "application/problem+json"


def accepts_json(accept: Sequence[str]) -> bool:
    """Tell whether the `Accept` headers of a request allow JSON (RFC 9110, 12.5.1).

    The most specific range that fits decides; no header, or an empty one, allows everything. Parameters
    beside `q` are not looked at: there is only one JSON here.
    """
    ranges = [part for header in accept for part in header.split(",") if part.strip()]
    if not ranges:
        return True
    weights: dict[str, float] = {}
    for text in ranges:
        name, *parameters = (piece.strip().lower() for piece in text.split(";"))
        weights[name] = max(weights.get(name, 0.0), _weight(parameters))
    for name in (JSON, "application/*", "*/*"):
        if name in weights:
            return weights[name] > 0
    return False


def fault_of_body_type(content_type: Sequence[str], content_encoding: Sequence[str]) -> str | None:
    """Say why a body so announced is not taken, or None if it is.

    Taken is `application/json` with `charset=utf-8` at most, and no content encoding.
    """
    if any(encoding.strip() for encoding in content_encoding):
        return "The body has a Content-Encoding; this operation takes none."
    if not content_type:
        return f"The request has no Content-Type; this operation takes {JSON}."
    if len(content_type) > 1:
        return f"The request has several Content-Type headers; this operation takes {JSON}."
    name, *parameters = (piece.strip().lower() for piece in content_type[0].split(";"))
    if name != JSON:
        return f"The body is announced as another type; this operation takes {JSON}."
    for parameter in filter(None, parameters):
        key, _, value = parameter.partition("=")
        if key.strip() != "charset" or value.strip().strip('"') not in ("utf-8", "utf8"):
            return f"This operation takes {JSON} with no other parameter than charset=utf-8."
    return None


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return float(value.strip())
            except ValueError:
                return 1.0
    return 1.0
