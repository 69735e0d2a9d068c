"""A part as the dispatcher holds it in memory while it is leased."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from common_compute_connector.jobs import Task
from common_compute_connector.plan import output_rules, requires_output
from common_compute_connector.protocol import EndedTask, LivePart, Part, PartKey, Submission
from common_compute_connector.store.parts import ClaimedPart
from common_compute_connector.store.schema import Phase


@dataclass(slots=True)
class HeldPart:
    """What the store knows of a part, and what only matters while this process works on it."""

    part: Part
    phase: Phase
    spec: dict[str, Any]
    tasks: dict[int, Task]
    job_task_count: int
    job_created_at: datetime
    intended_at: datetime | None
    unknown_since: datetime | None
    cancel_asked_at: datetime | None = None
    not_before: datetime | None = None
    observed_at: datetime | None = None
    deferrals: int = 0
    """How often in a row the facility did not take this part yet."""
    failures: int = 0
    """How often the connector broke, in a way that it does not promise, when it was handed this part."""

    @classmethod
    def of(cls, claimed: ClaimedPart) -> HeldPart:
        """Begin to hold a claimed part."""
        return cls(
            part=claimed.part,
            phase=claimed.phase,
            spec=claimed.spec or {},
            tasks={task.index: task for task in claimed.tasks},
            job_task_count=claimed.job_task_count,
            job_created_at=claimed.job_created_at,
            intended_at=claimed.intended_at,
            unknown_since=claimed.unknown_since,
        )

    @property
    def key(self) -> PartKey:
        """The part's key."""
        return self.part.key

    @property
    def is_whole_job(self) -> bool:
        """Tell whether the job has no other part."""
        return self.part.task_count == self.job_task_count

    def differs(self, task: Task) -> bool:
        """Tell whether more is new of a task than when it was seen."""
        return replace(task, observed_at=None) != replace(self.tasks[task.index], observed_at=None)

    @property
    def live_part(self) -> LivePart | None:
        """The part with its live tasks; None if the facility has nothing to tell about it any more."""
        live = [task.index for task in self.tasks.values() if task.live]
        return LivePart(self.part, live) if live and self.phase is Phase.LIVE else None

    @property
    def ended_tasks(self) -> list[EndedTask]:
        """The tasks whose bytes are still to be brought home."""
        return [
            EndedTask(self.part, task.index, output_rules(self.spec, task.index))
            for task in self.tasks.values()
            if task.ending is not None
        ]

    @property
    def promises_nothing(self) -> bool:
        """Tell whether a task that never ran lacks no output."""
        return not requires_output(self.spec)

    def accept(self, handle: str) -> None:
        """Note that the facility has the part."""
        self.part = replace(self.part, handle=handle)
        self.phase = Phase.LIVE

    def submission(self) -> Submission:
        """Give what the connector needs to run the part."""
        return Submission(self.part, self.spec, self.job_task_count)
