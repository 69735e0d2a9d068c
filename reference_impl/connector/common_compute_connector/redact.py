"""Show a job specification without what is secret in its URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from common_compute_connector import contract

REDACTED = "REDACTED"

_PARTS = re.compile(
    r"(?P<scheme>[^:/?#]*:)?(?P<slashes>//)?(?P<authority>(?<=//)[^/?#]*)?(?P<path>[^?#]*)"
    r"(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.DOTALL,
)


def redacted_url(url: str) -> str:
    """Replace the user part and every value of the query by `REDACTED`; the rest stays as it was sent."""
    found = _PARTS.fullmatch(url)
    if found is None:
        return REDACTED
    parts = found.groupdict(default="")
    user, at, host = parts["authority"].rpartition("@")
    authority = REDACTED + at + host if user else parts["authority"]
    query = parts["query"]
    if len(query) > 1:
        query = "?" + "&".join(map(_redacted_pair, query[1:].split("&")))
    whole = parts["scheme"] + parts["slashes"] + authority + parts["path"]
    shown = whole + query + parts["fragment"]
    # What is shown is a URL of the contract too, which is not to be outgrown by what replaces its secrets.
    return shown if len(shown) <= _longest() else whole[: _longest() - len(REDACTED) - 1] + "?" + REDACTED


@cache
def _longest() -> int:
    return int(contract.document()["components"]["schemas"]["Url"]["maxLength"])


def shown_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Give a valid job specification as its owner sees it again; what has no URL is shared, not copied."""
    shown = dict(spec)
    software = spec["software"]
    if "image_archive" in software:
        archive = software["image_archive"]
        shown["software"] = {**software, "image_archive": {**archive, "url": redacted_url(archive["url"])}}
    if "inputs" in spec:
        shown["inputs"] = [_shown_input(entry) for entry in spec["inputs"]]
    if "outputs" in spec:
        shown["outputs"] = [_shown_output(entry) for entry in spec["outputs"]]
    return shown


def _shown_input(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    source = entry["source"]
    if "url" not in source:
        return entry
    return {**entry, "source": {**source, "url": redacted_url(source["url"])}}


def _shown_output(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    destination = entry.get("destination")
    if destination is None:
        return entry
    return {**entry, "destination": {**destination, "url": redacted_url(destination["url"])}}


def _redacted_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    # A piece without a name may well be the secret itself.
    if not equals:
        return REDACTED if pair else pair
    return name + equals + (REDACTED if value else "")
