"""Inputs that come from elsewhere: asked for on their host, and fetched there in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from common_compute_connector.jobs import Reason
from common_compute_connector.plan import InputFile, TaskPlan, plan_task
from common_compute_connector.protocol import Deferred, PartKey, Refused, Submission
from common_compute_rosetta.calls import Argument, Call, Site, compose
from common_compute_rosetta.mover import mover, mover_name, mover_settings
from common_compute_rosetta.placing import Kept, Source, Stored, Unavailable
from common_compute_rosetta.sandbox import directory_name
from common_compute_rosetta.staging_settings import StagingSettings
from common_compute_rosetta.storage_settings import Storage

REQUEST_BYTES = 8 * 1024 * 1024
"""What of requests one call carries, unless a single part has more; the others wait for the next one."""


@dataclass(frozen=True, slots=True)
class Request:
    """A file that is to be fetched; `sha256` is in lower case, None if any bytes will do."""

    url: str = field(repr=False)
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of a part's requests: a directory with the files by number, and words for each failure."""

    directory: str
    failed: Mapping[int, str]


def request_of(entry: InputFile) -> Request | None:
    """Say what an input asks to be fetched."""
    source = entry.source
    if source["kind"] != "url":
        return None
    scheme, colon, rest = str(source["url"]).partition(":")
    sha256 = source.get("sha256")
    return Request(scheme.lower() + colon + rest, sha256.lower() if sha256 else None)


def requests_of(plans: Sequence[TaskPlan]) -> dict[Request, int]:
    """Give what the tasks of a part ask for, each once, with its number in the part."""
    found: dict[Request, int] = {}
    for plan in plans:
        for entry in plan.inputs:
            request = request_of(entry)
            if request is not None:
                found.setdefault(request, len(found))
    return found


class Elsewhere:
    """Where the inputs of a part's tasks are that did not come with the job."""

    def __init__(
        self, plans: Sequence[TaskPlan], fetched: Fetched | None, storages: Sequence[Storage]
    ) -> None:
        self._plans = plans
        self._fetched = fetched
        self._storages = {storage.name: storage for storage in storages}
        self._numbers = requests_of(plans)

    def source_of(self, entry: InputFile) -> Source:
        """Say where an input is that is not inline."""
        request = request_of(entry)
        if request is None:
            storage = self._storages.get(entry.source["storage"])
            if storage is None:
                return Unavailable("the facility no longer has this storage")
            return Stored(storage.path, entry.source["path"])
        if self._fetched is None:
            return Unavailable("the facility does not fetch anything")
        number = self._numbers[request]
        words = self._fetched.failed.get(number)
        return Kept(f"{self._fetched.directory}/{number}") if words is None else Unavailable(words)

    def refusal(self) -> str | None:
        """Say, in words, why no task of the part can ever begin, or None if one may."""
        first: str | None = None
        for plan in self._plans:
            words = self._lacking(plan)
            if words is None:
                return None
            first = first or words
        return first

    def _lacking(self, plan: TaskPlan) -> str | None:
        for entry in plan.inputs:
            if entry.source["kind"] != "inline":
                source = self.source_of(entry)
                if isinstance(source, Unavailable):
                    return f"{entry.path}: {source.words}"
        return None


@dataclass(frozen=True, slots=True)
class Staged:
    """What came of the inputs of a batch: by part, and what is said of the parts that have to wait."""

    fetched: Mapping[PartKey, Fetched]
    answers: Sequence[Refused | Deferred]


class Staging:
    """The files that one account's jobs on one host wait for."""

    def __init__(
        self, settings: StagingSettings | None, ask: Callable[[Call], Awaitable[Sequence[str]]]
    ) -> None:
        self._settings = settings
        self._ask = ask
        # What a host has been told needs not be said again; that it has is no matter of life and death.
        self._told: set[PartKey] = set()

    async def provide(self, batch: Sequence[Submission], site: Site, programs: bool) -> Staged:
        """See to the inputs from URLs of a batch's parts, in one call; `programs` are there or are not.

        A part that waits for a file is deferred, so what is fetched is no part of its wall time.
        """
        waiting = [one for one in batch if _wants_urls(one)]
        if not waiting:
            return Staged({}, [])
        if self._settings is None or not programs:
            reason = Reason("input-unavailable", "the facility does not fetch files from URLs any more")
            return Staged({}, [Refused(one.part.key, reason) for one in waiting])
        lines: list[list[Argument]] = []
        size = 0
        for one in waiting:
            line = [] if one.part.key in self._told else _requests_line(one)
            size += sum(len(str(word)) for word in line)
            if lines and size > REQUEST_BYTES:
                break
            lines.append(["part", directory_name(one.part.key), *line])
        asked = waiting[: len(lines)]
        call = compose("staging", site, variables=_variables(self._settings), lines=lines)
        states = read_states(await self._ask(call))
        fetched: dict[PartKey, Fetched] = {}
        answers: list[Refused | Deferred] = [
            Deferred(one.part.key, "other inputs are fetched first") for one in waiting[len(lines) :]
        ]
        for one in asked:
            key = one.part.key
            state, failed = states.get(directory_name(key), ("unknown", {}))
            if state == "ready":
                fetched[key] = Fetched(f"{site.base}/staged/{directory_name(key)}/files", failed)
            else:
                answers.append(Deferred(key, "its inputs are being fetched"))
            if state in ("ready", "unknown"):
                self._told.discard(key)
            else:
                self._told.add(key)
        return Staged(fetched, answers)


def _wants_urls(submission: Submission) -> bool:
    return any(entry["source"]["kind"] == "url" for entry in submission.spec.get("inputs", ()))


def _requests_line(submission: Submission) -> list[Argument]:
    part = submission.part
    plans = [plan_task(submission.spec, part.key.job_id, index) for index in part.indices]
    requests = requests_of(plans)
    return [
        word for request, number in requests.items() for word in (number, request.sha256 or "-", request.url)
    ]


def _variables(settings: StagingSettings) -> dict[str, Argument]:
    return {
        **mover_settings(settings),
        "MOST": settings.max_input_bytes,
        "MOVER": mover_name(),
        "MOVER_TEXT": mover(),
    }


def read_states(lines: Sequence[str]) -> dict[str, tuple[str, dict[int, str]]]:
    """Read the answer of `sh/staging.sh`: for each part a word, and words for each file that is not there."""
    states: dict[str, tuple[str, dict[int, str]]] = {}
    for line in lines:
        word, name, *rest = line.split("\t")
        if word == "failed":
            states[name][1][int(rest[0])] = rest[1]
        else:
            states[name] = (word, {})
    return states
