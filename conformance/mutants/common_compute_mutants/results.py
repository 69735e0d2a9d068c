"""Give other results than the ones that a job left, or say something else of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, json_answer, problem_answer
from common_compute_mutants.registry import twists, wraps
from common_compute_mutants.shown import with_entries
from common_compute_mutants.verbs import AltersBytes

Result = dict[str, Any]
_KIB = 1024


def _is_list(request: Request) -> bool:
    return request.is_call("GET", "jobs", "*", "results")


def _is_get(request: Request) -> bool:
    return request.is_call("GET", "jobs", "*", "results", "*")


@twists("CC-RES-001")
async def list_nothing_before_the_end(request: Request, forward: Forward) -> Answer:
    """list_results of a job that has not ended gives an empty list."""
    answer = await forward(request)
    if _is_list(request) and answer.status == 409:
        return json_answer(200, {"complete": False, "results": []}, answer)
    return answer


@twists("CC-RES-001")
async def list_nothing_while_it_waits(request: Request, forward: Forward) -> Answer:
    """list_results of a job that does not run yet gives an empty list."""
    answer = await forward(request)
    if _is_list(request) and answer.status == 409:
        job = (await forward(replace(request, path=f"/jobs/{request.segments[1]}", query=()))).json()
        if job.get("state") in ("pending", "queued"):
            return json_answer(200, {"complete": False, "results": []}, answer)
    return answer


@twists("CC-RES-001")
async def find_no_result_before_the_end(request: Request, forward: Forward) -> Answer:
    """get_result of a job that has not ended is answered 404."""
    answer = await forward(request)
    if _is_get(request) and answer.status == 409:
        return problem_answer(request, answer, 404, "not-found")
    return answer


@twists("CC-RES-001")
async def fail_before_the_end(request: Request, forward: Forward) -> Answer:
    """list_results of a job that has not ended is answered 424, as of one that failed."""
    answer = await forward(request)
    if _is_list(request) and answer.status == 409:
        return problem_answer(request, answer, 424, "results-not-ready", retryable=True)
    return answer


@wraps("CC-RES-002")
class EndResultsWithALineFeed(AltersBytes):
    """A result that does not end with a line feed is given one."""

    def result(self, path: str, content: bytes) -> bytes:  # noqa: ARG002
        """Add it."""
        return content if content.endswith(b"\n") or not content else content + b"\n"


@wraps("CC-RES-002")
class ReadResultsAsText(AltersBytes):
    """A carriage return before a line feed is gone from a result."""

    def result(self, path: str, content: bytes) -> bytes:  # noqa: ARG002
        """Take it away."""
        return content.replace(b"\r\n", b"\n")


@wraps("CC-RES-002")
class LoseTheLastByteOfLargeResults(AltersBytes):
    """A result of more than 32 KiB lacks its last byte."""

    def result(self, path: str, content: bytes) -> bytes:  # noqa: ARG002
        """Cut it off."""
        return content[:-1] if len(content) > 32 * _KIB else content


@wraps("CC-RES-002")
class KeepTheFirstPieceOfAResult(AltersBytes):
    """Of a result the first 256 KiB are kept."""

    def result(self, path: str, content: bytes) -> bytes:  # noqa: ARG002
        """Cut."""
        return content[: 256 * _KIB]


@wraps("CC-RES-002")
class KeepNoEmptyResults(AltersBytes):
    """A file without bytes is no result."""

    def result(self, path: str, content: bytes) -> bytes | None:  # noqa: ARG002
        """Drop it."""
        return content or None


@wraps("CC-RES-002")
class KnowResultsByTheirPath(AltersBytes):
    """A result has the bytes of the first result that any job left under its path."""

    def __init__(self, right: Any) -> None:
        super().__init__(right)
        self._known: dict[str, bytes] = {}

    def result(self, path: str, content: bytes) -> bytes:
        """Give what is known."""
        return self._known.setdefault(path, content)


@wraps("CC-RES-002")
class LoseResultsWithOddNames(AltersBytes):
    """A file whose name has a quote in it is no result."""

    def result(self, path: str, content: bytes) -> bytes | None:
        """Drop it."""
        return None if "'" in path else content


@twists("CC-RES-002")
async def sum_the_path_up(request: Request, forward: Forward) -> Answer:
    """`sha256` in list_results is the checksum of the path."""
    return await with_entries(
        request,
        forward,
        "results",
        lambda result: result.update(sha256=hashlib.sha256(result["path"].encode()).hexdigest()),
    )


@twists("CC-RES-002")
async def sum_empty_results_up_wrongly(request: Request, forward: Forward) -> Answer:
    """`sha256` of a result without bytes is all zeros."""
    return await with_entries(
        request,
        forward,
        "results",
        lambda result: result.update(sha256="0" * 64) if result["size_bytes"] == 0 else None,
    )


@twists("CC-RES-002")
async def tell_the_size_in_blocks(request: Request, forward: Forward) -> Answer:
    """`size_bytes` is what the file takes on a disk of 512-byte blocks."""
    return await with_entries(
        request,
        forward,
        "results",
        lambda result: result.update(size_bytes=-(-result["size_bytes"] // 512) * 512),
    )


@twists("CC-RES-002")
async def list_a_result_twice(request: Request, forward: Forward) -> Answer:
    """A file that two outputs match is two results."""
    answer = await forward(request)
    if _is_list(request) and answer.status == 200:
        return answer.edited(lambda page: page["results"].extend(page["results"][:1]))
    return answer


async def _headed(request: Request, forward: Forward, change: Callable[[Answer], Answer]) -> Answer:
    """Change the headers of results."""
    answer = await forward(request)
    return change(answer) if _is_get(request) and answer.status in (200, 206) else answer


@twists("CC-RES-003")
async def let_types_be_sniffed(request: Request, forward: Forward) -> Answer:
    """get_result has no `X-Content-Type-Options`."""
    return await _headed(request, forward, lambda answer: answer.without_header("x-content-type-options"))


@twists("CC-RES-003")
async def call_everything_octets(request: Request, forward: Forward) -> Answer:
    """The `Content-Type` of a result is `application/octet-stream`, whatever its `media_type` is."""
    return await _headed(
        request, forward, lambda answer: answer.with_header("content-type", "application/octet-stream")
    )


@twists("CC-RES-003")
async def claim_a_charset(request: Request, forward: Forward) -> Answer:
    """The `Content-Type` of a text has a charset that its `media_type` has not."""

    def claim(answer: Answer) -> Answer:
        told = answer.header("content-type") or ""
        return (
            answer.with_header("content-type", f"{told}; charset=utf-8")
            if told.startswith("text/")
            else answer
        )

    return await _headed(request, forward, claim)


@twists("CC-RES-003")
async def tag_results_weakly(request: Request, forward: Forward) -> Answer:
    """The ETag of a result is a weak one."""
    return await _headed(
        request, forward, lambda answer: answer.with_header("etag", f"W/{answer.header('etag')}")
    )


@twists("CC-RES-003")
async def tag_results_by_their_id(request: Request, forward: Forward) -> Answer:
    """The ETag of a result is made of its id."""
    return await _headed(
        request, forward, lambda answer: answer.with_header("etag", f'"{request.segments[3]}"')
    )


@twists("CC-RES-003")
async def tag_results_without_quotes(request: Request, forward: Forward) -> Answer:
    """The ETag of a result is the bare checksum, without quotes."""
    return await _headed(
        request, forward, lambda answer: answer.with_header("etag", (answer.header("etag") or "").strip('"'))
    )


@twists("CC-RES-003")
async def show_results_in_the_browser(request: Request, forward: Forward) -> Answer:
    """The `Content-Disposition` of a result is `inline`."""
    return await _headed(
        request,
        forward,
        lambda answer: answer.with_header(
            "content-disposition",
            (answer.header("content-disposition") or "").replace("attachment", "inline"),
        ),
    )


@twists("CC-RES-003")
async def name_no_download(request: Request, forward: Forward) -> Answer:
    """get_result has no `Content-Disposition`."""
    return await _headed(request, forward, lambda answer: answer.without_header("content-disposition"))
