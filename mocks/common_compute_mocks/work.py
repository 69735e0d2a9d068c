"""What a task writes and how it ends: its plan worked out as far as it can be, else made up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from math import inf
from typing import Any

from common_compute_connector.plan import TaskPlan
from common_compute_mocks.chance import Draw
from common_compute_mocks.flavours import Flavour
from common_compute_mocks.interpreter.failures import NotUnderstood
from common_compute_mocks.interpreter.machine import Run, TaskInput, run
from common_compute_mocks.interpreter.world import Limits
from common_compute_mocks.plausible import plausible_run

NOTHING = Run("exit", 0.0)
"""The run of a command that never started."""

_LONGEST_HELD_BYTES = 64 * 1024 * 1024


def work_out(
    flavour: Flavour, plan: TaskPlan, resources: Mapping[str, Any], draw: Draw, until: float = inf
) -> Run:
    """Work a task out up to a moment after its command's start, at the latest up to the facility's limit."""
    limits = Limits(
        seconds=min(until, wall_seconds(flavour, resources)),
        memory_bytes=min(_memory_bytes(flavour, resources), _LONGEST_HELD_BYTES),
    )
    directory = flavour.directory.format(job_id=plan.environment["CC_JOB_ID"], index=plan.index)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": directory,
        "TMPDIR": "/tmp",  # noqa: S108  (a path of the task's own file system)
        "LANG": "C.UTF-8",
        **flavour.environment,
        **plan.environment,
    }
    inputs = [TaskInput(entry.path, entry.content or b"", entry.executable) for entry in plan.inputs]
    try:
        return run(plan.command, environment, inputs, directory=directory, limits=limits)
    except NotUnderstood:
        return plausible_run(plan, draw, limits.seconds)


def wall_seconds(flavour: Flavour, resources: Mapping[str, Any]) -> float:
    """Give the time after which the facility ends a command: what was asked for, where it enforces that."""
    rule = flavour.facility["resources"]["wall_time_seconds"]
    if not flavour.enforces("wall_time_seconds"):
        return float(rule["max"])
    granularity = rule.get("granularity", 1)
    return float(-(-resources.get("wall_time_seconds", rule["default"]) // granularity) * granularity)


def _memory_bytes(flavour: Flavour, resources: Mapping[str, Any]) -> int:
    rule = flavour.facility["resources"]["memory_bytes"]
    if not flavour.enforces("memory_bytes"):
        return int(rule["max"])
    return int(resources.get("memory_bytes", rule["default"]))


class Shelf:
    """The runs last worked out, for as many bytes as it has room for; each can be worked out again."""

    def __init__(self, room_bytes: int = 128 * 1024 * 1024) -> None:
        self._room = room_bytes
        self._runs: OrderedDict[object, tuple[Run, int]] = OrderedDict()

    def get(self, key: object) -> Run | None:
        """Give a run that is still here."""
        if key not in self._runs:
            return None
        self._runs.move_to_end(key)
        return self._runs[key][0]

    def put(self, key: object, run: Run) -> None:
        """Keep a run, and let the longest unused go."""
        size = 1024 + sum(len(item.data) for item in run.tape) + sum(map(len, run.files.values()))
        self.discard(key)
        self._runs[key] = (run, size)
        self._room -= size
        while self._room < 0 and self._runs:
            self.discard(next(iter(self._runs)))

    def discard(self, key: object) -> None:
        """Let a run go."""
        _, size = self._runs.pop(key, (None, 0))
        self._room += size
