"""Read bodies wrongly: their media type, their size, their JSON, their depth."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

import yaml

from common_compute_mutants.exchange import Answer, Forward, Request, json_answer, problem_answer
from common_compute_mutants.registry import twists

_JSON = "application/json"


def _type(request: Request) -> str:
    return (request.header("content-type") or "").partition(";")[0].strip()


@twists("CC-ERR-006")
async def read_what_is_not_announced(request: Request, forward: Forward) -> Answer:
    """A body without a Content-Type is read as JSON."""
    if request.body and request.header("content-type") is None:
        return await forward(request.with_header("content-type", _JSON))
    return await forward(request)


@twists("CC-ERR-006")
async def read_any_text(request: Request, forward: Forward) -> Answer:
    """A body announced as plain text is read as JSON."""
    return await forward(
        request.with_header("content-type", _JSON) if _type(request) == "text/plain" else request
    )


@twists("CC-ERR-006")
async def read_whatever_is_like_json(request: Request, forward: Forward) -> Answer:
    """A body announced by any name that ends in `+json` is read as JSON."""
    if _type(request).endswith("+json"):
        return await forward(request.with_header("content-type", _JSON))
    return await forward(request)


@twists("CC-ERR-006")
async def overlook_the_charset(request: Request, forward: Forward) -> Answer:
    """The charset of a body is overlooked, and every one taken for UTF-8."""
    return await forward(request.with_header("content-type", _JSON) if _type(request) == _JSON else request)


@twists("CC-ERR-006")
async def overlook_an_encoding(request: Request, forward: Forward) -> Answer:
    """A Content-Encoding is overlooked."""
    return await forward(request.without_header("content-encoding"))


@twists("CC-ERR-006")
async def want_the_type_in_small_letters(request: Request, forward: Forward) -> Answer:
    """A Content-Type with a capital letter in it is answered 415."""
    if _type(request) != _type(request).lower():
        return await forward(request.with_header("content-type", "text/plain"))
    return await forward(request)


@twists("CC-ERR-006")
async def know_no_quotes(request: Request, forward: Forward) -> Answer:
    """A charset between quotes is answered 415."""
    if '"' in (request.header("content-type") or ""):
        return await forward(request.with_header("content-type", "text/plain"))
    return await forward(request)


@twists("CC-ERR-006")
async def validate_any_type(request: Request, forward: Forward) -> Answer:
    """validate_job reads a body whatever it is announced as."""
    if request.is_call("POST", "jobs", "validate"):
        return await forward(request.with_header("content-type", _JSON))
    return await forward(request)


@twists("CC-ERR-006", house="enrolled")
async def enrol_with_any_type(request: Request, forward: Forward) -> Answer:
    """put_credential reads a body whatever it is announced as."""
    if request.is_call("PUT", "facilities", "*", "credential"):
        return await forward(request.with_header("content-type", _JSON))
    return await forward(request)


def _squeezed(request: Request) -> Request:
    """Return the request without the blanks behind its body, which a larger limit would have let through."""
    return replace(request, body=request.body.rstrip())


async def _limit(forward: Forward) -> int:
    info = await forward(Request("GET", "/service-info", (), (), b""))
    return int(info.json()["limits"]["max_request_bytes"])


@twists("CC-ERR-007")
async def take_any_size(request: Request, forward: Forward) -> Answer:
    """`max_request_bytes` is announced and not held."""
    return await forward(_squeezed(request) if request.is_submission else request)


@twists("CC-ERR-007")
async def believe_the_announced_length(request: Request, forward: Forward) -> Answer:
    """A body that comes in chunks is not measured."""
    chunked = request.header("transfer-encoding") is not None
    return await forward(_squeezed(request.without_header("transfer-encoding")) if chunked else request)


@twists("CC-ERR-007")
async def refuse_the_largest(request: Request, forward: Forward) -> Answer:
    """A body of exactly `max_request_bytes` is answered 413."""
    if request.is_submission and len(request.body) == await _limit(forward):
        return await forward(replace(request, body=request.body + b" "))
    return await forward(request)


@twists("CC-ERR-007")
async def stand_behind_a_proxy(request: Request, forward: Forward) -> Answer:
    """A proxy in front answers 413 to a body of more than 1 MiB, which `max_request_bytes` allows."""
    if request.is_submission and len(request.body) > 2**20:
        return await forward(replace(request, body=b" " * (await _limit(forward) + 1)))
    return await forward(request)


@twists("CC-ERR-007")
async def call_a_large_body_malformed(request: Request, forward: Forward) -> Answer:
    """A body of more than `max_request_bytes` is answered 400."""
    answer = await forward(request)
    return problem_answer(request, answer, 400, "malformed-request") if answer.status == 413 else answer


@twists("CC-ERR-008")
async def read_past_a_byte_order_mark(request: Request, forward: Forward) -> Answer:
    """A byte order mark before the JSON is skipped."""
    return await forward(replace(request, body=request.body.removeprefix(b"\xef\xbb\xbf")))


@twists("CC-ERR-008")
async def read_nan(request: Request, forward: Forward) -> Answer:
    """NaN and Infinity are read as numbers."""
    return await forward(replace(request, body=re.sub(rb"(?<=: )-?(NaN|Infinity)", b"0", request.body)))


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else math.copysign(1.7976931348623157e308, number)


@twists("CC-ERR-008")
async def read_numbers_beyond_a_double(request: Request, forward: Forward) -> Answer:
    """A number beyond a double is read as the largest one."""
    return await forward(_read(request, parse_constant=_refuse, parse_float=_finite))


@twists("CC-ERR-008")
async def mend_half_a_character(request: Request, forward: Forward) -> Answer:
    """A lone surrogate is read as the replacement character."""
    read = _read(request)
    if read is request:
        return await forward(request)
    text = json.dumps(read.json(), ensure_ascii=False).encode("utf-16-le", "surrogatepass")
    return await forward(replace(read, body=text.decode("utf-16-le", "replace").encode()))


@twists("CC-ERR-008")
async def read_latin_1(request: Request, forward: Forward) -> Answer:
    """A body that is no UTF-8 is read as Latin-1."""
    try:
        request.body.decode()
    except UnicodeDecodeError:
        return await forward(replace(request, body=request.body.decode("latin-1").encode()))
    return await forward(request)


@twists("CC-ERR-008")
async def forgive_a_comma(request: Request, forward: Forward) -> Answer:
    """A comma behind the last member is overlooked."""
    return await forward(replace(request, body=re.sub(rb",\s*([}\]])", rb"\1", request.body)))


@twists("CC-ERR-008")
async def read_the_first_value(request: Request, forward: Forward) -> Answer:
    """What comes behind the first JSON value of a body is overlooked."""
    try:
        text = request.body.decode()
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return await forward(request)
    return await forward(replace(request, body=text[:end].encode()))


@twists("CC-ERR-008")
async def read_yaml(request: Request, forward: Forward) -> Answer:
    """A body is read as YAML, of which JSON is the smaller part."""
    if (
        request.is_submission
        and _type(request) == _JSON
        and len(request.body) < 5000
        and request.json() is None
    ):
        try:
            value = yaml.safe_load(request.body)
        except (yaml.YAMLError, ValueError, RecursionError):
            return await forward(request)
        return await forward(replace(request, body=json.dumps(value).encode()))
    return await forward(request)


@twists("CC-ERR-008")
async def call_no_json_invalid(request: Request, forward: Forward) -> Answer:
    """A body that is cut short or else no JSON is answered 422."""
    answer = await forward(request)
    if answer.status == 400:
        errors = [{"pointer": "", "detail": "This is no JSON."}]
        return problem_answer(request, answer, 422, "invalid-request", errors=errors)
    return answer


@twists("CC-ERR-008")
async def judge_what_is_no_json(request: Request, forward: Forward) -> Answer:
    """validate_job answers 200 to a body that is no JSON, and calls it invalid."""
    answer = await forward(request)
    if answer.status == 400 and request.is_call("POST", "jobs", "validate"):
        fault = {"pointer": "", "code": "malformed-request", "detail": "This is no JSON."}
        return json_answer(200, {"valid": False, "errors": [fault]}, answer)
    return answer


@twists("CC-ERR-008")
async def break_at_bad_utf_8(request: Request, forward: Forward) -> Answer:
    """A body that is no UTF-8 breaks the service, which answers 500."""
    try:
        request.body.decode()
    except UnicodeDecodeError:
        return problem_answer(request, await forward(request), 500, "internal")
    return await forward(request)


def _read(request: Request, **reading: Any) -> Request:
    """Return the request with its JSON read in Python's own way and written again, if it can be."""
    if not request.is_submission or _type(request) != _JSON or len(request.body) > 5000:
        return request
    try:
        value = json.loads(request.body.decode(), **reading)
    except (ValueError, RecursionError):
        return request
    return replace(request, body=json.dumps(value).encode())


def _depth(body: bytes) -> int:
    deepest = depth = 0
    for bracket in re.findall(rb"[\[\]{}]", body):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


@twists("CC-ERR-009")
async def break_at_a_thousand_levels(request: Request, forward: Forward) -> Answer:
    """A body nested a thousand deep breaks the service, which answers 500."""
    answer = await forward(request)
    return problem_answer(request, answer, 500, "internal") if _depth(request.body) >= 1000 else answer


@twists("CC-ERR-009")
async def break_at_open_brackets(request: Request, forward: Forward) -> Answer:
    """A body of nothing but open brackets breaks the service, which answers 503."""
    answer = await forward(request)
    if len(request.body) > 1000 and not request.body.strip(b"["):
        return problem_answer(request, answer, 503, "service-unavailable", retryable=True)
    return answer


@twists("CC-ERR-009")
async def read_thirty_levels(request: Request, forward: Forward) -> Answer:
    """A body nested more than 30 deep is answered 400."""
    if request.is_submission and _depth(request.body) > 30:
        return await forward(replace(request, body=b"["))
    return await forward(request)
