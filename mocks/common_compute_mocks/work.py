"""What a task writes and how it ends: its plan worked out as far as it can be, else made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any

from common_compute_connector.plan import TaskPlan
from common_compute_mocks.chance import Draw
from common_compute_mocks.flavours import Flavour
from common_compute_mocks.interpreter.failures import NotUnderstood
from common_compute_mocks.interpreter.machine import Run, TaskInput, run
from common_compute_mocks.interpreter.world import Limits
from common_compute_mocks.plausible import plausible_run, scripted_run
from common_compute_mocks.scenarios import Script

NOTHING = Run("exit", 0.0)
"""The run of a command that never started."""

_LONGEST_HELD_BYTES = 64 * 1024 * 1024


def work_out(
    flavour: Flavour,
    plan: TaskPlan,
    resources: Mapping[str, Any],
    draw: Draw,
    until: float = inf,
    script: Script | None = None,
) -> Run:
    """Work a task out up to a moment after its command's start, at the latest up to the facility's limit.

    A script takes the place of the command.
    """
    limits = Limits(
        seconds=min(until, wall_seconds(flavour, resources)),
        memory_bytes=min(_memory_bytes(flavour, resources), _LONGEST_HELD_BYTES),
    )
    if script is not None:
        return scripted_run(script, plan, draw, limits.seconds)
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
    except NotUnderstood as unknown:
        return replace(plausible_run(plan, draw, limits.seconds), steps=unknown.steps)


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
