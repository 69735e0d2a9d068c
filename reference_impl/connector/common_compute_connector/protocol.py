"""The few verbs that a facility must implement, and what each of them promises.

One connector object stands for one facility. It keeps no record of jobs: the store does. Whatever it must
know again after a restart is in the `handle` that it returned when it accepted a part.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from common_compute_connector.clock import Clock
from common_compute_connector.jobs import Reason
from common_compute_connector.jobs import TaskSeen as TaskSeen  # noqa: PLC0414  (a word of this protocol too)
from common_compute_connector.plan import OutputRule

Document = Mapping[str, Any]
"""A JSON object of the contract, as `spec/openapi.yaml` describes it."""

Stream = Literal["stdout", "stderr"]


class PartKey(NamedTuple):
    """The name of a part, ours, written where the facility can be asked for it."""

    job_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Part:
    """One native submission: the tasks `first_index` to `first_index + task_count - 1` of a job.

    `handle` is the connector's own text about the accepted submission (a native id, or JSON), None before.
    """

    key: PartKey
    owner: str
    first_index: int
    task_count: int
    handle: str | None = None

    @property
    def indices(self) -> range:
        """The indices of the part's tasks."""
        return range(self.first_index, self.first_index + self.task_count)


@dataclass(frozen=True, slots=True)
class Submission:
    """A part with everything that is needed to run it; `plan.plan_task` says what each task runs."""

    part: Part
    spec: Document
    job_task_count: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The facility has the part: it will run, or its failure will be observed."""

    key: PartKey
    handle: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The facility, asked, will never run the part; its words are in `reason.detail`. Final."""

    key: PartKey
    reason: Reason


@dataclass(frozen=True, slots=True)
class Deferred:
    """The part has certainly not been submitted; the dispatcher tries again later."""

    key: PartKey
    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the facility has the part: the dispatcher looks before it submits again."""

    key: PartKey
    detail: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The facility answered and has no such part now."""

    key: PartKey


@dataclass(frozen=True, slots=True)
class LivePart:
    """An accepted part with the indices of those of its tasks that have not ended."""

    part: Part
    live: Sequence[int]


@dataclass(frozen=True, slots=True)
class Observation:
    """The facility's answer about one part: `known` is False if it answers and does not know it."""

    key: PartKey
    tasks: Sequence[TaskSeen] = ()
    known: bool = True


@dataclass(frozen=True, slots=True)
class EndedTask:
    """A task whose logs and results are to be brought home."""

    part: Part
    index: int
    outputs: Sequence[OutputRule]


@dataclass(frozen=True, slots=True)
class LogBytes:
    """One whole log of a task's last attempt; `chunks` must be read before the next item is asked for."""

    key: PartKey
    index: int
    stream: Stream
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class ResultBytes:
    """One regular file that an output rule matches; `path` is relative to the working directory."""

    key: PartKey
    index: int
    path: str
    chunks: AsyncIterator[bytes]
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class ResultSent:
    """One regular file that the facility has sent to its output's `destination` instead (class staging).

    `location` says where it is now, without what is secret in that URL.
    """

    key: PartKey
    index: int
    path: str
    size_bytes: int
    sha256: str
    location: str
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """Everything of this task has been given; `lost` names, in words, what the facility no longer has.

    Of a result that was given twice the last one counts; of one whose path is in `withdrawn`, none: its file
    was changed whenever it was read, so that its bytes were never a file's.
    """

    key: PartKey
    index: int
    lost: Sequence[str] = ()
    withdrawn: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LogSlice:
    """Bytes of a log that may still grow: `size_bytes` is its length now, `chunks` the range asked for."""

    size_bytes: int
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a facility's time passes.

    A submission whose outcome is unknown appears at the facility within `appears_within_seconds` or never.
    The dispatcher observes every `observe_every_seconds`, more rarely where a look takes long, and hands over
    at most `batch` parts at once.
    """

    appears_within_seconds: float
    observe_every_seconds: float
    batch: int = 200


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a caller has arranged with a facility: the public document, and what only the connector reads.

    `sealed` is already encrypted by the connector; the store never sees a secret in the clear.
    """

    owner: str
    document: Document
    sealed: bytes = b""


class Enrolments(Protocol):
    """The callers' enrolments at this facility, as the store has them."""

    async def enrolment(self, owner: str) -> Enrolment | None:
        """Give a caller's enrolment, or None."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the ground gives a connector when it is opened."""

    clock: Clock
    enrolments: Enrolments
    service_id: str = "common-compute"
    """Written beside our ids at the facility, so that two services can share an account there."""


class Connector(Protocol):
    """A facility, as the ground needs it.

    Every verb may raise `errors.FacilityUnavailable`: then nothing is known to have happened, the ground
    backs off, jobs turn stale and nothing fails. Every verb may be repeated. No verb is called for the same
    part twice at once. Batches may hold parts of many callers; an answer about one never depends on another.
    """

    facility_id: str
    pace: Pace
    max_tasks_per_part: int
    bound_to_host: bool
    """True if only the server process on this host can see the jobs, as with internal execution."""
    shares_server_account: bool
    """True if every caller's jobs run under the server's own account, which is one trust domain."""

    async def describe(self) -> Document:
        """Give the facility document without `status`, from what is known now.

        It answers at once: what has to be asked of the facility is asked elsewhere and remembered. With
        `maintenance` or `degraded` to tell, it may carry `status` itself.
        """

    async def list_software(self) -> Sequence[Document]:
        """Give the catalogue, sorted by name and then from the newest version to the oldest."""

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Refused | Deferred | Unknown]:
        """Hand parts to the facility, each under its key, and say for each what became of it.

        The key is at the facility before or with the submission, so that `find` sees it. A part that the
        answer leaves out counts as unknown. A second submission of a part that the facility has already
        must not happen; the ground asks `find` first whenever that could be.
        """

    async def find(self, parts: Sequence[Part]) -> Sequence[Accepted | Absent]:
        """Look for parts by their keys alone; one that the answer leaves out is undecided."""

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Tell the present state of all live tasks, in as few remote calls as the facility allows.

        A part that the answer leaves out was not observed this time, which is no news about it.
        """

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Ask the facility to end the live tasks of these parts; only `observe` confirms that they did."""

    def collect(
        self, ended: Sequence[EndedTask]
    ) -> AsyncIterator[LogBytes | ResultBytes | ResultSent | Collected]:
        """Stream logs and results of ended tasks, and after each task's last item say `Collected`.

        Files are matched by the rules at the facility: regular files only, no link followed. A task of which
        nothing is said is asked for again: its results are still on their way to their destination.
        """

    async def read_log(
        self, part: Part, index: int, stream: Stream, start: int, stop: int | None
    ) -> LogSlice:
        """Read a range of a log while its task runs (class live-logs); `stop` is exclusive, None is the end.

        Raises:
            LogUnavailable: the facility does not have it.
        """

    async def release(self, parts: Sequence[Part]) -> Sequence[PartKey]:
        """Remove what parts left at the facility, and name those of which nothing is left.

        Parts that the facility does not know have nothing left. Never called while a task is live.
        """

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:
        """Take the caller's side of a credential; repeats keep what is held.

        Raises:
            EnrolmentNotSupported: nothing is needed from callers here.
        """

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Tell the credential's present state, really trying at most every so often."""

    async def withdraw(self, held: Enrolment) -> None:
        """Forget what the connector keeps for an enrolment outside the store."""

    async def close(self) -> None:
        """End connections and helpers; the jobs go on."""


@dataclass(frozen=True, slots=True)
class FacilityConfiguration:
    """One `[[facility]]` table: `connector` names the entry point; the rest is the connector's to read."""

    id: str
    connector: str
    settings: Document = field(default_factory=dict)


class OpenConnector(Protocol):
    """The entry point of the group `common_compute.connectors`."""

    def __call__(self, configuration: FacilityConfiguration, ground: Ground) -> Connector:
        """Make the connector of one facility, touching nothing there yet.

        Raises:
            ConfigurationError: the settings are wrong; every fault is told.
        """
