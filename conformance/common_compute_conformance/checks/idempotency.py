"""Check that a submission repeated under a key makes one job, and only one that is repeated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

from common_compute_conformance.exchange import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.specimen import Specimen
from common_compute_conformance.specimens import inline, script
from common_compute_conformance.trial import Trial

_KEYED = "tour"


def _first(trial: Trial) -> tuple[dict[str, Any], Mapping[str, str], str]:
    """Return a body that was accepted under a key, the key, and the job that it made."""
    specimen = trial.workbench.specimen(_KEYED)
    return specimen.body, specimen.headers, specimen.id


def _replayed(trial: Trial, exchange: Exchange, job_id: str) -> None:
    trial.require(exchange.status != 201, f"the repeated submission made a second job: {exchange}")
    exchange.expect(200)
    trial.equal(job_id, exchange.document()["id"], "the job's id on the replay")
    trial.equal("true", exchange.headers.get("idempotency-replayed"), "Idempotency-Replayed")


@check("CC-IDEM-001", specimens=(_KEYED,))
def a_repeat_is_a_replay(trial: Trial) -> None:
    """CC-IDEM-001: the same key and body give 200 with the same id."""
    body, key, job_id = _first(trial)
    first = trial.workbench.specimen(_KEYED).submitted
    trial.require(
        "idempotency-replayed" not in first.headers, "the first submission says that it is a replay"
    )
    for _ in range(2):
        _replayed(trial, trial.client.call("submit_job", body=body, headers=key), job_id)
    trial.workbench.final(_KEYED)
    _replayed(trial, trial.client.call("submit_job", body=body, headers=key), job_id)
    trial.witness(f"the job {job_id} was answered 201 once and 200 three times, also when it had ended")


@check("CC-IDEM-002", specimens=(_KEYED,))
def bodies_are_compared_as_values(trial: Trial) -> None:
    """CC-IDEM-002: order, white space, escapes and `1.0` for `1` make no difference."""
    body, key, job_id = _first(trial)
    text = json.dumps(body, ensure_ascii=False)
    for what, same in {
        "another order, white space and escapes": json.dumps(_reversed(body), ensure_ascii=True, indent=3),
        "1.0 for 1": text.replace('"one": 1', '"one": 1.0'),
        "1e0 for 1": text.replace('"one": 1', '"one": 1e0'),
        "10E-1 for 1": text.replace('"one": 1', '"one": 10E-1'),
        "1.50 for 1.5": text.replace('"half": 1.5', '"half": 1.50'),
        "15e-1 for 1.5": text.replace('"half": 1.5', '"half": 15e-1'),
        "an escape for a letter": text.replace("An x", "\\u0041n x"),
    }.items():
        headers = {**key, "Content-Type": "application/json"}
        exchange = trial.client.send(
            "POST", "/jobs", operation_id="submit_job", content=same.encode(), headers=headers
        )
        _replayed(trial, exchange, job_id)
        trial.witness(f"a body with {what} is the same")


def _reversed(value: Any) -> Any:
    """Return the value with the members of all its objects in the opposite order."""
    if isinstance(value, dict):
        return {name: _reversed(each) for name, each in reversed(value.items())}
    if isinstance(value, list):
        return [_reversed(each) for each in value]
    return value


@check("CC-IDEM-003", specimens=(_KEYED,))
def another_body_is_refused(trial: Trial) -> None:
    """CC-IDEM-003: the same key with another body is 422 `idempotency-key-reused`."""
    body, key, _ = _first(trial)
    metadata = body["metadata"]
    for what, other in {
        "another command": {**body, "command": ["printf", "%s", "y"]},
        "another name": {**body, "name": "A y"},
        "a name in other letters": {**body, "name": "AN X"},
        "another output": {**body, "outputs": [{"path": "tour.seem"}]},
        "a default that was left out": {**body, "outputs": [{"path": "tour.seen", "required": True}]},
        "another input": {**body, "inputs": [inline("tour.in", b"2")]},
        "another path of an input": {**body, "inputs": [inline("tour.on", b"1")]},
        "no resources, or some": {**body, "resources": {} if body.get("resources") else {"queue": "x"}},
        "no name": {name: value for name, value in body.items() if name != "name"},
        "a member more": {**body, "environment": {}},
        "a label more": {**body, "labels": {**body["labels"], "more": ""}},
        "true for 1": {**body, "metadata": {**metadata, "one": True}},
        "a text for a number": {**body, "metadata": {**metadata, "one": "1"}},
        "a number that is nearly the same": {**body, "metadata": {**metadata, "one": 1.0000000001}},
        "a list in another order": {**body, "metadata": {**metadata, "list": [2, 1]}},
    }.items():
        exchange = trial.client.call("submit_job", body=other, headers=key)
        trial.require(exchange.status != 201, f"{what} under a key in use was accepted with 201")
        trial.require(exchange.status != 200, f"{what} under a key in use was taken for the same body")
        exchange.problem(422, "idempotency-key-reused")
        trial.witness(f"{what}: idempotency-key-reused")


@dataclass(frozen=True)
class Twins:
    """What came of one key of the greatest length: refused bodies first, then one body many times at once."""

    specimen: Specimen
    refused: list[Exchange]
    answers: list[Exchange]


def twins(trial: Trial) -> Twins:
    """Submit under one key, once for all checks."""
    return trial.workbench.shared("twins", lambda: _twins(trial))


def _twins(trial: Trial) -> Twins:
    count = trial.budget.twins
    target = trial.target
    body = script(target, "printf kept > kept.seen; printf said", outputs=[{"path": "kept.seen"}])
    body |= {"name": "One of twins", "labels": {"run": trial.workbench.run_name}}
    longest = trial.pace.draw_name("~!#$%&'()*+,-./:;<=>?@[]^_`{|}").ljust(255, "k")
    key = {"Idempotency-Key": longest}
    refused = [
        trial.client.call("submit_job", body=each, headers=key)
        for each in ({**body, "command": []}, {**body, "facility_id": "no-such-facility"})
    ]
    gate = Barrier(count)

    def submit(_: int) -> Exchange:
        gate.wait(timeout=10)
        return trial.client.call("submit_job", body=body, headers=key)

    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(submit, range(count)))
    accepted = [each for each in answers if each.status == 201] or [answers[0].expect(201)]
    specimen = Specimen("twin", body, key, accepted[0])
    trial.workbench.follow(specimen)
    return Twins(specimen, refused, answers)


@check("CC-IDEM-004")
def of_twins_one_is_born(trial: Trial) -> None:
    """CC-IDEM-004: of concurrent submissions with one key exactly one is 201, the others 200."""
    found = twins(trial)
    for exchange in found.answers:
        trial.client.recall(exchange)
    count = len(found.answers)
    statuses = sorted(exchange.status for exchange in found.answers)
    trial.equal([200] * (count - 1) + [201], statuses, f"the statuses of {count} concurrent submissions")
    for exchange in found.answers:
        if exchange.status == 200:
            _replayed(trial, exchange, found.specimen.id)
    trial.witness(f"{count} concurrent submissions made the one job {found.specimen.id}")


@check("CC-IDEM-005")
def a_refusal_uses_no_key(trial: Trial) -> None:
    """CC-IDEM-005: after a refused submission the key serves for another body."""
    found = twins(trial)
    for exchange in found.refused:
        trial.client.recall(exchange)
        exchange.problem(422)
    trial.witness(f"after {len(found.refused)} refusals the key made the job {found.specimen.id}")


@check("CC-IDEM-006")
def keys_are_looked_at(trial: Trial) -> None:
    """CC-IDEM-006: a key that is not 1 to 255 visible ASCII characters is 422 and named."""
    body = trial.workbench.trivial()
    for value in ("", "k" * 256, "two words", "a\tb", "größe"):
        exchange = trial.client.call("submit_job", body=body, headers={"Idempotency-Key": value})
        trial.require(exchange.status != 201, f"the key {value!r} was accepted")
        named = [str(error.get("header", "")).lower() for error in exchange.problem(422)["errors"]]
        trial.require("idempotency-key" in named, f"the key {value!r}: the errors name the headers {named}")
        trial.witness(f"the key {value[:20]!r}: 422")


@check("CC-IDEM-006")
def a_key_of_255_characters_is_taken(trial: Trial) -> None:
    """CC-IDEM-006: 255 visible ASCII characters of any kind are a key."""
    specimen = twins(trial).specimen
    _replayed(
        trial, trial.client.call("submit_job", body=specimen.body, headers=specimen.headers), specimen.id
    )
    almost = {"Idempotency-Key": specimen.headers["Idempotency-Key"][:-1] + "K"}
    other = trial.client.call("submit_job", body={**specimen.body, "command": []}, headers=almost)
    trial.require(other.status != 200, "a key that differs in its last character is taken for the same")
    trial.witness(f"a key of 255 characters made the job {specimen.id}, and gives it again")


@check("CC-IDEM-007", specimens=("same-1", "same-2"))
def without_a_key_each_is_new(trial: Trial) -> None:
    """CC-IDEM-007: two submissions of one body without a key make two jobs."""
    first, second = (trial.workbench.specimen(name) for name in ("same-1", "same-2"))
    trial.equal(first.body, second.body, "the bodies of the two submissions")
    trial.require(
        first.id != second.id, f"two submissions of one body without a key made the one job {first.id}"
    )
    for specimen in (first, second):
        found = trial.client.call("get_job", job_id=specimen.id).expect(200).document()
        trial.equal(specimen.id, found["id"], "the id of the job")
    trial.witness(f"the jobs {first.id} and {second.id}")
