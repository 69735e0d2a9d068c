"""Check that a submission repeated under a key makes one job, and only one that is repeated."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from common_compute_conformance.client import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_TWINS = 8


def _body(trial: Trial) -> dict[str, Any]:
    return trial.workbench.trivial(name="An x", metadata={"one": 1, "text": "größe", "list": [1, 2]})


def _key(trial: Trial) -> dict[str, str]:
    return {"Idempotency-Key": trial.pace.draw_name("key")}


def _replayed(trial: Trial, exchange: Exchange, job_id: str) -> None:
    trial.require(exchange.status != 201, f"the repeated submission made a second job: {exchange}")
    exchange.expect(200)
    trial.equal(job_id, exchange.document()["id"], "the job's id on the replay")
    trial.equal("true", exchange.headers.get("idempotency-replayed"), "Idempotency-Replayed")


@check("CC-IDEM-001")
def a_repeat_is_a_replay(trial: Trial) -> None:
    """CC-IDEM-001: the same key and body give 200 with the same id."""
    body, key = _body(trial), _key(trial)
    first = trial.workbench.submit(body, key)
    trial.require(
        "idempotency-replayed" not in first.headers, "the first submission says that it is a replay"
    )
    job_id = str(first.document()["id"])
    for _ in range(2):
        _replayed(trial, trial.client.call("submit_job", body=body, headers=key), job_id)
    trial.witness(f"the job {job_id} was answered 201 once and 200 twice")


@check("CC-IDEM-002")
def bodies_are_compared_as_values(trial: Trial) -> None:
    """CC-IDEM-002: order, white space, escapes and `1.0` for `1` make no difference."""
    body, key = _body(trial), _key(trial)
    job_id = str(trial.workbench.submit(body, key).document()["id"])
    reversed_text = json.dumps(dict(reversed(body.items())), ensure_ascii=True, indent=3)
    for what, text in {
        "another order, white space and escapes": reversed_text,
        "1.0 for 1": json.dumps(body, ensure_ascii=False).replace('"one": 1', '"one": 1.0'),
        "1e0 for 1": json.dumps(body, ensure_ascii=False).replace('"one": 1', '"one": 1e0'),
    }.items():
        headers = {**key, "Content-Type": "application/json"}
        exchange = trial.client.send(
            "POST", "/jobs", operation_id="submit_job", content=text.encode(), headers=headers
        )
        _replayed(trial, exchange, job_id)
        trial.witness(f"a body with {what} is the same")


@check("CC-IDEM-003")
def another_body_is_refused(trial: Trial) -> None:
    """CC-IDEM-003: the same key with another body is 422 `idempotency-key-reused`."""
    body, key = _body(trial), _key(trial)
    trial.workbench.submit(body, key)
    for what, other in {
        "another command": {**body, "command": ["printf", "%s", "y"]},
        "another name": {**body, "name": "A y"},
        "no name": {name: value for name, value in body.items() if name != "name"},
        "a member more": {**body, "labels": {}},
        "true for 1": {**body, "metadata": {**body["metadata"], "one": True}},
        "a text for a number": {**body, "metadata": {**body["metadata"], "one": "1"}},
        "a list in another order": {**body, "metadata": {**body["metadata"], "list": [2, 1]}},
    }.items():
        exchange = trial.client.call("submit_job", body=other, headers=key)
        trial.require(exchange.status != 201, f"{what} under a key in use was accepted with 201")
        trial.require(exchange.status != 200, f"{what} under a key in use was taken for the same body")
        exchange.problem(422, "idempotency-key-reused")
        trial.witness(f"{what}: idempotency-key-reused")


@check("CC-IDEM-004")
def of_twins_one_is_born(trial: Trial) -> None:
    """CC-IDEM-004: of concurrent submissions with one key exactly one is 201, the others 200."""
    body, key = _body(trial), _key(trial)
    gate = Barrier(_TWINS)

    def submit(_: int) -> Exchange:
        gate.wait(timeout=10)
        return trial.client.call("submit_job", body=body, headers=key)

    with ThreadPoolExecutor(_TWINS) as pool:
        exchanges = list(pool.map(submit, range(_TWINS)))
    statuses = sorted(exchange.status for exchange in exchanges)
    trial.equal([200] * (_TWINS - 1) + [201], statuses, f"the statuses of {_TWINS} concurrent submissions")
    job_id = next(str(each.document()["id"]) for each in exchanges if each.status == 201)
    for exchange in exchanges:
        if exchange.status == 200:
            _replayed(trial, exchange, job_id)
    trial.witness(f"{_TWINS} concurrent submissions made the one job {job_id}")


@check("CC-IDEM-005")
def a_refusal_uses_no_key(trial: Trial) -> None:
    """CC-IDEM-005: after a refused submission the key serves for another body."""
    key = _key(trial)
    body = _body(trial)
    trial.client.call("submit_job", body={**body, "command": []}, headers=key).problem(422)
    trial.client.call("submit_job", body={**body, "facility_id": "no-such-facility"}, headers=key).problem(
        422
    )
    job_id = trial.workbench.submit(body, key).document()["id"]
    trial.witness(f"after two refusals the key made the job {job_id}")


@check("CC-IDEM-006")
def keys_are_looked_at(trial: Trial) -> None:
    """CC-IDEM-006: a key that is not 1 to 255 visible ASCII characters is 422 and named."""
    for value in ("", "k" * 256, "two words", "a\tb", "größe"):
        exchange = trial.client.call("submit_job", body=_body(trial), headers={"Idempotency-Key": value})
        trial.require(exchange.status != 201, f"the key {value!r} was accepted")
        named = [str(error.get("header", "")).lower() for error in exchange.problem(422)["errors"]]
        trial.require("idempotency-key" in named, f"the key {value!r}: the errors name the headers {named}")
        trial.witness(f"the key {value[:20]!r}: 422")
    longest = trial.pace.draw_name("~!#$%&'()*+,-./:;<=>?@[]^_`{|}").ljust(255, "k")
    job_id = trial.workbench.submit(_body(trial), {"Idempotency-Key": longest}).document()["id"]
    trial.witness(f"one of 255 characters made the job {job_id}")


@check("CC-IDEM-007")
def without_a_key_each_is_new(trial: Trial) -> None:
    """CC-IDEM-007: two submissions of one body without a key make two jobs."""
    body = _body(trial)
    first, second = (str(trial.workbench.submit(body).document()["id"]) for _ in range(2))
    trial.require(first != second, f"two submissions without a key made the one job {first}")
    trial.witness(f"the jobs {first} and {second}")


@check("CC-IDEM-008")
def a_key_outlives_its_job(trial: Trial) -> None:
    """CC-IDEM-008: after the release a key is 409 `job-released`, and 422 with another body."""
    body, key = _body(trial), _key(trial)
    specimen = trial.workbench.once(body, key)
    trial.workbench.ended(specimen)
    trial.client.call("release_job", job_id=specimen.id).expect(204)
    again = trial.client.call("submit_job", body=body, headers=key)
    trial.require(again.status != 201, "the key of a released job made a second job")
    again.problem(409, "job-released")
    other = trial.client.call("submit_job", body={**body, "name": "A y"}, headers=key)
    other.problem(422, "idempotency-key-reused")
    trial.witness(f"the key of the released job {specimen.id}: 409 with its body, 422 with another")
