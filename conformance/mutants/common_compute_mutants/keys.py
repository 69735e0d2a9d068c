"""Take other texts for keys of submissions than may be keys."""

from __future__ import annotations

from collections.abc import Callable

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.idempotency import KEY
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import is_submission


@twists("CC-IDEM-006")
async def cut_long_keys(request: Request, forward: Forward) -> Answer:
    """A key of more than 255 characters is cut there."""
    return await _read_as(request, forward, lambda key: key[:255])


@twists("CC-IDEM-006")
async def take_an_empty_key_for_none(request: Request, forward: Forward) -> Answer:
    """An empty key is taken for none."""
    return await forward(request.without_header(KEY) if request.header(KEY) == "" else request)


@twists("CC-IDEM-006")
async def take_blanks_in_keys(request: Request, forward: Forward) -> Answer:
    """A key may have blanks in it."""
    return await _read_as(request, forward, lambda key: key.replace(" ", "_"))


@twists("CC-IDEM-006")
async def take_letters_beyond_ascii_in_keys(request: Request, forward: Forward) -> Answer:
    """A key may have letters beyond ASCII in it."""
    return await _read_as(request, forward, lambda key: key.encode("ascii", "backslashreplace").decode())


@twists("CC-IDEM-006")
async def refuse_keys_of_128_characters(request: Request, forward: Forward) -> Answer:
    """A key of more than 128 characters is answered 422."""
    return await _read_as(request, forward, lambda key: key if len(key) <= 128 else " " * 2)


async def _read_as(request: Request, forward: Forward, read: Callable[[str], str]) -> Answer:
    key = request.header(KEY)
    return await forward(request.with_header(KEY, read(key)) if key is not None else request)


@twists("CC-IDEM-006")
async def call_a_faulty_key_malformed(request: Request, forward: Forward) -> Answer:
    """A faulty key is answered 400."""
    answer = await forward(request)
    refused = is_submission(request) and answer.status == 422
    if refused and any("header" in error for error in answer.json().get("errors", [])):
        return problem_answer(request, answer, 400, "malformed-request")
    return answer


@twists("CC-IDEM-006")
async def not_name_the_header(request: Request, forward: Forward) -> Answer:
    """The 422 for a faulty key names no header."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 422 and request.header(KEY) is not None:
        return answer.edited(
            lambda problem: [error.pop("header", None) for error in problem.get("errors", [])]
        )
    return answer
