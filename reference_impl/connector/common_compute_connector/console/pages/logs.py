"""The logs of a job: the end of each as text, live where the facility has that, and the whole as a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from common_compute_connector import contract
from common_compute_connector.console import words
from common_compute_connector.console.api import ApiAnswer, Download, Query
from common_compute_connector.console.visit import Visit, digest_of, problem_of

STREAMS = ("stdout", "stderr")
_SHOWN_BYTES = 1 << 16
_INDEX = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of one log, or why it is not to be had."""

    stream: str
    text: str
    size_bytes: int
    is_cut: bool
    problem: Mapping[str, Any] | None
    download_url: str


@dataclass(frozen=True, slots=True)
class LogPart:
    """The logs of a job, or of one task of an array, and how to ask for them anew."""

    ends: Sequence[LogEnd]
    task: str | None
    """The task's index as it was asked for; None of a job that is no array."""
    is_live: bool
    live_url: str | None
    digest: str


async def log_part(visit: Visit, job: Mapping[str, Any], facility: ApiAnswer) -> LogPart:
    """Get the ends of both logs; the facility's document, if it is there, tells how they are served."""
    classes: Sequence[str] = facility.document["conforms_to"] if facility.fine else ()
    is_over = job["state"] in contract.terminal_states()
    task = (visit.asked("task") or "0") if "task_counts" in job else None
    ends = [await _end(visit, job["id"], stream, task, ranges="ranges" in classes) for stream in STREAMS]
    digest = digest_of(
        [(end.text, end.size_bytes, (end.problem or {}).get("detail")) for end in ends], is_over
    )
    query = {"seen": digest} if task is None else {"task": task, "seen": digest}
    return LogPart(
        ends=ends,
        task=task,
        is_live="live-logs" in classes and not is_over,
        live_url=None if is_over else f"/console/live/jobs/{quote(job['id'])}/logs?" + urlencode(query),
        digest=digest,
    )


async def download_log(visit: Visit) -> Download:
    """Give a whole log as a file."""
    job_id, stream, task = visit.ids["job_id"], visit.ids["stream"], visit.asked("task")
    name = "-".join(re.sub(r"[^A-Za-z0-9-]", "_", part) for part in (job_id, task, stream) if part)
    return Download(["jobs", job_id, "logs", stream], f"{name}.txt", _task_query(task))


async def _end(visit: Visit, job_id: str, stream: str, task: str | None, *, ranges: bool) -> LogEnd:
    answer = await visit.api.end_of(
        "jobs", job_id, "logs", stream, query=_task_query(task), most_bytes=_SHOWN_BYTES, ranges=ranges
    )
    is_cut = answer.fine and answer.size_bytes > len(answer.body)
    address = f"/console/jobs/{quote(job_id)}/logs/{stream}"
    return LogEnd(
        stream=stream,
        text=words.log_text(answer.body, is_cut=is_cut) if answer.fine else "",
        size_bytes=answer.size_bytes if answer.fine else 0,
        is_cut=is_cut,
        problem=problem_of(answer),
        download_url=address if task is None else f"{address}?{urlencode({'task': task})}",
    )


def _task_query(task: str | None) -> Query:
    if not task:
        return ()
    # Digits as a person writes them; anything else is for the API to refuse.
    return [("task_index", int(task) if _INDEX.fullmatch(task) else task)]
