"""Give of a job that has not ended another log than what it wrote until now."""

from __future__ import annotations

from dataclasses import replace

from common_compute_connector.protocol import LogSlice, Part, Stream
from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.registry import twists, wraps
from common_compute_mutants.shown import ask_for_job
from common_compute_mutants.verbs import chunks_of


def _is_log(request: Request) -> bool:
    return request.is_call("GET", "jobs", "*", "logs", "*")


@twists("CC-LOG-003", house="dirac")
async def have_no_log_yet(request: Request, forward: Forward) -> Answer:
    """get_log of a job that has not ended is answered 404, at a facility without live logs."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 409:
        return problem_answer(request, answer, 404, "log-unavailable")
    return answer


@twists("CC-LOG-003", house="dirac")
async def have_an_empty_log_yet(request: Request, forward: Forward) -> Answer:
    """get_log of a job that has not ended is answered 200 without bytes, at a facility without live logs."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 409:
        return replace(answer, status=200, body=b"").with_header("content-type", "text/plain")
    return answer


@twists("CC-LOG-003", house="dirac")
async def have_an_empty_log_of_what_waits(request: Request, forward: Forward) -> Answer:
    """get_log of a job that does not run yet is answered 200 without bytes, without live logs."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 409:
        job = await ask_for_job(request, forward)
        if job is not None and job["state"] in ("pending", "queued"):
            return replace(answer, status=200, body=b"").with_header("content-type", "text/plain")
    return answer


class _AltersLiveLogs(BetweenGroundAndFacility):
    """Give of a growing log what `now` makes of its bytes."""

    async def read_log(
        self, part: Part, index: int, stream: Stream, start: int, stop: int | None
    ) -> LogSlice:
        """Cut the range out of the other bytes."""
        whole = await self.right.read_log(part, index, stream, 0, None)
        content = self.now(b"".join([chunk async for chunk in whole.chunks]))
        return LogSlice(len(content), chunks_of(content[start:stop]))

    def now(self, content: bytes) -> bytes:
        """Make the other bytes."""
        raise NotImplementedError


@wraps("CC-LOG-007")
class ShowNothingUntilTheEnd(_AltersLiveLogs):
    """The log of a running job is empty."""

    def now(self, content: bytes) -> bytes:  # noqa: ARG002
        """Show nothing."""
        return b""


@wraps("CC-LOG-007")
class SayThatItGoesOn(_AltersLiveLogs):
    """The log of a running job ends with a line that says that there is more to come."""

    def now(self, content: bytes) -> bytes:
        """Add it."""
        return content + b"[more to come]\n" if content else content


@wraps("CC-LOG-007")
class ShowNoLineFeedYet(_AltersLiveLogs):
    """The log of a running job lacks the line feed at its end."""

    def now(self, content: bytes) -> bytes:
        """Strip it."""
        return content.removesuffix(b"\n")


@wraps("CC-LOG-007")
class TellTheTimeOfLines(_AltersLiveLogs):
    """Each line of a running job's log begins with a word that the final log does not have."""

    def now(self, content: bytes) -> bytes:
        """Add it."""
        return b"".join(b"| " + line for line in content.splitlines(keepends=True))


@twists("CC-LOG-007")
async def refuse_logs_of_what_runs(request: Request, forward: Forward) -> Answer:
    """get_log of a running job is answered 409, though the facility claims `live-logs`."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 200:
        job = await ask_for_job(request, forward)
        if job is not None and job["state"] == "running":
            return problem_answer(request, answer, 409, "results-not-ready", retryable=True)
    return answer


@twists("CC-LOG-008")
async def have_no_log_of_what_waits(request: Request, forward: Forward) -> Answer:
    """get_log of a job that does not run yet is answered 404."""
    return await _before_it_runs(request, forward, 404, "log-unavailable")


@twists("CC-LOG-008")
async def refuse_logs_of_what_waits(request: Request, forward: Forward) -> Answer:
    """get_log of a job that does not run yet is answered 409."""
    return await _before_it_runs(request, forward, 409, "results-not-ready")


async def _before_it_runs(request: Request, forward: Forward, status: int, code: str) -> Answer:
    """Refuse the log of a job that waits."""
    if not _is_log(request):
        return await forward(request)
    job, answer = await ask_for_job(request, forward), await forward(request)
    if job is not None and job["state"] in ("pending", "queued") and answer.status == 200:
        return problem_answer(request, answer, status, code)
    return answer


@twists("CC-LOG-008")
async def say_that_it_waits(request: Request, forward: Forward) -> Answer:
    """The log of a job that does not run yet says so."""
    if _is_log(request):
        job = await ask_for_job(request, forward)
        answer = await forward(request)
        if job is not None and job["state"] in ("pending", "queued") and answer.status == 200:
            return replace(answer, body=b"The job is waiting.\n")
        return answer
    return await forward(request)
