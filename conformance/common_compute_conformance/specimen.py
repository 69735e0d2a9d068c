"""Hold a job under the glass: what was sent, and everything that was seen of it since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common_compute_conformance.contract import Document
from common_compute_conformance.exchange import Exchange


@dataclass
class Specimen:
    """A job under the glass.

    `at_once` is how list_jobs answered right after the submission; `looks` are the answers of get_job, the
    first of them right after the submission too; `final` is the job once it is terminal, and `at_end` what
    list_results, get_result and get_log answered as soon as it was seen to be. `begun` is when the submission
    began and `ended` when the job was first seen terminal, in seconds of the kit's own clock.
    """

    name: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    submitted: Exchange
    at_once: Exchange | None = None
    looks: list[Exchange] = field(default_factory=list)
    final: Document | None = None
    at_end: list[Exchange] = field(default_factory=list)
    begun: float = 0.0
    ended: float = 0.0

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.submitted.document()["id"])
