"""Identifiers of the contract made out of names that people chose. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

LONGEST = 64


def identifier(name: str, taken: Container[str], otherwise: str) -> str:
    """Give small letters, digits and hyphens that are not taken; a name without any becomes `otherwise`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].strip("-") or otherwise
    chosen, number = stem, 1
    while chosen in taken:
        number += 1
        suffix = f"-{number}"
        chosen = stem[: LONGEST - len(suffix)].rstrip("-") + suffix
    return chosen
