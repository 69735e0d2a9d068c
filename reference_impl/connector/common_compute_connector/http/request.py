"""One request as the handlers see it, and what was found wrong with it on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common_compute_connector.access import Caller
from common_compute_connector.contract import Operation
from common_compute_connector.errors import Fault, Refusal
from common_compute_connector.store.job_records import JobRecord


@dataclass(slots=True)
class Request:
    """Everything of a request, read once.

    Nothing here raises: whoever reads a part of the request leaves what is wrong in `refusals` and `faults`,
    and the prologue answers in the contract's order. A value at fault is left out of `query` and `headers`.
    """

    operation: Operation
    caller: Caller
    path: str
    """The path as it was sent, base path included: page tokens are bound to it, problems show it."""
    ids: Mapping[str, str]
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    """The JSON value that was sent; None also if the operation takes none."""
    refusals: list[Refusal] = field(default_factory=list)
    """What ends the request before its parts are looked at, in the contract's order."""
    faults: list[Fault] = field(default_factory=list)
    """What is wrong with the form of query, headers and body."""
    position: list[Any] | None = None
    """Where the page that is asked for begins."""
    found_job: JobRecord | None = None

    @property
    def job(self) -> JobRecord:
        """The job of the path, which the prologue found."""
        if self.found_job is None:
            raise LookupError(f"{self.operation.id} has no job in its path")
        return self.found_job

    @property
    def owner(self) -> str:
        """The caller's name, which everything in the store is scoped by."""
        return self.caller.owner
