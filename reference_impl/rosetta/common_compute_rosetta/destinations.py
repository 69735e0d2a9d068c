"""Where results go that have a destination: the URL of each file, and what may be told of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from common_compute_connector.plan import OutputRule

_URL = re.compile(r"([^:/?#]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_SIGNS_OF_A_PATTERN = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file on its way: its name in the working directory, its path as a result, and where to.

    `location` is the URL without its user part, query and fragment, in which secrets may be.
    """

    name: bytes
    path: str
    url: str = field(repr=False)
    location: str

    @property
    def label(self) -> str:
        """Name the file there, whatever signs are in its name."""
        return sha256(self.name).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: its length and its SHA-256 in hexadecimal."""

    size_bytes: int
    sha256: str


def deliver(name: bytes, path: str, rules: Sequence[OutputRule], task_index: int | None) -> Delivery | None:
    """Say where a file goes; None stays with the service. `task_index` is set in jobs of many tasks.

    A URL whose path ends in `/` is a folder, in which the file has its own path, and in jobs of many tasks
    below the task's index: so no file takes another one's place. Any other URL is the file's own.
    """
    text = name.decode(errors="surrogateescape")
    for rule in rules:
        if rule.destination_url is not None and rule.matches(text):
            scheme, host, folder, query = _parts(rule.destination_url)
            if folder.endswith("/"):
                folder += (f"{task_index}/" if task_index is not None else "") + quote(path)
            location = f"{scheme}://{host.rpartition('@')[2]}{folder}"
            return Delivery(name, path, f"{scheme}://{host}{folder}{query}", location)
    return None


def destination_fault(spec: Mapping[str, Any]) -> str | None:
    """Say, in words, which output's destination could not be that of all its files, or None."""
    for output in spec.get("outputs", ()):
        if "destination" not in output:
            continue
        _, _, folder, _ = _parts(output["destination"]["url"])
        many = "array" in spec or not _SIGNS_OF_A_PATTERN.isdisjoint(output["path"])
        if many and not folder.endswith("/"):
            return (
                f"{output['path']} may be several files, so the path of its destination must be a folder: "
                "let it end with /"
            )
    return None


def _parts(url: str) -> tuple[str, str, str, str]:
    """Part a URL into scheme, authority, path and query; what is no such URL is refused where it is used."""
    found = _URL.fullmatch(url)
    if found is None:
        return url.partition(":")[0].lower(), "", "/", ""
    scheme, host, path, query = found.groups(default="")
    return scheme.lower(), host, path or "/", query
