"""What Slurm and the tasks' own records tell together, and the patience with what neither tells.

What was missed is memory: after a restart of the service the patience begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from common_compute_connector.clock import Clock
from common_compute_connector.jobs import TaskSeen
from common_compute_connector.protocol import LivePart, Observation, Part, PartKey
from common_compute_rosetta import slurm_batch, slurm_queue, slurm_states
from common_compute_rosetta.calls import Argument
from common_compute_rosetta.sandbox import directory_name
from common_compute_rosetta.slurm_handle import job_of
from common_compute_rosetta.slurm_probe import Cluster
from common_compute_rosetta.submission import resolve

_Rows = Mapping[str, Mapping[int | None, Sequence[slurm_queue.Row]]]


class SlurmWatching:
    """The tasks of one host with Slurm, as they were seen."""

    def __init__(self, service_id: str, clock: Clock, lost_after_seconds: int) -> None:
        self._service_id = service_id
        self._clock = clock
        self._patience = timedelta(seconds=lost_after_seconds)
        # Since when a task has been in no answer, and whether a record is awaited.
        self._missed: dict[tuple[PartKey, int], datetime] = {}
        self._awaiting_records = False

    def variables(self) -> dict[str, Argument]:
        """Give what the call that looks has to know."""
        stuck_before = self._clock.now() - slurm_states.PATIENCE_WITH_RECORDS
        return {
            "FRESH": "yes" if self._awaiting_records else "",
            "STUCK_BEFORE": stuck_before.strftime("%Y-%m-%dT%H:%M:%S"),
        }

    def observations(
        self, parts: Sequence[LivePart], sighting: slurm_queue.Sighting, cluster: Cluster
    ) -> list[Observation]:
        """Tell what was seen of live parts; of one that is not in the sighting nothing is told."""
        self._awaiting_records = False
        observations = [Observation(key, known=False) for key in sighting.gone]
        queued, booked = _by_job(sighting.queue), _by_job(sighting.books)
        for live in parts:
            if live.part.key in sighting.records:
                seen = [
                    self._task_seen(live.part, index, queued, booked, sighting, cluster)
                    for index in live.live
                ]
                observations.append(Observation(live.part.key, [task for task in seen if task is not None]))
        return observations

    def _task_seen(
        self,
        part: Part,
        index: int,
        queued: _Rows,
        booked: _Rows,
        sighting: slurm_queue.Sighting,
        cluster: Cluster,
    ) -> TaskSeen | None:
        job, element = job_of(part.handle), index - part.first_index if part.task_count > 1 else None
        name = slurm_batch.job_name(self._service_id, part.key)
        task = slurm_states.Task(index, job, element, name)
        rows = [row for row in queued.get(job, {}).get(element, ()) if row.name == name]
        books = [row for row in booked.get(job, {}).get(element, ()) if row.name == name]
        record = sighting.records[part.key].get(index, slurm_queue.Record())
        now = since = self._clock.now()
        if slurm_states.is_missing(rows, books, record):
            since = self._missed.setdefault((part.key, index), now)
        else:
            self._missed.pop((part.key, index), None)
        view = slurm_states.View(
            now=sighting.now,
            uid=cluster.uid,
            has_books=cluster.accounting and sighting.closed is None,
            books_are_closed=sighting.closed is not None,
            missing=now - since,
            patience=self._patience,
        )
        seen = slurm_states.task_seen(task, rows, books, record, view)
        if seen is None or (seen.state is None and rows and slurm_states.is_awaited(rows[-1], record)):
            self._awaiting_records = True
        if seen is None or seen.resolved is None:
            return seen
        return replace(seen, resolved=resolve(seen.resolved, part.handle))


def line(live: LivePart) -> Sequence[Argument]:
    """Name a part and its live tasks to the call that looks."""
    part = live.part
    key = directory_name(part.key)
    return ("part", key, job_of(part.handle), part.first_index, part.task_count, *live.live)


def ended_before_they_began(
    parts: Sequence[LivePart], observations: Sequence[Observation], sighting: slurm_queue.Sighting
) -> list[LivePart]:
    """Give the tasks whose last attempt has ended, and of which there is but an earlier one's record."""
    seen = {observation.key: observation.tasks for observation in observations if observation.known}
    stale = []
    for live in parts:
        records = sighting.records.get(live.part.key, {})
        indices = [
            task.index
            for task in seen.get(live.part.key, ())
            if task.state and task.state.terminal and 0 < records[task.index].attempt < task.attempt
        ]
        if indices:
            stale.append(LivePart(live.part, indices))
    return stale


def _by_job(rows: Sequence[slurm_queue.Row]) -> dict[str, dict[int | None, list[slurm_queue.Row]]]:
    """Give the rows of each job and element, in their order."""
    jobs: dict[str, dict[int | None, list[slurm_queue.Row]]] = {}
    for row in rows:
        jobs.setdefault(row.job, {}).setdefault(row.element, []).append(row)
    return jobs
