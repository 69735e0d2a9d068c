"""What goes to the host for a part: its directory as files, and many parts as one archive. Pure.

Below the service's directory on the host:
    parts/KEY/handle, limits        what was said when the part was accepted; its tasks and their limits
    parts/KEY/image                 the image that its tasks run in, as `sh/pull.sh` keeps it
    parts/KEY/inputs/N              the N-th input, once for all tasks, if it came with the job
    parts/KEY/tasks/I/run           the script of task I
    parts/KEY/tasks/I/work/, tmp/   where its command works; the inputs are copied there
    parts/KEY/tasks/I/out, err      pipes, through which the logs go to `stdout` and `stderr`
    parts/KEY/tasks/I/...           records: taken, start, stage, words, ending, status, end
    parts/KEY/tasks/I/end.new       the space of `end`, for a disk that is full by then; `status` has its own
    parts/KEY/tasks/I/stdout.cut    a log that a full disk has cut: it is lost
    parts/KEY/tasks/I/sending/      what of its results goes elsewhere, as `sh/sending.sh` keeps it
    staged/KEY/                     the part's inputs from elsewhere, as `sh/staging.sh` keeps them
    queue/PLACE.KEY                 an empty file: where in the queue the part is
    lanes/N, trash/, incoming.*/    slots; what is being removed; what is being received
Where Slurm starts the tasks there is no queue and no lane, but
    parts/KEY/batch                 the script of the part's job
    parts/KEY/turn                  who called sbatch for it, or called that off: made once, never changed
    parts/KEY/native                Slurm's id of the one job that counts: made once, never changed
    parts/KEY/tasks/I/attempt       which attempt the directory belongs to; the next one gets a new directory
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from common_compute_connector.plan import InputFile, TaskPlan
from common_compute_connector.protocol import PartKey
from common_compute_rosetta.placing import Kept, Source, placing_lines
from common_compute_rosetta.process import Surroundings, task_script
from common_compute_rosetta.runtimes.start import Container, start_lines


@dataclass(frozen=True, slots=True)
class Limits:
    """What the watcher enforces for each task of a part; 0 is no limit."""

    wall_time_seconds: int = 0
    memory_bytes: int = 0
    kill_grace_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A part on its way: the files of its directory, by their paths within the archive."""

    key: PartKey
    handle: str
    indices: range
    files: Sequence[tuple[str, bytes]] = field(repr=False)

    @property
    def size_bytes(self) -> int:
        """About how long it is in an archive."""
        return sum(1024 + len(content) for _, content in self.files) + 2048 * len(self.indices)


def directory_name(key: PartKey) -> str:
    """Give the name of a part's directory, the key as the host knows it."""
    return f"{key.job_id}.{key.number}"


def key_of(name: str) -> PartKey:
    """Read the name of a part's directory."""
    job_id, _, number = name.rpartition(".")
    return PartKey(job_id, int(number))


def pack_part(
    key: PartKey,
    plans: Sequence[TaskPlan],
    base: str,
    handle: str,
    limits: Limits,
    surroundings: Surroundings,
    container: Container | None = None,
    gpus: int = 0,
    elsewhere: Callable[[InputFile], Source] | None = None,
) -> Sandbox:
    """Make the files of a part; `plans` are its tasks, by rising index.

    `elsewhere` says where each input is that is not inline; without it there are none.
    """
    name = directory_name(key)
    inside, outside = f"parts/{name}", f"{base}/parts/{name}"
    files = [
        (f"{inside}/handle", handle.encode() + b"\n"),
        (
            f"{inside}/limits",
            f"{plans[0].index} {len(plans)} {limits.wall_time_seconds} {limits.memory_bytes}"
            f" {limits.kill_grace_seconds}\n".encode(),
        ),
    ]
    if container is not None:
        files.append((f"{inside}/image", f"{container.image.kept_as}\n".encode()))
    files += [
        (f"{inside}/inputs/{n}", content)
        for n, entry in enumerate(plans[0].inputs)
        if (content := entry.content) is not None
    ]
    for plan in plans:
        sources = [
            (
                entry,
                Kept(f"{outside}/inputs/{n}")
                if elsewhere is None or entry.source["kind"] == "inline"
                else elsewhere(entry),
            )
            for n, entry in enumerate(plan.inputs)
        ]
        task = f"tasks/{plan.index}"
        start: Sequence[bytes] = ()
        if container is not None:
            start = start_lines(
                container, plan, f"{outside}/{task}", surroundings, gpus, f"cc-{name}-{plan.index}"
            )
        script = task_script(plan, f"{outside}/{task}", surroundings, placing_lines(sources), start)
        files.append((f"{inside}/{task}/run", script))
    indices = range(plans[0].index, plans[0].index + len(plans))
    return Sandbox(key, handle, indices, files)


def archive_parts(sandboxes: Sequence[Sandbox], place: int | None = None) -> bytes:
    """Pack parts into one archive, whose last file is `complete`.

    With a `place` they are queued in this order from there on, and their tasks have directories and pipes;
    without one, whoever runs a task makes them, for an archive of many members takes long to unpack.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member, content in _members(sandboxes, place):
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _members(sandboxes: Sequence[Sandbox], place: int | None) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for offset, sandbox in enumerate(sandboxes):
        name = directory_name(sandbox.key)
        yield _file(f"handles/{name}", b"")
        if place is not None:
            yield _file(f"queue/{place + offset:020d}.{name}", b"")
        for path, content in sandbox.files:
            yield _file(path, content)
        for index in sandbox.indices if place is not None else ():
            for last, kind in _TASK_MEMBERS:
                member = tarfile.TarInfo(f"parts/{name}/tasks/{index}/{last}")
                member.type = kind
                member.mode = 0o700
                yield member, b""
            for last in _RESERVED:
                yield _file(f"parts/{name}/tasks/{index}/{last}", RESERVE)
    yield _file("complete", b"")


RESERVE = b"\n" * 512
"""What stands in a record that is still to be written, so that it has its place when the disk is full."""

_RESERVED = ("status", "end.new")

_TASK_MEMBERS = (
    ("work", tarfile.DIRTYPE),
    ("tmp", tarfile.DIRTYPE),
    ("out", tarfile.FIFOTYPE),
    ("err", tarfile.FIFOTYPE),
)


def _file(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o600
    return member, content


def batches(sandboxes: Sequence[Sandbox], most_bytes: int) -> Iterator[list[Sandbox]]:
    """Cut a batch into runs of at most so many bytes, each of at least one part."""
    batch: list[Sandbox] = []
    size = 0
    for sandbox in sandboxes:
        if batch and size + sandbox.size_bytes > most_bytes:
            yield batch
            batch, size = [], 0
        batch.append(sandbox)
        size += sandbox.size_bytes
    if batch:
        yield batch
