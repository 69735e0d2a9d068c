"""Take different bodies under one key for the same, or the same for different ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.idempotency import KEY, noted, use_of
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import is_submission


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _whole(text: str) -> float | int:
    number = float(text)
    return int(number) if number.is_integer() else number


async def _told_apart(request: Request, forward: Forward, read: Callable[[bytes], object]) -> Answer:
    """Refuse a repeat whose body reads otherwise than the first one's."""
    use = use_of(request)
    if use is not None and not use.released and read(request.body) != read(use.body):
        answer = await forward(replace(request, method="OPTIONS", body=b""))
        return problem_answer(request, answer, 422, "idempotency-key-reused")
    return await noted(request, forward)


async def _confused(request: Request, forward: Forward, same: Callable[[Any, Any], bool]) -> Answer:
    """Take a repeat for the same if `same` says so of the first body and this one."""
    use = use_of(request)
    if use is not None and not use.released:
        try:
            first, second = json.loads(use.body), json.loads(request.body)
        except ValueError:
            return await forward(request)
        if isinstance(second, dict) and same(first, second):
            return await forward(replace(request, body=use.body))
    return await noted(request, forward)


@twists("CC-IDEM-002")
async def compare_bytes(request: Request, forward: Forward) -> Answer:
    """Bodies under a key are compared byte for byte."""
    return await _told_apart(request, forward, lambda body: body)


@twists("CC-IDEM-002")
async def compare_numbers_as_written(request: Request, forward: Forward) -> Answer:
    """Numbers in bodies under a key are compared as they are written."""

    def read(body: bytes) -> str:
        return _text(json.loads(body, parse_int=str, parse_float=str))

    return await _told_apart(request, forward, read)


@twists("CC-IDEM-002")
async def compare_fractions_as_written(request: Request, forward: Forward) -> Answer:
    """Numbers that are not whole are compared as they are written, so that 1.50 is not 1.5."""

    def number(text: str) -> str:
        return str(_whole(text)) if float(text).is_integer() else text

    return await _told_apart(
        request, forward, lambda body: _text(json.loads(body, parse_float=number, parse_int=str))
    )


@twists("CC-IDEM-002")
async def compare_the_order_of_members(request: Request, forward: Forward) -> Answer:
    """The order of members makes a difference between bodies under a key."""
    return await _told_apart(request, forward, lambda body: json.dumps(json.loads(body, parse_float=_whole)))


@twists("CC-IDEM-002")
async def compare_the_order_of_inner_members(request: Request, forward: Forward) -> Answer:
    """The order of members inside `metadata` makes a difference between bodies under a key."""
    return await _told_apart(
        request, forward, lambda body: json.dumps(json.loads(body, parse_float=_whole).get("metadata"))
    )


@twists("CC-IDEM-002")
async def compare_escapes(request: Request, forward: Forward) -> Answer:
    """An escape in a text makes a difference between bodies under a key."""
    return await _told_apart(request, forward, lambda body: sorted(json.dumps(body.decode()).split("\\")))


@twists("CC-IDEM-003")
async def make_another_job_of_another_body(request: Request, forward: Forward) -> Answer:
    """A key with another body makes another job."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 422 and answer.json()["code"] == "idempotency-key-reused":
        return await forward(request.without_header(KEY))
    return answer


@twists("CC-IDEM-003")
async def replay_whatever_comes(request: Request, forward: Forward) -> Answer:
    """A key is answered with its job, whatever the body is."""
    return await _confused(request, forward, lambda _, __: True)


@twists("CC-IDEM-003")
async def call_another_body_a_conflict(request: Request, forward: Forward) -> Answer:
    """A key with another body is answered 409."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 422 and answer.json()["code"] == "idempotency-key-reused":
        return problem_answer(request, answer, 409, "idempotency-key-reused")
    return answer


@twists("CC-IDEM-003")
async def call_another_body_invalid(request: Request, forward: Forward) -> Answer:
    """A key with another body is answered 422 `invalid-request`."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 422 and answer.json()["code"] == "idempotency-key-reused":
        return problem_answer(request, answer, 422, "invalid-request")
    return answer


@twists("CC-IDEM-003")
async def compare_what_runs(request: Request, forward: Forward) -> Answer:
    """Of bodies under a key `software` and `command` are compared."""
    return await _confused(request, forward, _alike_in("software", "command"))


@twists("CC-IDEM-003")
async def compare_no_labels(request: Request, forward: Forward) -> Answer:
    """`labels` of bodies under a key are not compared."""
    return await _confused(request, forward, _alike_but_for("labels"))


@twists("CC-IDEM-003")
async def compare_no_variables(request: Request, forward: Forward) -> Answer:
    """`environment` of bodies under a key is not compared."""
    return await _confused(request, forward, _alike_but_for("environment"))


@twists("CC-IDEM-003")
async def compare_no_inputs(request: Request, forward: Forward) -> Answer:
    """`inputs` of bodies under a key are not compared."""
    return await _confused(request, forward, _alike_but_for("inputs"))


@twists("CC-IDEM-003")
async def compare_no_defaults(request: Request, forward: Forward) -> Answer:
    """An output that says that it is required is the same as one that says nothing."""

    def filled(body: dict[str, Any]) -> str:
        outputs = [
            {"required": True, **each} if isinstance(each, dict) else each
            for each in body.get("outputs") or []
        ]
        return _text({**body, "outputs": outputs})

    return await _confused(request, forward, lambda first, second: filled(first) == filled(second))


@twists("CC-IDEM-003")
async def compare_true_as_one(request: Request, forward: Forward) -> Answer:
    """true and 1 are the same in bodies under a key."""
    return await _confused(request, forward, lambda first, second: bool(first == second))


@twists("CC-IDEM-003")
async def compare_lists_as_sets(request: Request, forward: Forward) -> Answer:
    """The order of a list's elements makes no difference between bodies under a key."""

    def sorted_out(value: Any) -> str:
        if isinstance(value, list):
            return f"[{','.join(sorted(map(sorted_out, value)))}]"
        if isinstance(value, dict):
            return f"{{{','.join(f'{name}:{sorted_out(inner)}' for name, inner in sorted(value.items()))}}}"
        return _text(value)

    return await _confused(request, forward, lambda first, second: sorted_out(first) == sorted_out(second))


@twists("CC-IDEM-003")
async def compare_texts_in_any_case(request: Request, forward: Forward) -> Answer:
    """Bodies under a key are compared without regard to case."""
    return await _confused(
        request, forward, lambda first, second: _text(first).lower() == _text(second).lower()
    )


def _alike_in(*names: str) -> Callable[[Any, Any], bool]:
    def alike(first: dict[str, Any], second: dict[str, Any]) -> bool:
        return all(_text(first.get(name)) == _text(second.get(name)) for name in names)

    return alike


def _alike_but_for(name: str) -> Callable[[Any, Any], bool]:
    def alike(first: dict[str, Any], second: dict[str, Any]) -> bool:
        return _text({**first, name: None}) == _text({**second, name: None})

    return alike
