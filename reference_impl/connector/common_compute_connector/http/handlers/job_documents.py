"""The documents of jobs that are asked for again and again, made once for each change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from common_compute_connector.documents import job_document
from common_compute_connector.store.job_records import JobRecord

_MOST = 1024
_LONG_SPEC = 1 << 14


class RecentDocuments:
    """Remembers the last document of a job with the very record that it was made of.

    The store gives the same record while a job's row is the same, so a document cannot be out of date; who
    gets it must not change it.
    """

    def __init__(self) -> None:
        self._made: OrderedDict[str, tuple[JobRecord, bool, Mapping[str, Any]]] = OrderedDict()

    def document(self, job: JobRecord, *, stale: bool) -> Mapping[str, Any]:
        """Give a job's document."""
        made = self._made.get(job.id)
        if made is not None and made[0] is job and made[1] is stale:
            return made[2]
        document = job_document(job, stale=stale)
        if len(job.spec_text) <= _LONG_SPEC:
            self._made[job.id] = (job, stale, document)
            self._made.move_to_end(job.id)
            if len(self._made) > _MOST:
                self._made.popitem(last=False)
        return document
