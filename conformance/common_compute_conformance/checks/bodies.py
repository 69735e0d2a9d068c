"""Check how bodies are read: media type, size, strict JSON, nesting."""

from __future__ import annotations

import json
from typing import Any

from common_compute_conformance.exchange import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_JSON = {"Content-Type": "application/json"}
# Larger bodies than this are not sent: a limit that high is taken on trust, and said so.
_LARGEST_BODY_BYTES = 256 * 2**20
_DEEPEST = 100_000


def _operations(trial: Trial) -> list[str]:
    return ["submit_job"] + (["validate_job"] if trial.target.claims("validation") else [])


def _post(trial: Trial, operation_id: str, content: bytes, headers: dict[str, str]) -> Exchange:
    operation = trial.contract.operations[operation_id]
    path = operation.at(facility_id=trial.target.facility_id)
    return trial.client.send(
        operation.method, path, operation_id=operation_id, content=content, headers=headers
    )


def _text(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


@check("CC-ERR-006")
def other_media_types_are_refused(trial: Trial) -> None:
    """CC-ERR-006: no or another Content-Type, and any Content-Encoding, is 415."""
    content = _text(trial.workbench.trivial())
    credentials = ["put_credential"] if trial.target.claims("credentials") else []
    for operation_id in [*_operations(trial), *credentials]:
        for headers in (
            {},
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "application/problem+json"},
            {"Content-Type": "application/json; charset=iso-8859-1"},
            {**_JSON, "Content-Encoding": "gzip"},
        ):
            _post(trial, operation_id, content, headers).problem(415, "unsupported-media-type")
            trial.witness(f"{operation_id} with {headers or 'no Content-Type'}: 415")


@check("CC-ERR-006")
def json_is_read_however_it_is_announced(trial: Trial) -> None:
    """CC-ERR-006: `application/json` is read in any case, with `charset=utf-8` or without."""
    content = _text(trial.workbench.trivial(surprise=1))
    for announced in (
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
    ):
        problem = _post(trial, "submit_job", content, {"Content-Type": announced}).problem(
            422, "invalid-request"
        )
        trial.witness(f"a body announced as {announced} is read: {problem['errors']}")


@check("CC-ERR-007")
def large_bodies_are_refused(trial: Trial) -> None:
    """CC-ERR-007: a body of more than `max_request_bytes` is 413, with or without a length announced."""
    limit = int(trial.target.service_info["limits"]["max_request_bytes"])
    if limit > _LARGEST_BODY_BYTES:
        trial.not_applicable(
            f"max_request_bytes is {limit}; this kit sends no body beyond {_LARGEST_BODY_BYTES}"
        )
    content = _text(trial.workbench.trivial(surprise=1))
    largest = content + b" " * (limit - len(content))
    _post(trial, "submit_job", largest, _JSON).problem(422, "invalid-request")
    trial.witness(f"a body of {limit} bytes is read")
    _post(trial, "submit_job", largest + b" ", _JSON).problem(413, "payload-too-large")
    pieces = [largest[start : start + 65536] for start in range(0, limit, 65536)]
    exchange = trial.client.send(
        "POST", "/jobs", operation_id="submit_job", content=[*pieces, b" "], headers=_JSON
    )
    exchange.problem(413, "payload-too-large")
    trial.witness(f"one of {limit + 1} bytes is answered 413, announced and in chunks")


@check("CC-ERR-008")
def what_is_no_json_is_refused(trial: Trial) -> None:
    """CC-ERR-008: a body that is no strict JSON is 400 `malformed-request`."""
    whole = _text(trial.workbench.trivial(name="größe", metadata={"x": 0}))
    faulty = {
        "bad UTF-8": whole.replace("ö".encode(), b"\xf6"),
        "an overlong UTF-8 sequence": whole.replace("ö".encode(), b"\xc0\xaf"),
        "a byte order mark": b"\xef\xbb\xbf" + whole,
        "a body cut short": whole[:-1],
        "NaN": whole.replace(b": 0}", b": NaN}"),
        "Infinity": whole.replace(b": 0}", b": -Infinity}"),
        "a number beyond a double": whole.replace(b": 0}", b": 1e400}"),
        "a lone surrogate": whole.replace("ö".encode(), b"\\ud800"),
        "a trailing comma": whole.replace(b": 0}", b": 0,}"),
        "two values": whole + whole,
        "single quotes": b"{'command': []}",
        "no JSON": b"<job/>",
    }
    for operation_id in _operations(trial):
        for what, content in faulty.items():
            _post(trial, operation_id, content, _JSON).problem(400, "malformed-request")
            trial.witness(f"{operation_id} with {what}: 400")


@check("CC-ERR-009")
def nesting_breaks_nothing(trial: Trial) -> None:
    """CC-ERR-009: a body nested 32 deep is read; a deeper one is read or 400, never 5xx."""
    deepest = min(_DEEPEST, (int(trial.target.service_info["limits"]["max_request_bytes"]) - 100) // 2)
    for operation_id in _operations(trial):
        for depth in (32, 33, min(1000, deepest), deepest):
            lists = depth - 2  # the body and its metadata are the first two levels
            nested = b'{"surprise": 1, "metadata": {"x": ' + b"[" * lists + b"]" * lists + b"}}"
            exchange = _post(trial, operation_id, nested, _JSON)
            trial.require(exchange.status < 500, f"a body nested {depth} deep was answered {exchange.status}")
            read = 422 if operation_id == "submit_job" else 200
            if depth == 32:
                exchange.expect(read)
            else:
                exchange.expect(read, 400)
            trial.witness(f"{operation_id}, nested {depth} deep: {exchange.status}")
        exchange = _post(trial, operation_id, b"[" * deepest, _JSON)
        trial.require(exchange.status < 500, f"{deepest} open brackets were answered {exchange.status}")
