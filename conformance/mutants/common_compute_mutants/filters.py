"""Select other jobs of the list than the filters say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from common_compute_connector.documents import timestamp
from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.listing import FILTERS, USUAL_SIZE, page_of
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import all_jobs, moved

Job = dict[str, Any]


def _is_list(request: Request) -> bool:
    return request.is_call("GET", "jobs")


@twists("CC-JOB-044")
async def list_any_state(request: Request, forward: Forward) -> Answer:
    """`state=` of list_jobs is ignored."""
    return await forward(request.without_parameter("state") if _is_list(request) else request)


@twists("CC-JOB-044")
async def read_one_state(request: Request, forward: Forward) -> Answer:
    """Of a repeated `state=` the first counts."""
    first = request.parameter("state")
    if _is_list(request) and first is not None:
        return await forward(request.with_parameter("state", first))
    return await forward(request)


@twists("CC-JOB-044")
async def want_every_state(request: Request, forward: Forward) -> Answer:
    """A job has to be in each of the repeated `state=`, so that two of them give nothing."""
    states = {value for name, value in request.query if name == "state"}
    answer = await forward(request)
    if _is_list(request) and len(states) > 1 and answer.status == 200:
        return answer.with_json({"jobs": []})
    return answer


@twists("CC-JOB-044")
async def read_one_label(request: Request, forward: Forward) -> Answer:
    """Of a repeated `label=` the last counts."""
    labels = [value for name, value in request.query if name == "label"]
    if _is_list(request) and labels:
        return await forward(request.with_parameter("label", labels[-1]))
    return await forward(request)


def _labels(request: Request) -> list[tuple[str, str]]:
    return [
        (key, value)
        for name, text in request.query
        if name == "label"
        for key, _, value in [text.partition("=")]
    ]


@twists("CC-JOB-044")
async def match_labels_by_their_beginning(request: Request, forward: Forward) -> Answer:
    """A label is found by the beginning of its value."""
    wanted = _labels(request)
    if not _is_list(request) or any(not value for _, value in wanted):
        return await forward(request)
    return await _found(request, forward, lambda told, value: told.startswith(value))


@twists("CC-JOB-044")
async def match_labels_in_any_case(request: Request, forward: Forward) -> Answer:
    """A label's value is compared without regard to case."""
    return await _found(request, forward, lambda told, value: told.lower() == value.lower())


@twists("CC-JOB-044")
async def match_labels_as_patterns(request: Request, forward: Forward) -> Answer:
    """A `_` in a label's value stands for any character, as in SQL's LIKE."""

    def like(told: str, value: str) -> bool:
        return len(told) == len(value) and all(w in ("_", c) for c, w in zip(told, value, strict=True))

    return await _found(request, forward, like)


@twists("CC-JOB-044")
async def take_an_empty_label_for_any(request: Request, forward: Forward) -> Answer:
    """`label=key=` gives the jobs that have the label, whatever its value."""
    return await _found(request, forward, lambda told, value: not value or told == value)


async def _found(request: Request, forward: Forward, same: Callable[[str, str], bool]) -> Answer:
    """Filter by labels in another way; a list asked for without them is as it was."""
    wanted = _labels(request)
    page_token = request.parameter("page_token") or "0"
    if not _is_list(request) or not wanted or not page_token.isdecimal():
        return await forward(request)
    right = await forward(request.without_parameter("page_token"))
    if right.status != 200:
        return right
    others = [name for name in FILTERS if name != "label"]
    jobs = [
        job
        for job in await all_jobs(request, forward, *others)
        if all(key in job.get("labels", {}) and same(job["labels"][key], value) for key, value in wanted)
    ]
    return page_of(right, jobs, int(page_token), int(request.parameter("page_size") or USUAL_SIZE))


@twists("CC-JOB-044")
async def list_jobs_of_any_facility(request: Request, forward: Forward) -> Answer:
    """`facility_id=` of list_jobs is ignored if the facility is unknown."""
    answer = await forward(request)
    if _is_list(request) and answer.status == 200 and not answer.json()["jobs"]:
        return await forward(request.without_parameter("facility_id"))
    return answer


@twists("CC-JOB-044")
async def miss_an_unknown_facility(request: Request, forward: Forward) -> Answer:
    """`facility_id=` of an unknown facility is answered 404."""
    answer = await forward(request)
    if _is_list(request) and request.parameter("facility_id") is not None and answer.status == 200:
        known = await all_jobs(request, forward, "facility_id")
        return answer if known else problem_answer(request, answer, 404, "not-found")
    return answer


@twists("CC-JOB-044")
async def ignore_faulty_labels(request: Request, forward: Forward) -> Answer:
    """A `label=` whose key is no label's key gives no jobs, and no error."""
    answer = await forward(request)
    if _is_list(request) and answer.status == 422 and any(name == "label" for name, _ in request.query):
        empty = await forward(request.without_parameter("label").without_parameter("page_token"))
        return empty.with_json({"jobs": []}) if empty.status == 200 else answer
    return answer


@twists("CC-JOB-044")
async def split_labels_at_the_last_sign(request: Request, forward: Forward) -> Answer:
    """`label=` is split at its last `=`, so that no label with an `=` in its value is found."""

    def clear(told: str, value: str) -> bool:
        return told == value and "=" not in value

    return await _found(request, forward, clear)


async def _moment(request: Request, forward: Forward, change: Callable[[str], str], *names: str) -> Answer:
    """Change the times of these filters."""
    for name in names:
        text = request.parameter(name)
        if _is_list(request) and text is not None:
            try:
                datetime.fromisoformat(text)
            except ValueError:
                continue
            request = request.with_parameter(name, change(text))
    return await forward(request)


@twists("CC-JOB-045")
async def count_the_moment_in(request: Request, forward: Forward) -> Answer:
    """`created_after=` gives the job that was created just then, too."""
    return await _moment(request, forward, lambda text: moved(text, microseconds=-1), "created_after")


@twists("CC-JOB-045")
async def count_the_moment_of_a_change_in(request: Request, forward: Forward) -> Answer:
    """`updated_after=` gives the job that changed just then, too."""
    return await _moment(request, forward, lambda text: moved(text, microseconds=-1), "updated_after")


def _cut(text: str, microseconds: int) -> str:
    at = datetime.fromisoformat(text)
    return timestamp(at.replace(microsecond=at.microsecond // microseconds * microseconds))


@twists("CC-JOB-045")
async def compare_whole_seconds(request: Request, forward: Forward) -> Answer:
    """`created_after=` is cut to whole seconds."""
    return await _moment(request, forward, lambda text: _cut(text, 1_000_000), "created_after")


@twists("CC-JOB-045")
async def compare_milliseconds(request: Request, forward: Forward) -> Answer:
    """`created_after=` and `updated_after=` are cut to milliseconds."""
    names = ("created_after", "updated_after")
    return await _moment(request, forward, lambda text: _cut(text, 1000), *names)


@twists("CC-JOB-045")
async def take_changes_for_creations(request: Request, forward: Forward) -> Answer:
    """`updated_after=` looks at `created_at`."""
    text = request.parameter("updated_after")
    if _is_list(request) and text is not None and request.parameter("created_after") is None:
        return await forward(request.without_parameter("updated_after").with_parameter("created_after", text))
    return await forward(request)


@twists("CC-JOB-045")
async def list_jobs_of_any_time(request: Request, forward: Forward) -> Answer:
    """`created_after=` of list_jobs is ignored."""
    return await forward(request.without_parameter("created_after") if _is_list(request) else request)
