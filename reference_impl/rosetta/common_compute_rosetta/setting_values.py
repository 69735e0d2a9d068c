"""Single values of settings, and the sentence that each fault of one gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any


def unknown(table: Mapping[str, Any], known: Sequence[str], where: str) -> list[str]:
    """Give a sentence for each setting that there is not, with the one that may be meant."""
    faults = []
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f": is `{near[0]}` meant?" if near else f"; there are {', '.join(sorted(known))}"
            faults.append(f"{where}: there is no setting `{name}`{hint}")
    return faults


def text(value: Any, where: str, faults: list[str]) -> str:
    """Read a text that is not empty."""
    if isinstance(value, str) and value and "\x00" not in value:
        return value
    faults.append(f"{where} must be a text that is not empty")
    return ""


def count(value: Any, least: int, where: str, faults: list[str]) -> int:
    """Read a whole number."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    faults.append(f"{where} must be a whole number, at least {least}")
    return least


def flag(value: Any, where: str, faults: list[str]) -> bool:
    """Read a yes or no."""
    if isinstance(value, bool):
        return value
    faults.append(f"{where} must be true or false")
    return False


def texts(value: Any, where: str, faults: list[str]) -> tuple[str, ...]:
    """Read a list of texts that are not empty."""
    if isinstance(value, list) and all(isinstance(one, str) and one and "\x00" not in one for one in value):
        return tuple(value)
    faults.append(f"{where} must be a list of texts that are not empty")
    return ()


def certificates(value: Any, where: str, faults: list[str]) -> str:
    """Read a file of certificates, of this service's own, whose text is sent along."""
    path = text(value, where, faults)
    try:
        read = Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{where}: {path} cannot be read ({type(error).__name__})")
        return ""
    if "-----BEGIN CERTIFICATE-----" not in read:
        faults.append(f"{where}: {path} holds no certificate in PEM")
    return read.strip()
