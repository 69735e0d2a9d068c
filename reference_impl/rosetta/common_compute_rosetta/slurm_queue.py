"""What Slurm's commands print, read: each answer of `sh/slurm/` into rows and outcomes. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import Deferred, PartKey, Refused, Unknown
from common_compute_rosetta.records import End, Garbled, closed_lines, read_end, read_start
from common_compute_rosetta.sandbox import key_of


@dataclass(frozen=True, slots=True)
class Row:
    """A job, or an element of an array, as squeue or sacct tells it.

    `element` is None for a job that is no array. `restarts` is None where it is not told. `code` and `signal`
    are those of the job's script, `cancelled_by` the user who cancelled it, where that is told.
    """

    job: str
    element: int | None
    name: str
    state: str
    restarts: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    code: int = 0
    signal: int = 0
    host: str = ""
    words: str = ""
    cancelled_by: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded of a task's last attempt; `attempt` 0 is that none has begun."""

    attempt: int = 0
    ending: str = ""
    started_at: datetime | None = None
    end: End | None = None


@dataclass(slots=True)
class Sighting:
    """Slurm's rows and the tasks' records; `closed` are words why the books cannot be asked just now."""

    now: datetime
    queue: list[Row] = field(default_factory=list)
    books: list[Row] = field(default_factory=list)
    closed: str | None = None
    records: dict[PartKey, dict[int, Record]] = field(default_factory=dict)
    gone: list[PartKey] = field(default_factory=list)


def read_sighting(stdout: bytes) -> Sighting:
    """Read the answer of `sh/slurm/observe.sh`.

    Raises:
        Garbled: it breaks off, or is none.
    """
    lines = closed_lines(stdout)
    sighting = Sighting(_now(lines))
    key: PartKey | None = None
    try:
        for line in lines:
            word, *columns = line.split("\t")
            if word == "q":
                sighting.queue.append(read_squeue(columns))
            elif word == "a":
                sighting.books += read_sacct("\t".join(columns))
            elif word == "closed":
                sighting.closed = columns[0]
            elif word == "gone":
                sighting.gone.append(key_of(columns[0]))
            elif word == "part":
                key = key_of(columns[0])
                sighting.records[key] = {}
            elif word == "t" and key is not None:
                sighting.records[key][int(columns[0])] = _record(*columns[1:5])
            elif word not in ("", "now"):
                raise Garbled(f"nobody knows the word {word!r}")
    except (ValueError, IndexError, TypeError) as error:
        raise Garbled(str(error)) from error
    return sighting


def _now(lines: Sequence[str]) -> datetime:
    for line in lines:
        word, _, seconds = line.partition("\t")
        if word == "now" and seconds.isdecimal():
            return datetime.fromtimestamp(int(seconds), UTC)
    raise Garbled("the answer does not tell the time")


def _record(attempt: str, ending: str, start: str, end: str) -> Record:
    return Record(int(attempt or 0), ending, read_start(start), read_end(end) if end else None)


def read_squeue(columns: Sequence[str]) -> Row:
    """Read a row of squeue, whose exit code is a wait status here and `CODE:SIGNAL` there."""
    job, element, name, state, restarts, start, end, exit_code, host, words = columns
    code, signal = _exit_code(exit_code)
    return Row(
        job=job,
        element=int(element) if element.isdecimal() else None,
        name=name,
        state=state,
        restarts=int(restarts) if restarts.isdecimal() else None,
        started_at=_time(start),
        finished_at=_time(end),
        code=code,
        signal=signal,
        host=_one_host(host),
        words=words if words not in ("None", "(null)") else "",
    )


def read_sacct(line: str) -> list[Row]:
    """Read a line of sacct: a row, or none if it is a step's or something else."""
    columns = line.split("|", 6)
    if len(columns) < 7 or _JOB_ID.fullmatch(columns[0]) is None:
        return []
    job_id, state, start, end, exit_code, host, name = columns
    job, _, element = job_id.partition("_")
    word, _, rest = state.partition(" ")
    code, signal = _exit_code(exit_code)
    by = rest.removeprefix("by ")
    return [
        Row(
            job=job,
            element=int(element) if element else None,
            name=name,
            state=word,
            started_at=_time(start),
            finished_at=_time(end),
            code=code,
            signal=signal,
            host=_one_host(host),
            cancelled_by=int(by) if by.isdecimal() else None,
        )
    ]


_JOB_ID = re.compile(r"\d+(_\d+)?")


def _exit_code(text: str) -> tuple[int, int]:
    """Read `CODE:SIGNAL`, or a wait status, whose upper half means nothing beside a signal."""
    code, colon, number = text.partition(":")
    if colon:
        return int(code), int(number)
    status = int(code or 0)
    signal = status & 0x7F
    return 0 if signal else status >> 8 & 0xFF, signal


def _one_host(text: str) -> str:
    """Give the node's name; a job without one has words there, or an empty list."""
    return text if text not in ("None assigned", "(null)", "n/a", "N/A") else ""


def _time(text: str) -> datetime | None:
    """Read a time in UTC; `N/A`, `Unknown` and `None` are none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A part that Slurm has, with its id there."""

    key: PartKey
    job: str


def read_submissions(stdout: bytes) -> list[Submitted | Refused | Deferred | Unknown]:
    """Read the answer of `sh/slurm/submit.sh`.

    Raises:
        Garbled: it breaks off, or is none.
    """
    outcomes: list[Submitted | Refused | Deferred | Unknown] = []
    for line in closed_lines(stdout):
        word, key, *rest = line.split(" ", 2)
        text = rest[0] if rest else ""
        if word == "submitted":
            outcomes.append(Submitted(key_of(key), text))
        elif word == "there":
            outcomes.append(Unknown(key_of(key), "it was handed over before, and has no id of Slurm's yet"))
        elif word == "untried":
            outcomes.append(Deferred(key_of(key), "Slurm did not answer to the submission before this one"))
        elif word == "tried":
            code, _, words = text.partition(" ")
            outcomes.append(judge(key_of(key), int(code), words))
        else:
            raise Garbled(f"nobody knows the word {word!r}")
    return outcomes


def judge(key: PartKey, exit_code: int, words: str) -> Refused | Deferred | Unknown:
    """Say what an sbatch that printed no id has come to."""
    words = " ".join(words.replace("sbatch: error: ", "").split())
    if exit_code in _NOT_CALLED or _says(words, _AWAY) or _says(words, _FULL):
        return Deferred(key, words)
    if exit_code >= _NOT_DONE_IN_TIME or exit_code == 0 or _says(words, _UNCERTAIN):
        return Unknown(key, words or f"sbatch ended with {exit_code} and without an id")
    code = "quota-exceeded" if _says(words, _BEYOND_QUOTA) else "submission-rejected"
    return Refused(key, Reason(code, words or f"sbatch ended with {exit_code}"))


def is_away(words: str) -> bool:
    """Tell whether one of Slurm's commands complains that Slurm cannot be reached."""
    return _says(words, _AWAY) or _says(words, _UNCERTAIN)


def _says(words: str, phrases: Sequence[str]) -> bool:
    return any(phrase in words for phrase in phrases)


_NOT_DONE_IN_TIME = 124
_NOT_CALLED = (125, 126, 127)
"""The exit codes with which timeout(1) says so; above them are deaths by signal."""

_UNCERTAIN = ("timed out", "Zero Bytes were transmitted", "Communication connection failure", "reset by peer")
"""The question went out and no answer came."""

_AWAY = (
    "Unable to contact slurm controller",
    "Connection refused",
    "standby mode",
    "Slurm controller not responding",
    "uthentication",
    "unge",
    "Could not establish a configuration source",
    "Slurm database is",
)
"""Slurm, or what it needs to recognise its users, is away."""

_FULL = (
    "MaxSubmit",
    "SubmitJobLimit",
    "SubmitJobPer",
    "temporarily unable to accept",
    "Resource temporarily unavailable",
    "already has the maximum number of jobs",
)
"""Slurm takes no more of this account's jobs just now."""

_BEYOND_QUOTA = ("accounting/QOS policy", "Usage limit", "limit exceeded")
