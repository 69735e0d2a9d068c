"""Inputs and results of tasks that lie on the grid: what their wrapper is told of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common_compute_connector.plan import InputFile, OutputRule
from common_compute_dirac.payload.lfn import read_url
from common_compute_dirac.settings import Settings
from common_compute_dirac.staging_settings import SCHEME

_SIGNS_OF_A_PATTERN = frozenset("*?[")


def input_for_worker(entry: InputFile, settings: Settings) -> dict[str, Any]:
    """Say where the wrapper gets an input that is not inline, or in words why it cannot."""
    source = entry.source
    told: dict[str, Any] = {"path": entry.path, "executable": entry.executable}
    if settings.staging is None or source["kind"] != "url":
        return {**told, "unavailable": "the facility does not fetch it any more"}
    name = read_url(source["url"], settings.vo)
    if name is None or name.endswith("/"):
        return {**told, "unavailable": f"its URL names no file of {settings.vo} in the file catalogue"}
    sha256 = source.get("sha256")
    return {**told, "lfn": name, "sha256": sha256.lower() if sha256 else None}


def output_for_worker(rule: OutputRule, settings: Settings, index: int | None) -> dict[str, Any]:
    """Say which files a rule means, and where on the grid they go; None is home."""
    return {"expression": rule.expression, "lfn": destination(rule, settings.vo, index)}


def destination(rule: OutputRule, vo: str, index: int | None) -> str | None:
    """Give the name that a rule's files get, or the folder, which ends in `/`; None is none.

    In jobs of many tasks, each of which has an `index`, each has a folder of its own in that folder.
    """
    name = read_url(rule.destination_url, vo) if rule.destination_url is not None else None
    return f"{name}{index}/" if name is not None and name.endswith("/") and index is not None else name


def destination_fault(spec: Mapping[str, Any], settings: Settings) -> str | None:
    """Say, in words, which output's destination could not be that of all its files, or None."""
    for output in spec.get("outputs", ()):
        if "destination" not in output:
            continue
        if settings.staging is None:
            return f"{output['path']}: the facility does not send results anywhere any more"
        name = read_url(output["destination"]["url"], settings.vo)
        if name is None:
            return (
                f"{output['path']}: the URL of its destination must be {SCHEME}:/{settings.vo}/... and hold "
                "no other signs than letters, digits, and ._+=@~,-"
            )
        many = "array" in spec or not _SIGNS_OF_A_PATTERN.isdisjoint(output["path"])
        if many and not name.endswith("/"):
            return (
                f"{output['path']} may be several files, so the path of its destination must be a folder: "
                "let it end with /"
            )
    return None


def lacking(tasks: Sequence[Mapping[str, Any]]) -> str | None:
    """Say, in words, why no task of a part can ever begin, or None if one may."""
    words = [
        next(
            (
                f"{entry['path']}: {entry['unavailable']}"
                for entry in task["inputs"]
                if "unavailable" in entry
            ),
            None,
        )
        for task in tasks
    ]
    return None if None in words else next(iter(words), None)
