"""Tell the faults of a request wrongly: not all of them, in the wrong place, under the wrong code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists

Errors = list[dict[str, Any]]


async def _tell(request: Request, forward: Forward, edit: Callable[[Errors], Errors]) -> Answer:
    """Change the errors of a 422, and of a validation."""
    answer = await forward(request)
    if answer.status == 422 or (request.goes_to("jobs", "validate") and answer.status == 200):
        return answer.edited(
            lambda told: told.update(errors=edit(told["errors"])) if "errors" in told else None
        )
    return answer


@twists("CC-ERR-010")
async def tell_one_fault_only(request: Request, forward: Forward) -> Answer:
    """Of several faults the first alone is told."""
    return await _tell(request, forward, lambda errors: errors[:1])


@twists("CC-ERR-010")
async def tell_one_parameter_only(request: Request, forward: Forward) -> Answer:
    """Of several faulty query parameters the first alone is told."""

    def edit(errors: Errors) -> Errors:
        named = [error for error in errors if "parameter" in error]
        return [error for error in errors if error not in named[1:]]

    return await _tell(request, forward, edit)


@twists("CC-ERR-010")
async def tell_the_query_first(request: Request, forward: Forward) -> Answer:
    """The body's faults are told only once query and headers have none."""

    def edit(errors: Errors) -> Errors:
        before = [error for error in errors if "pointer" not in error]
        return before or errors

    return await _tell(request, forward, edit)


@twists("CC-ERR-010")
async def tell_no_header(request: Request, forward: Forward) -> Answer:
    """A faulty header is not told beside other faults."""
    return await _tell(
        request, forward, lambda errors: [each for each in errors if "header" not in each] or errors
    )


@twists("CC-ERR-010")
async def tell_one_fault_of_a_member(request: Request, forward: Forward) -> Answer:
    """Of several faults inside one member of the body, such as two variables, the first alone is told."""

    def edit(errors: Errors) -> Errors:
        first: dict[str, dict[str, Any]] = {}
        for error in errors:
            first.setdefault("/".join(str(error.get("pointer", error)).split("/")[:2]), error)
        return list(first.values())

    return await _tell(request, forward, edit)


@twists("CC-ERR-010")
async def tell_form_before_meaning(request: Request, forward: Forward) -> Answer:
    """What the facility does not offer is told only once the body's form has no fault."""

    def edit(errors: Errors) -> Errors:
        form = [error for error in errors if error.get("code", "invalid-request") == "invalid-request"]
        return form or errors

    return await _tell(request, forward, edit)


@twists("CC-ERR-010")
async def say_nothing_of_it(request: Request, forward: Forward) -> Answer:
    """The `detail` of a fault is empty."""
    return await _tell(request, forward, lambda errors: [{**error, "detail": ""} for error in errors])


@twists("CC-ERR-010")
async def leave_the_place_open(request: Request, forward: Forward) -> Answer:
    """A fault of the query does not say which parameter it is about."""
    return await _tell(
        request,
        forward,
        lambda errors: [{name: error[name] for name in error if name != "parameter"} for error in errors],
    )


async def _point(request: Request, forward: Forward, change: Callable[[str], str]) -> Answer:
    """Change the pointers into the body."""

    def edit(errors: Errors) -> Errors:
        return [
            {**error, "pointer": change(error["pointer"])} if error.get("pointer") else error
            for error in errors
        ]

    return await _tell(request, forward, edit)


@twists("CC-ERR-011")
async def point_with_dots(request: Request, forward: Forward) -> Answer:
    """A pointer is a path with dots, as `command.1`."""
    return await _point(request, forward, lambda pointer: pointer[1:].replace("/", "."))


@twists("CC-ERR-011")
async def point_as_a_fragment(request: Request, forward: Forward) -> Answer:
    """A pointer is the fragment of a URI, as `#/command/1`."""
    return await _point(request, forward, lambda pointer: f"#{quote(pointer)}")


@twists("CC-ERR-011")
async def point_into_the_request(request: Request, forward: Forward) -> Answer:
    """A pointer begins with `/body`, as if the body were a member of the request."""
    return await _point(request, forward, lambda pointer: f"/body{pointer}")


@twists("CC-ERR-011")
async def escape_nothing(request: Request, forward: Forward) -> Answer:
    """A `/` or `~` in a member's name stands in the pointer as it is."""
    return await _point(request, forward, lambda pointer: pointer.replace("~1", "/").replace("~0", "~"))


@twists("CC-ERR-011")
async def count_from_one(request: Request, forward: Forward) -> Answer:
    """A pointer counts the entries of a list from 1."""
    return await _point(request, forward, lambda pointer: _renumbered(pointer, 1))


@twists("CC-ERR-011")
async def point_to_the_first_entry(request: Request, forward: Forward) -> Answer:
    """A pointer into a list always names its first entry."""
    return await _point(request, forward, lambda pointer: _renumbered(pointer, None))


def _renumbered(pointer: str, shift: int | None) -> str:
    steps = pointer.split("/")
    if steps[1] not in ("command", "inputs", "outputs"):
        return pointer
    return "/".join(
        str(int(step) + shift if shift is not None else 0) if step.isdecimal() else step for step in steps
    )


def _coded(told: dict[str, Any], code: str | None) -> None:
    if code is not None:
        told.update(code=code, type=f"urn:common-compute:problem:{code}")


async def _code(request: Request, forward: Forward, choose: Callable[[list[str]], str | None]) -> Answer:
    """Choose the problem's code among those of its faults."""
    answer = await forward(request)
    if request.is_call("POST", "jobs") and answer.status == 422:
        codes = [error["code"] for error in answer.json().get("errors", []) if "code" in error]
        return answer.edited(lambda told: _coded(told, choose(codes)))
    return answer


@twists("CC-ERR-013")
async def call_everything_invalid(request: Request, forward: Forward) -> Answer:
    """The code of every 422 is `invalid-request`."""
    return await _code(request, forward, lambda codes: "invalid-request" if codes else None)


@twists("CC-ERR-013")
async def put_meaning_first(request: Request, forward: Forward) -> Answer:
    """The code of a 422 is that of its first fault that is none of form, beside faults of form as well."""
    return await _code(
        request, forward, lambda codes: next((code for code in codes if code != "invalid-request"), None)
    )


@twists("CC-ERR-013")
async def take_the_last_code(request: Request, forward: Forward) -> Answer:
    """Where no fault is one of form, the code of a 422 is that of its last fault."""
    return await _code(
        request, forward, lambda codes: codes[-1] if codes and "invalid-request" not in codes else None
    )
