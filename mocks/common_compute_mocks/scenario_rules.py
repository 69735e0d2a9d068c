"""The rules for a scenario that no schema says: what of it contradicts what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Rule = tuple[tuple[str | int, ...], str]
"""Where in the entry, and what to do."""

MOST_LINES = 10_000
_ENDS = ("exit_code", "signal", "reason")


def rule_faults(entry: Mapping[str, Any]) -> Iterator[Rule]:
    """Find what is wrong with an entry that fits the schema."""
    yield from _attempt_faults(entry.get("attempts", [{}]))
    yield from _run_faults(entry.get("run", {}))
    yield from _task_faults(entry)
    status = entry.get("facility", {}).get("status", {})
    if status.get("holds_jobs") and "for_seconds" not in status:
        yield (
            ("facility", "status", "for_seconds"),
            "Say for how long jobs are held, or leave out holds_jobs.",
        )
    for place, down in enumerate(entry.get("facility", {}).get("down", ())):
        if down.get("every_seconds", float("inf")) <= down["for_seconds"]:
            where = "facility", "down", place, "every_seconds"
            yield where, "This must be longer than for_seconds, or the facility never comes back."


def _attempt_faults(attempts: list[Mapping[str, Any]]) -> Iterator[Rule]:
    for place, attempt in enumerate(attempts):
        told = [name for name in _ENDS if name in attempt]
        if len(told) > 1:
            words = f"An attempt ends in one way only: keep one of {', '.join(told)}."
            yield ("attempts", place), words
    if "runs_at_most_seconds" in attempts[-1] and not set(_ENDS) & set(attempts[-1]):
        words = "A last attempt that is cut off has to say how it ends: add exit_code, signal or reason."
        yield ("attempts", len(attempts) - 1), words


def _run_faults(run: Mapping[str, Any]) -> Iterator[Rule]:
    prints = run.get("prints")
    if prints is not None and run["seconds"] / prints["every_seconds"] > MOST_LINES:
        words = f"This makes more than {MOST_LINES} lines: print less often, or run shorter."
        yield ("run", "prints", "every_seconds"), words


def _task_faults(entry: Mapping[str, Any]) -> Iterator[Rule]:
    tasks = entry.get("tasks")
    if tasks is None:
        return
    if ("indices" in tasks) == ("every" in tasks):
        yield ("tasks",), "Say which tasks either by every (and first) or by indices."
    elif "indices" in tasks and "first" in tasks:
        yield ("tasks", "first"), "This belongs to every: leave it out beside indices."
    for name in ("refused", "forgotten"):
        if entry.get(name):
            yield (name,), "This is of a whole submission: it cannot be combined with tasks."
