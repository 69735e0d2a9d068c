"""Logical file names, as the file catalogue has them, and as the path of a URL with the scheme `lfn`."""

from __future__ import annotations

import re

_URL = re.compile(r"[Ll][Ff][Nn]:(?://)?(/[^/].*)", re.DOTALL)
_SEGMENT = re.compile(r"[A-Za-z0-9._+=@~,-]{1,128}")
"""Other signs have a meaning to some storage, and DIRAC's catalogue takes no longer names."""


def read_url(url: str, vo: str) -> str | None:
    """Give the name that a URL means; one that ends in `/` is a folder. None if it means none of the VO's."""
    found = _URL.fullmatch(url)
    if found is None:
        return None
    folder = found.group(1).endswith("/")
    return found.group(1) if is_name(found.group(1)[:-1] if folder else found.group(1), vo) else None


def is_name(name: str, vo: str) -> bool:
    """Tell whether this is the name of a file of the VO's: /VO/SEGMENT/..., each of plain signs."""
    first, *segments = name.split("/")
    plain = all(_SEGMENT.fullmatch(each) and each.strip(".") for each in segments)
    return not first and len(segments) > 1 and segments[0] == vo and plain
