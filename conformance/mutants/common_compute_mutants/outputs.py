"""End a job by its outputs as it should not, or lose them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from common_compute_connector.jobs import Reason, State
from common_compute_connector.plan import OutputRule
from common_compute_connector.protocol import (
    Collected,
    EndedTask,
    LivePart,
    LogBytes,
    Observation,
    ResultBytes,
    Submission,
)
from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.registry import twists, wraps
from common_compute_mutants.shown import with_jobs
from common_compute_mutants.verbs import MatchesOtherwise, chunks_of


@wraps("CC-RES-004")
class WantResultsOfEverybody(BetweenGroundAndFacility):
    """A job without outputs fails for want of results."""

    def __init__(self, right: Any) -> None:
        super().__init__(right)
        self._without: set[str] = set()

    async def submit(self, batch: Sequence[Submission]) -> Any:
        """Remember who has none."""
        self._without |= {each.part.key.job_id for each in batch if not each.spec.get("outputs")}
        return await self.right.submit(batch)

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Fail those."""
        failed = Reason("output-missing")
        return [
            replace(
                each,
                tasks=[
                    replace(task, state=State.FAILED, reason=failed)
                    if task.state is State.SUCCEEDED
                    else task
                    for task in each.tasks
                ],
            )
            if each.key.job_id in self._without
            else each
            for each in await self.right.observe(parts)
        ]


@wraps("CC-RES-004")
class KeepEverythingWhereNothingIsSaid(MatchesOtherwise):
    """Of a job without outputs every file is a result."""

    def patterns(self, outputs: Sequence[OutputRule]) -> list[str]:
        """Take all."""
        return super().patterns(outputs) or ["**"]


@wraps("CC-RES-004")
class RequireEveryOutput(BetweenGroundAndFacility):
    """A job that lacks an output that need not be there loses its results."""

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Tell what is lost."""
        outputs = {(task.part.key, task.index): task.outputs for task in ended}
        paths: list[str] = []
        async for item in self.right.collect(ended):
            if isinstance(item, ResultBytes):
                paths.append(item.path)
            if isinstance(item, Collected):
                rules = outputs[item.key, item.index]
                lost = [
                    rule.path for rule in rules if not rule.required and not any(map(rule.matches, paths))
                ]
                yield replace(item, lost=[*item.lost, *lost])
                paths.clear()
                continue
            yield item


@twists("CC-RES-004")
async def call_nothing_incomplete(request: Request, forward: Forward) -> Answer:
    """The results of a job that has none are not `complete`."""
    answer = await forward(request)
    if (
        request.is_call("GET", "jobs", "*", "results")
        and answer.status == 200
        and not answer.json()["results"]
    ):
        return answer.edited(lambda page: page.update(complete=False))
    return answer


@wraps("CC-RES-008")
class MakeUpWhatIsMissing(BetweenGroundAndFacility):
    """A required output that matches nothing comes home as an empty file."""

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Add it."""
        outputs = {(task.part.key, task.index): task.outputs for task in ended}
        paths: list[str] = []
        async for item in self.right.collect(ended):
            if isinstance(item, ResultBytes):
                paths.append(item.path)
            if isinstance(item, Collected):
                for rule in outputs[item.key, item.index]:
                    if not any(map(rule.matches, paths)) and not set("*?[") & set(rule.path):
                        yield ResultBytes(item.key, item.index, rule.path, chunks_of(b""))
                paths.clear()
            yield item


@twists("CC-RES-008")
async def blame_the_service_for_missing_outputs(request: Request, forward: Forward) -> Answer:
    """A job that lacks a required output has the reason `results-lost`."""

    def blame(job: dict[str, Any]) -> None:
        if job.get("reason", {}).get("code") == "output-missing":
            job["reason"]["code"] = "results-lost"

    return await with_jobs(request, forward, blame)


@twists("CC-RES-008")
async def succeed_without_outputs(request: Request, forward: Forward) -> Answer:
    """A job that lacks a required output has succeeded if its command exited with 0."""

    def succeed(job: dict[str, Any]) -> None:
        if job.get("reason", {}).get("code") == "output-missing" and job["state"] == "failed":
            job["state"] = "succeeded"
            del job["reason"]
            for entry in job.get("history", [])[-1:]:
                entry["state"] = "succeeded"
                entry.pop("reason", None)

    return await with_jobs(request, forward, succeed)


@twists("CC-RES-008")
async def blame_outputs_first(request: Request, forward: Forward) -> Answer:
    """A job that lacks a required output has the reason `output-missing`, also if its command failed."""
    answer = await forward(request)
    if not (request.is_call("GET", "jobs", "*") and answer.status == 200):
        return answer
    if answer.json().get("reason", {}).get("code") != "exit-nonzero":
        return answer
    page = await forward(
        replace(request, path=f"{request.path}/results", query=()).without_header("if-none-match")
    )
    if page.json()["complete"]:
        return answer
    return answer.edited(lambda job: job["reason"].update(code="output-missing"))


@wraps("CC-RES-009")
class KeepNothingOfFailures(BetweenGroundAndFacility):
    """A job whose command failed has no results."""

    def __init__(self, right: Any) -> None:
        super().__init__(right)
        self._failed: set[tuple[str, int]] = set()

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Remember who failed."""
        seen: Sequence[Observation] = await self.right.observe(parts)
        for each in seen:
            failed = {task.index for task in each.tasks if task.state is State.FAILED}
            self._failed |= {(each.key.job_id, index) for index in failed}
        return seen

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Leave their results out."""
        async for item in self.right.collect(ended):
            if not (isinstance(item, ResultBytes) and (item.key.job_id, item.index) in self._failed):
                yield item


@twists("CC-RES-009")
async def list_no_results_of_failures(request: Request, forward: Forward) -> Answer:
    """list_results of a job that failed is answered 424."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "results") and answer.status == 200:
        job = (await forward(replace(request, path=f"/jobs/{request.segments[1]}", query=()))).json()
        if job["state"] == "failed":
            return problem_answer(request, answer, 424, "job-failed")
    return answer
