"""DIRAC's states as ours: the table, and what a task's end means. Pure.

The states are those of DIRAC.WorkloadManagementSystem.Client.JobStatus. `Done` is the end and `Completed` is
not: requests are left, such as an upload to repeat, and it goes on to `Done` or `Failed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from common_compute_connector.jobs import Native, Reason, State

SUBMITTING = "Submitting"
DELETED = "Deleted"

LIVE: Mapping[str, State] = {
    SUBMITTING: State.QUEUED,
    "Received": State.QUEUED,
    "Checking": State.QUEUED,
    "Scouting": State.QUEUED,
    "Staging": State.QUEUED,
    "Waiting": State.QUEUED,
    "Rescheduled": State.QUEUED,
    "Matched": State.QUEUED,
    "Running": State.RUNNING,
    "Stalled": State.RUNNING,
    "Completing": State.RUNNING,
    "Completed": State.RUNNING,
}
"""What goes on; a state that is neither here nor in `ENDED` is unknown, and changes nothing."""

ENDED: Mapping[str, State] = {
    "Done": State.SUCCEEDED,
    "Failed": State.FAILED,
    "Killed": State.CANCELLED,
    DELETED: State.CANCELLED,
}
"""What is over. What a job that is `Done` came to its wrapper tells, not DIRAC."""

_UNKNOWN_WORDS = {"", "Unknown", "None"}

_KILLED = "received kill signal"

WORDS_OF_REASONS = (
    ("Job has exceeded maximum wall clock time", "wall-time-exceeded"),
    ("Job has reached the CPU limit of the queue", "wall-time-exceeded"),
    ("stalled", "node-failure"),
    ("pilot not running", "node-failure"),
    ("proxy", "credential-rejected"),
    ("insufficient disk space", "quota-exceeded"),
    ("Uploading", "results-lost"),
    ("Output Sandbox", "results-lost"),
    ("Maximum of reschedulings reached", "node-failure"),
    ("Failed Downloading InputSandbox", "input-unavailable"),
    ("Impossible Site Requirement", "submission-rejected"),
    ("No candidate sites available", "submission-rejected"),
)
"""What stands in the words about a job that DIRAC calls failed, and the code for it; the first that fits."""

REASON_CODES = (
    "exit-nonzero",
    "signal",
    "command-not-found",
    "wall-time-exceeded",
    "software-unavailable",
    "input-unavailable",
    "node-failure",
    "output-missing",
    "results-lost",
    "submission-rejected",
    "credential-rejected",
    "quota-exceeded",
    "lost",
    "cancelled-by-user",
    "cancelled-by-facility",
    "unknown",
    "internal",
)


class JobSeen(NamedTuple):
    """What DIRAC says of one job."""

    status: str
    minor: str
    application: str
    site: str
    reschedules: int
    name: str

    @property
    def attempt(self) -> int:
        """Count from 1."""
        return self.reschedules + 1

    @property
    def killed(self) -> bool:
        """Tell whether somebody has had it killed or deleted.

        A job that ran is Killed at once, and Failed when its wrapper has heard of it.
        """
        if self.status in {"Killed", DELETED}:
            return True
        return self.status == "Failed" and _KILLED in f"{self.minor}; {self.application}".lower()

    @property
    def words(self) -> str | None:
        """Give the minor and the application's status, where there is any."""
        said = [word for word in (self.minor, self.application) if word not in _UNKNOWN_WORDS]
        return "; ".join(said) or None

    def native(self, number: int) -> Native:
        """Give DIRAC's own name and words for the job."""
        return Native(str(number), self.status, self.words)


def read_status(told: Mapping[str, Any]) -> JobSeen:
    """Read what client.py's `status` gives of one job."""
    counter = str(told.get("RescheduleCounter", "0"))
    return JobSeen(
        status=str(told.get("Status", "")),
        minor=str(told.get("MinorStatus", "")),
        application=str(told.get("ApplicationStatus", "")),
        site=str(told.get("Site", "")),
        reschedules=int(counter) if counter.isdecimal() else 0,
        name=str(told.get("JobName", "")),
    )


def reason_of_failure(seen: JobSeen) -> Reason:
    """Say why DIRAC calls a job failed, in its own words."""
    words = seen.words or "DIRAC gives no reason"
    code = next((code for text, code in WORDS_OF_REASONS if text.lower() in words.lower()), "unknown")
    return Reason(code, words)


def reason_of_kill(seen: JobSeen, *, asked: bool) -> Reason:
    """Say who had a job killed or deleted: its caller, or somebody else."""
    if asked:
        return Reason("cancelled-by-user")
    words = f"{seen.status}; {seen.words}" if seen.words else seen.status
    return Reason("cancelled-by-facility", words)
