"""What lies below `/mock`: time, a new beginning, what was sent, the scenarios; and nothing of it below `/v1`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator

from common_compute_connector.contract import operations
from common_compute_connector.schemas import Validator
from common_compute_mocks.in_process import InProcessMock, MockSettings, session_with
from common_compute_mocks.scenarios import catalogue
from common_compute_mocks.server.control import document_text

SLEEPER = {
    "facility_id": "rosetta",
    "software": {"kind": "container", "image": "debian:12-slim"},
    "command": ["sleep", "100"],
}
JSON = {"Content-Type": "application/json"}
DOCUMENT = yaml.safe_load(document_text())


class Asked:
    """A mock in process, and what comes back below `/mock`."""

    def __init__(self, settings: MockSettings | None = None) -> None:
        self.mock = InProcessMock(settings)
        self.session = session_with(self.mock)

    def control(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Ask below `/mock`, and hold the answer against the document."""
        answer = self.session.request(method, f"{self.mock.origin}/mock{path}", **arguments)
        place = DOCUMENT["paths"].get(f"/mock{path.partition('?')[0]}", {}).get(method.lower())
        if place is not None:
            told = place["responses"][str(answer.status_code)]
            told = (
                DOCUMENT["components"]["responses"][told["$ref"].rpartition("/")[2]]
                if "$ref" in told
                else told
            )
            media_type, content = next(iter(told["content"].items()))
            assert media_type == answer.headers["content-type"]
            reference = content["schema"].get("$ref")
            if reference:
                assert [] == _validator(reference).faults(answer.json())
        return answer

    def api(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Ask the API."""
        return self.session.request(method, self.mock.url + path, **arguments)


def _validator(reference: str) -> Validator:
    schemas = DOCUMENT["components"]["schemas"]

    def whole(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return whole(schemas[node["$ref"].rpartition("/")[2]])
            plain = {name: whole(inner) for name, inner in node.items() if name != "nullable"}
            if node.get("nullable"):
                plain["type"] = [plain["type"], "null"]
            return plain
        return [whole(inner) for inner in node] if isinstance(node, list) else node

    return Validator(whole(schemas[reference.rpartition("/")[2]]))


@pytest.fixture
def asked() -> Iterator[Asked]:
    """Give a mock with both facilities."""
    asked = Asked()
    yield asked
    asked.mock.close()


def test_the_document_is_an_openapi_document_of_its_own() -> None:
    """The paths below `/mock` are described in a valid document that shares no path with the contract."""
    OpenAPIV30SpecValidator(DOCUMENT).validate()
    ours = {operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()}
    assert not ours & set(operations())
    assert all(path.startswith("/mock") for path in DOCUMENT["paths"])


def test_every_documented_path_is_there_and_no_other(asked: Asked) -> None:
    """`GET /mock` names exactly the paths of the document, and each of them answers."""
    told = asked.control("GET", "").json()
    assert sorted(set(DOCUMENT["paths"]) - {"/mock"}) == sorted(told["paths"])
    assert ["dirac", "rosetta"] == told["facilities"]
    for path, methods in DOCUMENT["paths"].items():
        for method in methods:
            assert 405 != asked.control(method.upper(), path.removeprefix("/mock"), json={}).status_code
    assert document_text() == asked.control("GET", "/openapi.yaml").text
    assert 404 == asked.control("GET", "/nothing").status_code
    refused = asked.control("DELETE", "/clock")
    assert (405, "GET, POST") == (refused.status_code, refused.headers["allow"])


def test_time_passes_when_it_is_told_to(asked: Asked) -> None:
    """The clock stands still until somebody lets time pass; then what was to happen has happened."""
    job = asked.api("POST", "/jobs", json=SLEEPER).headers["location"].removeprefix("/v1")
    began = asked.control("GET", "/clock").json()
    assert ("2026-01-01T00:00:00.000000Z", True, 0) == (began["now"], began["held"], began["speed"])
    assert "queued" == asked.api("GET", job).json()["state"]
    assert asked.api("GET", job).json() == asked.api("GET", job).json()
    now = asked.control("POST", "/clock", json={"advance_seconds": 50.5}).json()["now"]
    assert "2026-01-01T00:00:50.500000Z" == now
    assert "running" == asked.api("GET", job).json()["state"]
    asked.control("POST", "/clock", json={"advance_seconds": 60})
    ended = asked.api("GET", job).json()
    assert "succeeded" == ended["state"]
    assert ["pending", "queued", "running", "succeeded"] == [entry["state"] for entry in ended["history"]]
    assert ended["history"][-1]["at"] < "2026-01-01T00:01:42", "it ended when it ended, not at the next look"


def test_waiting_lets_time_pass(asked: Asked) -> None:
    """A request that waits for a change has it at the time of the change, and no more time has passed."""
    job = asked.api("POST", "/jobs", json=SLEEPER).headers["location"].removeprefix("/v1")
    tag = asked.api("GET", job).headers["etag"]
    asked.api("GET", job, params={"wait_seconds": 30}, headers={"If-None-Match": tag})
    changed = asked.api("GET", job).json()
    assert changed["updated_at"] == asked.control("GET", "/clock").json()["now"]
    while asked.api("GET", job).json()["state"] != "running":
        asked.api("GET", job, params={"wait_seconds": 30})
    before = asked.mock.now
    assert "running" == asked.api("GET", job, params={"wait_seconds": 30}).json()["state"]
    assert 30 == (asked.mock.now - before).total_seconds()


def test_each_request_may_take_time() -> None:
    """With `request_seconds` a client that only polls sees its job end."""
    asked = Asked(MockSettings(request_seconds=5))
    job = asked.api("POST", "/jobs", json=SLEEPER).headers["location"].removeprefix("/v1")
    states = [asked.api("GET", job).json()["state"] for _ in range(25)]
    assert ("running", "succeeded") == (states[2], states[-1])
    asked.mock.let_requests_take(0)
    before = asked.mock.now
    asked.api("GET", job)
    assert before == asked.mock.now
    asked.mock.close()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"[]", "object"),
        (b"{}", "advance_seconds: This member is missing"),
        (b'{"advance_seconds": -1}', "at least 0"),
        (b'{"advance_seconds": "1"}', "number"),
        (b'{"advance_seconds": 1, "by": 2}', "by: This member is not known"),
        (b"[" * 5000, "no JSON"),
    ],
)
def test_a_wish_that_makes_no_sense_is_told(asked: Asked, body: bytes, words: str) -> None:
    """What cannot be understood passes no time, and is answered with what is wrong."""
    answer = asked.control("POST", "/clock", data=body)
    assert 400 == answer.status_code
    assert words in answer.json()["detail"]
    assert "2026-01-01T00:00:00.000000Z" == asked.control("GET", "/clock").json()["now"]


def test_a_body_without_an_end_is_not_read(asked: Asked) -> None:
    """A body above 64 KiB is refused."""
    assert 413 == asked.control("POST", "/clock", data=iter([b" " * 65536, b"{}"])).status_code


def test_pages_of_others_cannot_control_a_mock(asked: Asked) -> None:
    """A browser says whose page it is that sends; only the mock's own may change anything."""
    for origin, status in (("https://evil.example", 403), ("null", 403), (asked.mock.origin, 200)):
        assert status == asked.control("POST", "/reset", headers={"Origin": origin}).status_code


def test_reset_begins_anew(asked: Asked) -> None:
    """After a reset there are no jobs and no requests, and the same ids and times come again."""

    def life() -> list[Any]:
        job = asked.api("POST", "/jobs", json=SLEEPER).headers["location"].removeprefix("/v1")
        asked.mock.advance(200)
        return [asked.api("GET", job).json(), asked.api("GET", "/jobs").json()]

    first = life()
    assert "2026-01-01T00:00:00.000000Z" == asked.control("POST", "/reset").json()["now"]
    assert [] == asked.api("GET", "/jobs").json()["jobs"]
    assert 1 == len(asked.mock.sent)
    asked.control("POST", "/reset")
    assert first == life()


def test_what_was_sent_can_be_looked_at(asked: Asked) -> None:
    """Each request to the API is kept as it came, without its token; those to `/mock` are not."""
    asked.api("GET", "/jobs?label=a%3Db", headers={"Authorization": "Bearer very-secret", "X-Mine": "größe"})
    asked.api("POST", "/jobs", data=b"\xff{", headers=JSON)
    asked.api("POST", "/jobs", data=iter([b"[1,", b"2]" + b" " * 100_000]), headers=JSON)
    first, second, third = asked.control("GET", "/requests").json()["requests"]
    assert (1, "GET", "/v1/jobs", "label=a%3Db", 200) == tuple(
        first[name] for name in ("number", "method", "path", "query", "status")
    )
    assert ["authorization", "Bearer (not kept)"] in first["headers"]
    assert "very-secret" not in str(first)
    assert ("/3s=", 2, 400) == (second["body_base64"], second["body_bytes"], second["status"])
    assert (65536, 100_005, 422) == (len(third["body"]), third["body_bytes"], third["status"])
    assert [third] == asked.control("GET", "/requests?after=2").json()["requests"]
    assert [first] == asked.control("GET", "/requests?limit=1").json()["requests"]
    assert "Bearer (not kept)" == asked.mock.sent[0].header("Authorization")
    for query in ("after=-1", "after=x", "limit=%C2%B2", "before=1"):
        assert 400 == asked.control("GET", f"/requests?{query}").status_code


def test_the_scenarios_are_named(asked: Asked) -> None:
    """A client can show which scenarios there are to choose from."""
    told = asked.control("GET", "/scenarios").json()["scenarios"]
    assert list(catalogue()) == [entry["name"] for entry in told]
    assert {"succeeds": True} == {entry["name"]: entry["by_label"] for entry in told[:1]}
