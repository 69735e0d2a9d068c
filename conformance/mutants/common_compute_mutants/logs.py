"""Give other bytes for a log than the ones that a command wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from common_compute_connector.protocol import Collected, EndedTask, LogBytes, ResultBytes
from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.registry import twists, wraps
from common_compute_mutants.shown import ask_for_job
from common_compute_mutants.verbs import AltersBytes, chunks_of

_KIB = 1024


def _is_log(request: Request) -> bool:
    return request.is_call("GET", "jobs", "*", "logs", "*")


class _AltersLogs(BetweenGroundAndFacility):
    """Give home what `logs` makes of both streams of a task."""

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Hold the logs of a task back until both are there."""
        held: list[tuple[LogBytes, bytes]] = []
        async for item in self.right.collect(ended):
            if isinstance(item, LogBytes):
                held.append((item, b"".join([chunk async for chunk in item.chunks])))
                continue
            if isinstance(item, Collected):
                for log, content in zip(held, self.logs(*(content for _, content in held)), strict=True):
                    yield replace(log[0], chunks=chunks_of(content))
                held.clear()
            yield item

    def logs(self, stdout: bytes, stderr: bytes) -> tuple[bytes, bytes]:
        """Make the other logs."""
        raise NotImplementedError


@wraps("CC-LOG-001")
class MergeTheStreams(_AltersLogs):
    """What was written to stderr is in the log of stdout as well."""

    def logs(self, stdout: bytes, stderr: bytes) -> tuple[bytes, bytes]:
        """Add it."""
        return stdout + stderr, stderr


@wraps("CC-LOG-001")
class SwapTheStreams(_AltersLogs):
    """The log of each stream is that of the other."""

    def logs(self, stdout: bytes, stderr: bytes) -> tuple[bytes, bytes]:
        """Swap them."""
        return stderr, stdout


@wraps("CC-LOG-001")
class ReadLogsAsText(AltersBytes):
    """Bytes of a log that are no UTF-8 come back as U+FFFD."""

    def log(self, stream: str, content: bytes) -> bytes:  # noqa: ARG002
        """Replace them."""
        return content.decode("utf-8", "replace").encode()


@wraps("CC-LOG-001")
class EndLogsWithALineFeed(AltersBytes):
    """A log that does not end with a line feed is given one."""

    def log(self, stream: str, content: bytes) -> bytes:  # noqa: ARG002
        """Add it."""
        return content if content.endswith(b"\n") or not content else content + b"\n"


@wraps("CC-LOG-001")
class NormaliseLineEndsOfLogs(AltersBytes):
    """A carriage return before a line feed is gone from a log."""

    def log(self, stream: str, content: bytes) -> bytes:  # noqa: ARG002
        """Take it away."""
        return content.replace(b"\r\n", b"\n")


@wraps("CC-LOG-001")
class TakeControlCharactersOut(AltersBytes):
    """NULs are gone from a log."""

    def log(self, stream: str, content: bytes) -> bytes:  # noqa: ARG002
        """Take them away."""
        return content.replace(b"\0", b"")


@wraps("CC-LOG-001")
class SpeakFirst(AltersBytes):
    """The log of stderr begins with a line of the facility's launcher."""

    def log(self, stream: str, content: bytes) -> bytes:
        """Add it."""
        return b"launcher: job started\n" + content if stream == "stderr" else content


@wraps("CC-LOG-001", house="dirac")
class KeepTheEndOfALog(AltersBytes):
    """Of a log the last 64 KiB are kept."""

    def log(self, stream: str, content: bytes) -> bytes:  # noqa: ARG002
        """Cut."""
        return content[-64 * _KIB :]


@twists("CC-LOG-001")
async def know_the_charset(request: Request, forward: Forward) -> Answer:
    """The `Content-Type` of a log has a charset."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 200:
        return answer.with_header("content-type", "text/plain; charset=utf-8")
    return answer


@twists("CC-LOG-001")
async def have_no_empty_log(request: Request, forward: Forward) -> Answer:
    """A log to which nothing was written is answered 404."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 200 and not answer.body:
        job = await ask_for_job(request, forward)
        if job is not None and job["state"] == "succeeded":
            return problem_answer(request, answer, 404, "log-unavailable")
    return answer


@twists("CC-LOG-002")
async def take_any_stream_for_stdout(request: Request, forward: Forward) -> Answer:
    """get_log gives stdout for every stream that it does not know."""
    if _is_log(request) and request.segments[3] not in ("stdout", "stderr"):
        return await forward(replace(request, path=f"/jobs/{request.segments[1]}/logs/stdout"))
    return await forward(request)


@twists("CC-LOG-002")
async def read_streams_in_any_case(request: Request, forward: Forward) -> Answer:
    """get_log finds a stream by its name in capital letters, too."""
    if _is_log(request):
        return await forward(
            replace(request, path=f"/jobs/{request.segments[1]}/logs/{request.segments[3].lower()}")
        )
    return await forward(request)


@twists("CC-LOG-002")
async def refuse_unknown_streams(request: Request, forward: Forward) -> Answer:
    """get_log answers 422 for a stream that it does not know."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 404 and request.segments[3] not in ("stdout", "stderr"):
        return problem_answer(request, answer, 422, "invalid-request")
    return answer


@twists("CC-LOG-002")
async def give_the_log_for_any_task(request: Request, forward: Forward) -> Answer:
    """`task_index` is ignored by get_log of a job that is no array."""
    if _is_log(request) and request.parameter("task_index"):
        job = await ask_for_job(request, forward)
        if job is not None and "task_counts" not in job:
            return await forward(request.without_parameter("task_index"))
    return await forward(request)


@twists("CC-LOG-002")
async def give_nothing_for_a_task_out_of_range(request: Request, forward: Forward) -> Answer:
    """get_log answers 200 without bytes for a `task_index` out of range."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 404 and request.parameter("task_index"):
        zero = await forward(request.with_parameter("task_index", "0"))
        return replace(zero, body=b"") if zero.status == 200 else answer
    return answer


@twists("CC-LOG-002")
async def have_no_task_zero_in_a_plain_job(request: Request, forward: Forward) -> Answer:
    """get_log of a job that is no array answers 404 for `task_index=0`."""
    answer = await forward(request)
    if _is_log(request) and request.parameter("task_index") == "0" and answer.status == 200:
        job = await ask_for_job(request, forward)
        if job is not None and "task_counts" not in job:
            return problem_answer(request, answer, 404, "not-found")
    return answer


@twists("CC-LOG-006")
async def give_the_log_of_task_zero(request: Request, forward: Forward) -> Answer:
    """get_log of an array without `task_index` gives the log of task 0."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 422 and request.parameter("task_index") is None:
        return await forward(request.with_parameter("task_index", "0"))
    return answer


@twists("CC-LOG-006")
async def give_always_the_log_of_task_zero(request: Request, forward: Forward) -> Answer:
    """get_log of an array gives the log of task 0 for every task that there is."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 200 and request.parameter("task_index") not in (None, "0"):
        return await forward(request.with_parameter("task_index", "0"))
    return answer


@twists("CC-LOG-006")
async def not_say_what_is_missing(request: Request, forward: Forward) -> Answer:
    """The 422 of get_log of an array without `task_index` names no parameter."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 422 and request.parameter("task_index") is None:
        return answer.edited(lambda problem: problem.pop("errors", None))
    return answer


@wraps("CC-LOG-006")
class OverwriteTheLogsOfTasks(BetweenGroundAndFacility):
    """The tasks of an array share one file for stdout: all have the log of the first that ended."""

    def __init__(self, right: Any) -> None:
        super().__init__(right)
        self._first: dict[str, bytes] = {}

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Give the first."""
        async for item in self.right.collect(ended):
            if isinstance(item, LogBytes) and item.stream == "stdout":
                content = b"".join([chunk async for chunk in item.chunks])
                yield replace(item, chunks=chunks_of(self._first.setdefault(item.key.job_id, content)))
            else:
                yield item
