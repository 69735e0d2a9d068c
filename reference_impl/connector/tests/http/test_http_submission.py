"""Submissions: judged whole, kept once."""

import asyncio
from typing import Any

import pytest


def test_all_faults_of_a_request_are_told_at_once(house: Any, spec: dict[str, Any]) -> None:
    """Query, header, form and facility: one answer names everything that is wrong."""
    body = {**spec, "command": [], "surprise": 1, "resources": {"gpus": 0, "cpu_cores": 5}}
    response = house.ask("POST", "/jobs?x=1", json=body, headers={"idempotency-key": "two words"})
    places = {
        error.get("pointer") or error.get("parameter") or error.get("header")
        for error in response.json()["errors"]
    }

    assert (422, "invalid-request") == (response.status_code, response.json()["code"])
    assert {
        "x",
        "Idempotency-Key",
        "/command",
        "/surprise",
        "/resources/gpus",
        "/resources/cpu_cores",
    } == places


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"facility_id": "elsewhere"}, "unknown-facility", "/facility_id"),
        ({"software": {"kind": "installed", "name": "x"}}, "unknown-software", "/software/name"),
        ({"resources": {"gpus": 1}}, "unsupported-capability", "/resources/gpus"),
        ({"resources": {"cpu_cores": 5}}, "limit-exceeded", "/resources/cpu_cores"),
        ({"array": {"count": 11}}, "limit-exceeded", "/array/count"),
        ({"software": {"kind": "container", "image": "x"}}, "unsupported-capability", "/software/kind"),
    ],
)
def test_what_cannot_be_is_422_with_its_code(
    house: Any, spec: dict[str, Any], changes: dict[str, Any], code: str, pointer: str
) -> None:
    """What a facility does not have is refused at the door, and nothing is kept."""
    response = house.ask("POST", "/jobs", json={**spec, **changes})

    assert (422, code, pointer) == (
        response.status_code,
        response.json()["code"],
        response.json()["errors"][0]["pointer"],
    )
    assert [] == house.ask("GET", "/jobs").json()["jobs"]


def test_validation_says_what_submission_would(house: Any, spec: dict[str, Any]) -> None:
    """validate_job gives the very errors of a submission, and keeps nothing."""
    bad = {**spec, "command": [""], "resources": {"gpus": 1}, "x": 1}
    refused, judged = house.ask("POST", "/jobs", json=bad), house.ask("POST", "/jobs/validate", json=bad)

    assert {"valid": True, "errors": []} == house.ask("POST", "/jobs/validate", json=spec).json()
    assert {"valid": False, "errors": refused.json()["errors"]} == judged.json()
    assert all("code" in error for error in judged.json()["errors"])
    assert [] == house.ask("GET", "/jobs").json()["jobs"]


@pytest.mark.parametrize("body", ["null", "1", '"x"', "[]", "true"])
def test_what_is_no_object_is_judged_too(house: Any, body: str) -> None:
    """A body that is JSON but no object is invalid to validate_job, and 422 to submit_job."""
    json = {"content-type": "application/json"}
    judged = house.ask("POST", "/jobs/validate", content=body, headers=json)

    assert (200, False) == (judged.status_code, judged.json()["valid"])
    assert 422 == house.ask("POST", "/jobs", content=body, headers=json).status_code


def test_a_replay_gives_the_same_job(house: Any, spec: dict[str, Any]) -> None:
    """The same key with an equal body is 200 with the same id, as the job is by now."""
    key = {"idempotency-key": "k"}
    made = house.ask("POST", "/jobs", json={**spec, "metadata": {"a": 1, "b": 2}}, headers=key)
    house.hand.ends(made.json()["id"])
    house.step()
    again = house.ask("POST", "/jobs", json={**spec, "metadata": {"b": 2.0, "a": 1}}, headers=key)

    assert (201, 200, "true") == (made.status_code, again.status_code, again.headers["idempotency-replayed"])
    assert made.headers["location"] == again.headers["location"]
    assert (made.json()["id"], "succeeded") == (again.json()["id"], again.json()["state"])
    assert "idempotency-replayed" not in made.headers


def test_a_key_with_another_body_is_refused(house: Any, spec: dict[str, Any]) -> None:
    """A key belongs to its first body, and only a 201 uses it up."""
    key = {"idempotency-key": "k"}
    assert 422 == house.ask("POST", "/jobs", json={**spec, "command": []}, headers=key).status_code
    assert 201 == house.ask("POST", "/jobs", json=spec, headers=key).status_code
    other = house.ask("POST", "/jobs", json={**spec, "name": "other"}, headers=key)

    assert (422, "idempotency-key-reused") == (other.status_code, other.json()["code"])
    assert 1 == len(house.ask("GET", "/jobs").json()["jobs"])


def test_a_replay_survives_changed_limits(house: Any, spec: dict[str, Any]) -> None:
    """A body that would be refused today is still answered with the job that it made."""
    key = {"idempotency-key": "k"}
    body = {**spec, "resources": {"cpu_cores": 4}}
    made = house.ask("POST", "/jobs", json=body, headers=key).json()["id"]
    known = next(iter(house.app.service.facilities))
    known.description = {**known.description, "resources": {}}

    assert 422 == house.ask("POST", "/jobs", json=body).status_code
    assert made == house.ask("POST", "/jobs", json=body, headers=key).json()["id"]


def test_a_key_outlives_its_job_for_a_day(house: Any, spec: dict[str, Any]) -> None:
    """After the release a key is 409 with its body and 422 with another, and free again after 24 hours."""
    key = {"idempotency-key": "k"}
    made = house.ask("POST", "/jobs", json=spec, headers=key).json()["id"]
    house.hand.ends(made)
    house.step()
    house.ask("DELETE", f"/jobs/{made}")

    def code(**changes: Any) -> str:
        answer: str = (
            house.ask("POST", "/jobs", json={**spec, **changes}, headers=key).json().get("code", "made")
        )
        return answer

    assert ("job-released", "idempotency-key-reused") == (code(), code(name="x"))
    house.clock.advance(24 * 3600 - 2)
    assert "job-released" == code()
    house.clock.advance(2)
    assert "made" == code()


def test_of_twins_exactly_one_is_made(house: Any, spec: dict[str, Any]) -> None:
    """Concurrent submissions with one key make one job, and all hear of it."""

    async def twins() -> list[Any]:
        return await asyncio.gather(
            *(house.client.post("/jobs", json=spec, headers={"idempotency-key": "k"}) for _ in range(20))
        )

    answers = house.run(twins())

    assert 1 == len({answer.json()["id"] for answer in answers})
    assert [200] * 19 + [201] == sorted(answer.status_code for answer in answers)


def test_urls_are_shown_without_their_secrets(house: Any, spec: dict[str, Any]) -> None:
    """What is secret in a URL appears nowhere, and the connector still gets it."""
    inputs = [{"path": "x", "source": {"kind": "url", "url": "https://me:pw@h/x?token=hush"}}]
    made = house.ask("POST", "/jobs", json={**spec, "inputs": inputs})
    job_id = made.json()["id"]
    shown = "https://REDACTED@h/x?token=REDACTED"

    for response in (made, house.ask("GET", f"/jobs/{job_id}")):
        assert shown == response.json()["spec"]["inputs"][0]["source"]["url"]
        assert "hush" not in response.text
    kept = house.run(
        house.store.read(lambda held: held.exec_driver_sql("SELECT spec FROM jobs").scalar_one())
    )
    assert "https://me:pw@h/x?token=hush" in kept


def test_the_order_of_refusals(guarded: Any, spec: dict[str, Any]) -> None:
    """Where several faults meet, the first of the contract's order is answered."""
    house, alice, reader = guarded, guarded.alice, guarded.reader
    job = house.submit(alice)
    key, bad_key = {"idempotency-key": "k"}, {"idempotency-key": "a b"}
    house.ask("POST", "/jobs", alice, json=spec, headers=key)
    html, text = {"accept": "text/html"}, {"content-type": "text/plain"}
    json = {"content-type": "application/json"}
    large, broken = b"x" * 5000, b"{"

    def status(method: str, path: str, token: str | None, **arguments: Any) -> tuple[int, str]:
        response = house.ask(method, path, token, **arguments)
        return response.status_code, response.json()["code"]

    assert (401, "unauthenticated") == status("GET", "/nothing", None)
    assert (404, "not-found") == status("PATCH", "/nothing", reader, headers=html)
    assert (405, "method-not-allowed") == status("PATCH", "/jobs", reader, headers=html)
    assert (403, "forbidden") == status("POST", "/jobs", reader, content=large, headers=html | text)
    assert (406, "not-acceptable") == status("POST", "/jobs", alice, content=large, headers=html | text)
    assert (415, "unsupported-media-type") == status("POST", "/jobs", alice, content=large, headers=text)
    assert (413, "payload-too-large") == status("POST", "/jobs?x=1", alice, content=large, headers=json)
    assert (400, "malformed-request") == status(
        "POST", "/jobs?x=1", alice, content=broken, headers=json | bad_key
    )
    assert (422, "invalid-request") == status("POST", "/jobs", alice, json=spec, headers=bad_key)
    assert (422, "idempotency-key-reused") == status("POST", "/jobs", alice, json={}, headers=key)
    assert (404, "not-found") == status("GET", "/jobs/nothing/results?page_size=x", alice)
    assert (404, "not-found") == status("GET", "/facilities/nothing/software?page_size=x", alice)
    assert (422, "invalid-request") == status("GET", f"/jobs/{job}/results?page_size=x", alice)
    assert (409, "results-not-ready") == status("GET", f"/jobs/{job}/results/nothing", alice)


def test_a_store_that_is_away_is_503(
    house: Any, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing can be kept, submissions are 503 and the health is bad; nothing was accepted."""
    from common_compute_connector.errors import StoreUnavailable

    async def away(*_: Any) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(type(house.store), "write_together", away)
        patched.setattr(type(house.store), "write", away)
        refused, health = house.ask("POST", "/jobs", json=spec), house.ask("GET", "/health")

    assert (503, "service-unavailable", "5") == (
        refused.status_code,
        refused.json()["code"],
        refused.headers["retry-after"],
    )
    assert (503, {"status": "fail"}) == (health.status_code, health.json())
    assert [] == house.ask("GET", "/jobs").json()["jobs"]
