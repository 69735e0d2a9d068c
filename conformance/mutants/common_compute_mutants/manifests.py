"""Get the list of results wrong: whether it is complete, and which task they are of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from common_compute_connector.protocol import Collected, EndedTask, LogBytes, ResultBytes
from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.registry import twists, wraps
from common_compute_mutants.shown import TERMINAL, with_entries
from common_compute_mutants.verbs import chunks_of

Result = dict[str, Any]


def _is_list(request: Request) -> bool:
    return request.is_call("GET", "jobs", "*", "results")


async def _listed(request: Request, forward: Forward, edit: Any) -> Answer:
    """Change the list."""
    answer = await forward(request)
    return answer.edited(edit) if _is_list(request) and answer.status == 200 else answer


async def _job(request: Request, forward: Forward) -> dict[str, Any]:
    answer = await forward(replace(request, path=f"/jobs/{request.segments[1]}", query=()))
    job: dict[str, Any] = answer.json()
    return job


@twists("CC-RES-011")
async def call_everything_complete(request: Request, forward: Forward) -> Answer:
    """`complete` is always true."""
    return await _listed(request, forward, lambda page: page.update(complete=True))


@twists("CC-RES-011")
async def call_failures_incomplete(request: Request, forward: Forward) -> Answer:
    """`complete` is false for every job that did not succeed."""
    if _is_list(request):
        job = await _job(request, forward)
        if job.get("state") in TERMINAL - {"succeeded"}:
            return await _listed(request, forward, lambda page: page.update(complete=False))
    return await forward(request)


@twists("CC-RES-011")
async def call_a_page_incomplete(request: Request, forward: Forward) -> Answer:
    """`complete` is false on a page that another one follows."""
    return await _listed(
        request,
        forward,
        lambda page: page.update(complete=page["complete"] and "next_page_token" not in page),
    )


@twists("CC-RES-011")
async def call_later_pages_complete(request: Request, forward: Forward) -> Answer:
    """`complete` is true on every page but the first."""
    if request.parameter("page_token") is None:
        return await forward(request)
    return await _listed(request, forward, lambda page: page.update(complete=True))


@twists("CC-RES-011")
async def call_nothing_complete(request: Request, forward: Forward) -> Answer:
    """`complete` is false where `task_index` leaves nothing to list."""
    return await _listed(
        request,
        forward,
        lambda page: page.update(complete=page["complete"] and (bool(page["results"]) or not request.query)),
    )


@twists("CC-RES-011")
async def call_a_task_complete(request: Request, forward: Forward) -> Answer:
    """`complete` is about the task that is asked for: true if that has a result."""
    if request.parameter("task_index") is None:
        return await forward(request)
    return await _listed(
        request, forward, lambda page: page.update(complete=page["complete"] or bool(page["results"]))
    )


@twists("CC-RES-011")
async def call_an_array_complete(request: Request, forward: Forward) -> Answer:
    """`complete` of an array job is true if any of its tasks left a result."""

    def call(page: dict[str, Any]) -> None:
        if any("task_index" in result for result in page["results"]):
            page["complete"] = True

    return await _listed(request, forward, call)


@twists("CC-RES-012")
async def number_results_of_plain_jobs(request: Request, forward: Forward) -> Answer:
    """The results of a job that is no array carry `task_index` 0."""
    return await with_entries(request, forward, "results", lambda result: result.setdefault("task_index", 0))


@twists("CC-RES-012")
async def have_no_task_in_a_plain_job(request: Request, forward: Forward) -> Answer:
    """`task_index=0` of a job that is no array gives nothing."""
    index = request.parameter("task_index")

    def empty(page: dict[str, Any]) -> None:
        if index == "0" and not any("task_index" in result for result in page["results"]):
            page["results"] = []

    return await _listed(request, forward, empty)


@twists("CC-RES-012")
async def refuse_the_task_of_a_plain_job(request: Request, forward: Forward) -> Answer:
    """`task_index=0` of a job that is no array is answered 422."""
    if _is_list(request) and request.parameter("task_index") == "0":
        job = await _job(request, forward)
        if "state" in job and "task_counts" not in job:
            errors = [{"parameter": "task_index", "detail": "The job is no array."}]
            answer = await forward(request)
            return problem_answer(request, answer, 422, "invalid-request", errors=errors)
    return await forward(request)


@twists("CC-RES-012")
async def miss_the_task_of_results(request: Request, forward: Forward) -> Answer:
    """`task_index` out of range is answered 404 by list_results."""
    answer = await forward(request)
    if _is_list(request) and request.parameter("task_index") and answer.status == 200:
        return answer if answer.json()["results"] else problem_answer(request, answer, 404, "not-found")
    return answer


@twists("CC-RES-012")
async def give_plain_results_for_any_task(request: Request, forward: Forward) -> Answer:
    """`task_index` is ignored by list_results of a job that is no array."""
    if _is_list(request) and request.parameter("task_index"):
        job = await _job(request, forward)
        if "task_counts" not in job:
            return await forward(request.without_parameter("task_index"))
    return await forward(request)


@twists("CC-RES-013")
async def number_no_results(request: Request, forward: Forward) -> Answer:
    """The results of an array carry no `task_index`."""
    return await with_entries(request, forward, "results", lambda result: result.pop("task_index", None))


@twists("CC-RES-013")
async def number_results_from_one(request: Request, forward: Forward) -> Answer:
    """The `task_index` of results is one more than that of their task."""

    def add(result: Result) -> None:
        if "task_index" in result:
            result["task_index"] += 1

    return await with_entries(request, forward, "results", add)


@twists("CC-RES-013")
async def list_results_of_every_task(request: Request, forward: Forward) -> Answer:
    """`task_index` is ignored by list_results of an array."""
    index = request.parameter("task_index") or ""
    if _is_list(request) and index.isdecimal():
        job = await _job(request, forward)
        if int(index) < job.get("task_counts", {}).get("total", 0):
            return await forward(request.without_parameter("task_index"))
    return await forward(request)


@twists("CC-RES-013")
async def list_results_up_to_a_task(request: Request, forward: Forward) -> Answer:
    """`task_index` above 0 gives the results of the task before as well."""
    index = request.parameter("task_index") or ""
    answer = await forward(request)
    if _is_list(request) and index.isdecimal() and int(index) > 0 and answer.status == 200:
        before = await forward(request.with_parameter("task_index", str(int(index) - 1)))
        return answer.edited(lambda page: page.update(results=before.json()["results"] + page["results"]))
    return answer


@wraps("CC-RES-013")
class CollectAllTasksInOnePlace(BetweenGroundAndFacility):
    """Tasks that write a file of one name overwrite each other's: all have the bytes of the first."""

    def __init__(self, right: Any) -> None:
        super().__init__(right)
        self._written: dict[tuple[str, str], bytes] = {}

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Give what is written."""
        async for item in self.right.collect(ended):
            if isinstance(item, ResultBytes):
                content = b"".join([chunk async for chunk in item.chunks])
                kept = self._written.setdefault((item.key.job_id, item.path), content)
                yield replace(item, chunks=chunks_of(kept))
            else:
                yield item
