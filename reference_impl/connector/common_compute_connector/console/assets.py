"""The files that the pages load, which come from this server: style, script and icon."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files

_TYPES = {
    "console.css": "text/css; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def media_type(name: str) -> str | None:
    """Give the media type of a file, or None if there is no such file."""
    return _TYPES.get(name)


@cache
def content(name: str) -> bytes:
    """Give the bytes of a file."""
    return files("common_compute_connector").joinpath("console", "static", name).read_bytes()


@cache
def addresses() -> Mapping[str, str]:
    """Give the path of each file by its name, with a mark that changes with the file: so browsers keep it."""
    return {
        name: f"/console/static/{name}?v={sha256(content(name)).hexdigest()[:12]}" for name in sorted(_TYPES)
    }
