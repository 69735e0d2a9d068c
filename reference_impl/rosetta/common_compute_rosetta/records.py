"""What the host's answers mean: lines of text into what the ground understands. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from common_compute_connector.jobs import Native, Reason, Resolved, State
from common_compute_connector.protocol import PartKey, TaskSeen
from common_compute_rosetta.process import NO_SPACE
from common_compute_rosetta.runtimes.box import Account
from common_compute_rosetta.runtimes.found import Runtime, read_account, read_programs, runtimes_of
from common_compute_rosetta.sandbox import key_of

_TIME = re.compile(r"(\d+)(?:\.(\d{1,6}))?")


class Garbled(Exception):
    """An answer without its closing line, or not of the expected form: it tells nothing."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a probe found; `reads_beyond` if `head -c` there takes more from a stream than it gives."""

    directory: str
    architecture: str
    host: str
    system: str
    cores: int
    memory_bytes: int
    reaper: str = "none"
    missing: Sequence[str] = ()
    account: Account | None = None
    runtimes: Sequence[Runtime] = ()
    programs: Collection[str] = ()
    reads_beyond: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """A task whose lane is gone and that has no last record; `rebooted` tells whether the machine is, too."""

    key: PartKey
    index: int
    rebooted: bool


@dataclass(slots=True)
class Sighting:
    """An observation of many parts; `lost` tasks have to be closed before they can be told."""

    seen: dict[PartKey, list[TaskSeen]] = field(default_factory=dict)
    gone: list[PartKey] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    lanes: int = 0
    waiting: int = 0


def closed_lines(stdout: bytes) -> list[str]:
    """Split an answer into lines, without its closing one.

    Raises:
        Garbled: the closing line is missing.
    """
    lines = stdout.decode(errors="replace").split("\n")
    if lines[-2:] != [".", ""]:
        raise Garbled("the answer breaks off")
    return lines[:-2]


def read_machine(stdout: bytes) -> Machine:
    """Read the answer of `sh/probe.sh`."""
    pairs = [line.split("\t", 1) for line in closed_lines(stdout)]
    missing = [value for name, value in pairs if name == "missing"]
    told = dict(pairs)
    programs = read_programs(pairs)
    try:
        return Machine(
            directory=told["directory"],
            architecture=_ARCHITECTURES.get(told["machine"], told["machine"]),
            host=told["host"],
            system=told["system"],
            cores=int(told["cores"]),
            memory_bytes=int(told["memory"]),
            reaper=told.get("reaper", "none"),
            reads_beyond=told.get("reads") == "beyond",
            missing=missing,
            account=read_account(told),
            runtimes=runtimes_of(programs),
            programs=frozenset(programs),
        )
    except (KeyError, ValueError) as error:
        raise Garbled(f"the probe's answer lacks {error}") from error


_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i686": "386",
    "i586": "386",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "loongarch64": "loong64",
}
"""uname(1)'s words in those of OCI images (Go's GOARCH)."""


def read_keys(stdout: bytes) -> dict[PartKey, tuple[str, str]]:
    """Read the answers of `submit`, `find` and `release`: for each part a word and what follows it."""
    found = {}
    for line in closed_lines(stdout):
        word, _, rest = line.partition(" ")
        name, _, text = rest.partition(" ")
        found[key_of(name)] = (word, text)
    return found


def read_sighting(stdout: bytes, host: str) -> Sighting:
    """Read the answer of `sh/observe.sh`."""
    sighting = Sighting()
    boot = ""
    key: PartKey | None = None
    for line in closed_lines(stdout):
        word, _, rest = line.partition(" ")
        if word == "boot":
            boot = rest
        elif word == "gone":
            sighting.gone.append(key_of(rest))
        elif word == "part":
            key = key_of(rest)
            sighting.seen[key] = []
        elif word == "lanes":
            sighting.lanes, sighting.waiting = map(int, rest.split())
        elif key is None:
            raise Garbled(f"{line!r} belongs to no part")
        else:
            _read_task(sighting, key, int(word), rest, boot, host)
    return sighting


def _read_task(sighting: Sighting, key: PartKey, index: int, line: str, boot: str, host: str) -> None:
    word, _, rest = line.partition(" ")
    start, _, record = rest.partition(";")
    started_at = read_start(start)
    native = Native(id=f"{key.job_id}.{key.number}/{index}", state=word)
    resolved = Resolved(host=host) if started_at else None
    if word == "lost":
        sighting.lost.append(Lost(key, index, rebooted=record != boot))
        return
    if word == "ended":
        seen = _ended(index, started_at, record, native, resolved)
    elif word == "never":
        seen = TaskSeen(index, State.CANCELLED, reason=_CANCELLED, native=native)
    elif word == "vanished":
        seen = TaskSeen(index, State.FAILED, reason=_VANISHED, native=native)
    elif word == "waiting" or (word == "running" and started_at is None):
        seen = TaskSeen(index, State.QUEUED, native=native)
    elif word == "running":
        seen = TaskSeen(index, State.RUNNING, started_at=started_at, native=native, resolved=resolved)
    else:
        raise Garbled(f"unknown word {word!r}")
    sighting.seen[key].append(seen)


_CANCELLED = Reason("cancelled-by-user")
_VANISHED = Reason("lost", "the task's directory is gone, and with it how it ended")


@dataclass(frozen=True, slots=True)
class End:
    """A task's last record: how it ended (`exit`, `signal` or `none`, and the number), when, at which stage.

    `ending` is the reason for which it was ended, `-` if it ended by itself.
    """

    kind: str
    number: int
    finished_at: datetime | None
    stage: str
    ending: str
    words: str

    @property
    def exit_code(self) -> int | None:
        """Give the command's own exit code."""
        return self.number if self.kind == "exit" and self._command_ran else None

    @property
    def signal(self) -> int | None:
        """Give the signal that the command died by."""
        return self.number if self.kind == "signal" and self._command_ran else None

    @property
    def _command_ran(self) -> bool:
        return self.stage in ("command", "missing")


def read_end(record: str) -> End:
    """Read what the watcher's `conclude` wrote."""
    kind, value, finished, stage, ending, words = [*record.split(" ", 5), "", "", "", "", "", ""][:6]
    return End(kind, int(value), read_time(finished), stage, ending, words)


def _ended(
    index: int, started_at: datetime | None, record: str, native: Native, resolved: Resolved | None
) -> TaskSeen:
    end = read_end(record)
    state, reason = verdict(end)
    return TaskSeen(
        index,
        state,
        started_at=started_at,
        finished_at=end.finished_at,
        exit_code=end.exit_code,
        signal=end.signal,
        reason=reason,
        native=native,
        resolved=resolved,
    )


def verdict(end: End) -> tuple[State, Reason | None]:
    """Say what a last record means."""
    kind, number, stage, ending, words = end.kind, end.number, end.stage, end.ending, end.words
    if ending == "cancel":
        return State.CANCELLED, _CANCELLED
    if kind == "exit" and number == NO_SPACE and stage not in ("command", "missing"):
        return State.FAILED, Reason("node-failure", NO_SPACE_WORDS)
    if ending in _ENDINGS:
        return State.FAILED, Reason(_ENDINGS[ending], words or _WORDS[ending])
    if stage in _STAGES:
        return State.FAILED, Reason(_STAGES[stage], words or None)
    if kind == "none":
        return State.FAILED, Reason("lost", "what waited for the command was killed before it")
    if stage == "missing" and kind == "exit" and number in (126, 127):
        return State.FAILED, Reason("command-not-found")
    if kind == "signal":
        return State.FAILED, Reason("signal", f"signal {number}")
    if number:
        return State.FAILED, Reason("exit-nonzero", f"exit code {number}")
    return State.SUCCEEDED, None


NO_SPACE_WORDS = (
    "the task could not write there before its command began: is the disk full, or a quota used up?"
)

_ENDINGS = {
    "wall-time": "wall-time-exceeded",
    "memory": "out-of-memory",
    "lost": "lost",
    "reboot": "node-failure",
}
_WORDS = {
    "wall-time": "the wall time is over",
    "memory": "more memory was in use than asked for",
    "lost": "the processes of this task are gone, and nobody saw how they ended",
    "reboot": "the machine was started anew while the task ran",
}
_STAGES = {
    "starting": "node-failure",
    "inputs": "input-unavailable",
    "setup": "software-unavailable",
    "image": "image-unavailable",
}


def read_start(record: str) -> datetime | None:
    """Read when a task began; a record that is not complete tells nothing."""
    began = record.split()
    return read_time(began[2]) if began[3:] == ["."] else None


def read_time(text: str) -> datetime | None:
    """Read seconds since 1970, with a fraction if there is one (`date +%N` is not everywhere)."""
    found = _TIME.match(text)
    if found is None:
        return None
    microseconds = int((found[2] or "").ljust(6, "0"))
    return datetime.fromtimestamp(int(found[1]), UTC) + timedelta(microseconds=microseconds)


def first_words(stderr: bytes) -> str:
    """Give what a command complained of, for people: at most 500 characters of it."""
    return " ".join(stderr.decode(errors="replace").split())[:500]


def why_not_taken(stderr: bytes, directory: str) -> str:
    """Say why a directory took nothing more in: the same words for the same cause, whatever was sent."""
    words = stderr.decode(errors="replace")
    for cause in _CAUSES:
        if cause in words:
            return f"{directory}: {cause}"
    return first_words(stderr)


_CAUSES = ("No space left on device", "Disk quota exceeded", "Read-only file system", "Permission denied")


def names(keys: Iterable[PartKey]) -> list[tuple[str, str]]:
    """Give the lines of a call that works on parts alone."""
    return [("part", f"{key.job_id}.{key.number}") for key in keys]
