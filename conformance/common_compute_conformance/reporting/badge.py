"""Draw a certificate's badge as SVG: what was certified, on one line."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_LABEL = "Common Compute"
_COLOURS = {
    "certified": "#1a7f37",
    "refused": "#b42318",
    "partial-passed": "#57606a",
    "partial-failed": "#b42318",
}
_NARROW, _WIDE = frozenset("fijlt.,:-|' "), frozenset("mwMWCGO")
_MARGIN, _HEIGHT = 8, 20


def badge(document: Mapping[str, Any]) -> bytes:
    """Return the badge of a certificate's document; it needs no font, no network and no script."""
    message = _message(document)
    left, right = _width(_LABEL), _width(message)
    colour = _COLOURS[document["verdict"]]
    title = escape(f"{_LABEL}: {message}")
    size = f'width="{left + right}" height="{_HEIGHT}"'
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">
<title>{title}</title>
<clipPath id="corners"><rect {size} rx="3"/></clipPath>
<g clip-path="url(#corners)">
<rect width="{left}" height="{_HEIGHT}" fill="#32383f"/>
<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{colour}"/>
</g>
<g fill="#fff" font-family="Verdana, DejaVu Sans, Geneva, sans-serif" font-size="11">
<text x="{_MARGIN}" y="14" textLength="{left - 2 * _MARGIN}">{escape(_LABEL)}</text>
<text x="{left + _MARGIN}" y="14" textLength="{right - 2 * _MARGIN}">{escape(message)}</text>
</g>
</svg>
""".encode()


def _message(document: Mapping[str, Any]) -> str:
    if document["verdict"] == "certified":
        return "certified: " + ", ".join(document["certified_classes"])
    if document["verdict"] == "refused":
        return "not certified"
    return "partial run, no certificate"


def _width(text: str) -> int:
    """Return about how wide a text is in Verdana at 11 pixels, with its margins."""
    widths = (4.2 if letter in _NARROW else 9.2 if letter in _WIDE else 6.6 for letter in text)
    return round(sum(widths)) + 2 * _MARGIN
