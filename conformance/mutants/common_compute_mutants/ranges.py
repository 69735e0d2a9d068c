"""Answer a request for a part of a result or log with another part, or with none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists

_SUFFIX = re.compile(r"bytes=-([0-9]+)")
_OPEN = re.compile(r"bytes=([0-9]+)-")
_CLOSED = re.compile(r"bytes=([0-9]+)-([0-9]+)")


def _is_result(request: Request) -> bool:
    return request.is_call("GET", "jobs", "*", "results", "*")


def _is_log(request: Request) -> bool:
    return request.is_call("GET", "jobs", "*", "logs", "*")


async def _asked(request: Request, forward: Forward, change: Callable[[str], str]) -> Answer:
    """Ask for another range of a result."""
    asked = request.header("range")
    if _is_result(request) and asked is not None:
        return await forward(request.with_header("range", change(asked)))
    return await forward(request)


async def _told(
    request: Request, forward: Forward, status: int, change: Callable[[Answer], Answer]
) -> Answer:
    """Change the answers of this status about ranges of a result."""
    answer = await forward(request)
    if _is_result(request) and request.header("range") is not None and answer.status == status:
        return change(answer)
    return answer


async def _whole(request: Request, forward: Forward) -> Answer:
    """Give a result whole."""
    return await forward(request.without_header("range").without_header("if-range"))


@twists("CC-RES-015")
async def ignore_ranges(request: Request, forward: Forward) -> Answer:
    """`Range` is ignored by get_result."""
    return await _whole(request, forward) if _is_result(request) else await forward(request)


@twists("CC-RES-015")
async def ignore_suffix_ranges(request: Request, forward: Forward) -> Answer:
    """A range that counts from the end is ignored by get_result."""
    suffix = _is_result(request) and _SUFFIX.fullmatch(request.header("range") or "")
    return await _whole(request, forward) if suffix else await forward(request)


@twists("CC-RES-015")
async def accept_ranges_in_silence(request: Request, forward: Forward) -> Answer:
    """get_result gives ranges and has no `Accept-Ranges`."""
    answer = await forward(request)
    return answer.without_header("accept-ranges") if _is_result(request) else answer


@twists("CC-RES-015")
async def leave_the_last_byte_out(request: Request, forward: Forward) -> Answer:
    """The last byte of a range is left out, as if its end were exclusive."""
    return await _told(request, forward, 206, lambda answer: replace(answer, body=answer.body[:-1]))


@twists("CC-RES-015")
async def give_a_byte_less_of_the_end(request: Request, forward: Forward) -> Answer:
    """A suffix range gives one byte less than was asked for."""

    def shorten(asked: str) -> str:
        found = _SUFFIX.fullmatch(asked)
        return f"bytes=-{int(found[1]) - 1}" if found and int(found[1]) > 1 else asked

    return await _asked(request, forward, shorten)


@twists("CC-RES-015")
async def give_the_beginning_for_the_end(request: Request, forward: Forward) -> Answer:
    """`bytes=-N` is taken for the bytes from 0 to N."""
    return await _asked(request, forward, lambda asked: _SUFFIX.sub(r"bytes=0-\1", asked))


@twists("CC-RES-015")
async def not_know_the_length(request: Request, forward: Forward) -> Answer:
    """`Content-Range` has a `*` in the place of the length."""

    def hide(answer: Answer) -> Answer:
        told = answer.header("content-range") or ""
        return answer.with_header("content-range", f"{told.partition('/')[0]}/*")

    return await _told(request, forward, 206, hide)


@twists("CC-RES-015")
async def say_ok_to_a_range(request: Request, forward: Forward) -> Answer:
    """A range is answered 200 with the part as its body."""
    return await _told(request, forward, 206, lambda answer: replace(answer, status=200))


@twists("CC-RES-015")
async def refuse_what_reaches_too_far(request: Request, forward: Forward) -> Answer:
    """A range that begins inside a result and ends behind its end is answered 416."""
    answer = await forward(request)
    found = _CLOSED.fullmatch(request.header("range") or "")
    if (
        _is_result(request)
        and found
        and answer.status == 206
        and len(answer.body) < int(found[2]) - int(found[1]) + 1
    ):
        return await forward(request.with_header("range", f"bytes={10**15}-"))
    return answer


@twists("CC-RES-015")
async def take_a_large_suffix_for_too_large(request: Request, forward: Forward) -> Answer:
    """A suffix range of more bytes than the result has is answered 416."""
    answer = await forward(request)
    found = _SUFFIX.fullmatch(request.header("range") or "")
    if _is_result(request) and found and answer.status == 206 and len(answer.body) < int(found[1]):
        return await forward(request.with_header("range", f"bytes={10**15}-"))
    return answer


@twists("CC-RES-015")
async def ignore_a_range_with_a_tag(request: Request, forward: Forward) -> Answer:
    """A range with the result's own ETag in `If-Range` is ignored."""
    if _is_result(request) and request.header("if-range"):
        return await _whole(request, forward)
    return await forward(request)


@twists("CC-RES-016")
async def refuse_without_the_length(request: Request, forward: Forward) -> Answer:
    """The 416 has no `Content-Range`."""
    return await _told(request, forward, 416, lambda answer: answer.without_header("content-range"))


@twists("CC-RES-016")
async def give_the_whole_for_too_much(request: Request, forward: Forward) -> Answer:
    """A range behind the end is answered 200 with the whole result."""
    answer = await forward(request)
    return await _whole(request, forward) if _is_result(request) and answer.status == 416 else answer


@twists("CC-RES-016")
async def give_nothing_at_the_end(request: Request, forward: Forward) -> Answer:
    """A range that begins just at the end is answered 206 without bytes."""
    answer = await forward(request)
    found = _OPEN.fullmatch(request.header("range") or "")
    length = (answer.header("content-range") or "").rpartition("/")[2]
    if _is_result(request) and found and answer.status == 416 and length == found[1]:
        empty = replace(answer, status=206, body=b"").with_header("content-type", "application/octet-stream")
        return empty.with_header("content-range", f"bytes {length}-{length}/{length}")
    return answer


@twists("CC-RES-016")
async def tell_the_last_position(request: Request, forward: Forward) -> Answer:
    """`Content-Range` of the 416 tells the position of the last byte, not the length."""

    def subtract(answer: Answer) -> Answer:
        length = int((answer.header("content-range") or "").rpartition("/")[2])
        return answer.with_header("content-range", f"bytes */{length - 1}")

    return await _told(request, forward, 416, subtract)


@twists("CC-RES-016")
async def refuse_the_end_of_nothing(request: Request, forward: Forward) -> Answer:
    """A suffix range of an empty result is answered 416."""
    answer = await forward(request)
    if _is_result(request) and _SUFFIX.fullmatch(request.header("range") or "") and not answer.body:
        return await forward(request.with_header("range", "bytes=0-"))
    return answer


@twists("CC-RES-017")
async def give_the_first_of_several_ranges(request: Request, forward: Forward) -> Answer:
    """Of several ranges the first is given."""
    return await _asked(request, forward, lambda asked: asked.partition(",")[0])


@twists("CC-RES-017")
async def read_every_unit_as_bytes(request: Request, forward: Forward) -> Answer:
    """A range in an unknown unit is taken for one in bytes."""
    return await _asked(request, forward, lambda asked: f"bytes={asked.partition('=')[2]}")


@twists("CC-RES-017")
async def refuse_unknown_units(request: Request, forward: Forward) -> Answer:
    """A range in an unknown unit is answered 416."""
    asked = request.header("range")
    if _is_result(request) and asked is not None and not asked.startswith("bytes"):
        return await forward(request.with_header("range", f"bytes={10**15}-"))
    return await forward(request)


@twists("CC-RES-017")
async def ignore_if_range(request: Request, forward: Forward) -> Answer:
    """`If-Range` is ignored."""
    return await forward(request.without_header("if-range") if _is_result(request) else request)


@twists("CC-RES-017")
async def take_any_date_for_its_own(request: Request, forward: Forward) -> Answer:
    """A range with a date in `If-Range` is given, though a result has no date."""
    dated = _is_result(request) and (request.header("if-range") or "").endswith("GMT")
    return await forward(request.without_header("if-range") if dated else request)


@twists("CC-RES-017")
async def take_a_weak_tag_for_its_own(request: Request, forward: Forward) -> Answer:
    """A range with the result's ETag made weak in `If-Range` is given."""
    tag = request.header("if-range")
    if _is_result(request) and tag is not None:
        return await forward(request.with_header("if-range", tag.removeprefix("W/")))
    return await forward(request)


@twists("CC-LOG-009")
async def ignore_ranges_of_logs(request: Request, forward: Forward) -> Answer:
    """`Range` is ignored by get_log."""
    return await forward(request.without_header("range") if _is_log(request) else request)


@twists("CC-LOG-009")
async def give_a_byte_less_of_the_end_of_a_log(request: Request, forward: Forward) -> Answer:
    """A suffix range of a log begins one byte too late."""
    found = _SUFFIX.fullmatch(request.header("range") or "")
    if _is_log(request) and found and int(found[1]) > 1:
        return await forward(request.with_header("range", f"bytes=-{int(found[1]) - 1}"))
    return await forward(request)


@twists("CC-LOG-009")
async def have_nothing_new_in_a_log(request: Request, forward: Forward) -> Answer:
    """A range from the present end of a log on is answered 200 without bytes."""
    answer = await forward(request)
    if _is_log(request) and answer.status == 416:
        return replace(answer.without_header("content-range"), status=200, body=b"").with_header(
            "content-type", "text/plain"
        )
    return answer


@twists("CC-LOG-009")
async def refuse_a_log_without_its_length(request: Request, forward: Forward) -> Answer:
    """The 416 for a log has no `Content-Range`."""
    answer = await forward(request)
    return answer.without_header("content-range") if _is_log(request) and answer.status == 416 else answer


@twists("CC-LOG-009")
async def give_a_growing_log_whole(request: Request, forward: Forward) -> Answer:
    """`Range` is ignored by get_log while the job runs."""
    if _is_log(request) and request.header("range"):
        look = replace(request, path=f"/jobs/{request.segments[1]}", query=()).without_header("range")
        if (await forward(look)).json().get("state") == "running":
            return await forward(request.without_header("range"))
    return await forward(request)
