"""What the framework gets wrong, or leaves to us, is right at the outside: each defect met has its test."""

from typing import Any

import orjson
import pytest

from common_compute_connector import contract, schemas

JSON = {"content-type": "application/json"}


def _problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert (status, "application/problem+json") == (response.status_code, response.headers["content-type"])
    document: dict[str, Any] = response.json()
    assert [] == schemas.component("Problem").faults(document)
    assert (code, response.headers["x-request-id"]) == (document["code"], document["request_id"])
    return document


@pytest.mark.parametrize("media_type", ["Application/JSON", "APPLICATION/JSON; Charset=UTF-8"])
def test_the_spelling_of_a_media_type_switches_no_check_off(house: Any, media_type: str) -> None:
    """A body is validated however its type is spelt."""
    response = house.ask("POST", "/jobs", content=b"{}", headers={"content-type": media_type})

    assert "invalid-request" == _problem(response, 422, "invalid-request")["code"]


def test_a_body_may_come_in_chunks(house: Any, spec: dict[str, Any]) -> None:
    """A body without a Content-Length is read like any other."""

    async def chunks() -> Any:
        text = orjson.dumps(spec)
        for at in range(0, len(text), 7):
            yield text[at : at + 7]

    response = house.ask("POST", "/jobs", content=chunks(), headers=JSON)

    assert 201 == response.status_code
    assert spec == response.json()["spec"]


@pytest.mark.parametrize(
    "body",
    [b"\xff", b'"\\ud800"', b"[" * 100_000, b"", b"NaN", b'{"a": 1e999}', b"\xef\xbb\xbf{}"],
    ids=range(7),
)
def test_a_body_that_is_no_json_is_400(make_house: Any, body: bytes) -> None:
    """Bytes that break parsers are malformed, never a fault of the service."""
    house = make_house()
    small = body[:4000]

    for path in ("/jobs", "/jobs/validate"):
        _problem(house.ask("POST", path, content=small, headers=JSON), 400, "malformed-request")


def test_nesting_to_32_is_read(house: Any, spec: dict[str, Any]) -> None:
    """Metadata nested 30 deep inside a specification comes back as it was sent."""
    deep: Any = "x"
    for _ in range(30):
        deep = [deep]
    response = house.ask("POST", "/jobs", json={**spec, "metadata": {"deep": deep}})

    assert 201 == response.status_code
    assert {"deep": deep} == response.json()["spec"]["metadata"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PATCH", "/jobs", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/jobs/abc", "DELETE, GET, HEAD, OPTIONS"),
        ("GET", "/jobs/validate", "OPTIONS, POST"),
        ("DELETE", "/jobs/validate", "OPTIONS, POST"),
        ("GET", "/jobs/abc/cancel", "OPTIONS, POST"),
        ("POST", "/facilities/hand/credential", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("PROPFIND", "/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_allow_names_every_method(house: Any, method: str, path: str, allow: str) -> None:
    """A 405 names all methods of the path, not those of the first route."""
    response = house.ask(method, path)

    _problem(response, 405, "method-not-allowed")
    assert allow == response.headers["allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/",
        "/facilities/",
        "/",
        "//v1",
        "//v1/",
        "//v2/jobs",
        "/jobs//",
        "/nothing",
        "/jobs%0A",
        "/health%0A",
        "/JOBS",
    ],
)
def test_another_path_is_not_found(house: Any, path: str) -> None:
    """A trailing slash, a line feed or another case makes another path: 404 and no redirect."""
    _problem(house.ask("GET", path), 404, "not-found")


@pytest.mark.parametrize(
    "query", ["page_size=1_0", "page_size=%EF%BC%91", "page_size=%205", "page_size=5%0A"]
)
def test_numbers_are_written_in_digits(house: Any, query: str) -> None:
    """Python's own idea of a number is not the contract's."""
    document = _problem(house.ask("GET", f"/jobs?{query}"), 422, "invalid-request")

    assert ["page_size"] == [error["parameter"] for error in document["errors"]]


def test_a_pattern_does_not_match_before_a_line_feed(house: Any, spec: dict[str, Any]) -> None:
    """A trailing line feed is part of a value, in bodies and in paths."""
    response = house.ask("POST", "/jobs", json={**spec, "labels": {"a\n": "x"}, "facility_id": "hand\n"})
    document = _problem(response, 422, "invalid-request")

    assert ["/facility_id", "/labels/a\n"] == [error["pointer"] for error in document["errors"]]
    _problem(house.ask("GET", "/facilities/hand%0A"), 404, "not-found")


def test_an_answer_without_a_body_has_no_type(house: Any) -> None:
    """A 204 carries no Content-Type."""
    response = house.ask("DELETE", f"/jobs/{house.ended()}")

    assert (204, b"") == (response.status_code, response.content)
    assert "content-type" not in response.headers


@pytest.mark.parametrize(
    "path", ["/service-info", "/health", "/facilities", "/facilities/hand", "/jobs", "//", "//docs"]
)
def test_head_is_get_without_a_body(house: Any, path: str) -> None:
    """HEAD has the status and the length of GET, and no body."""
    got, head = house.ask("GET", path), house.ask("HEAD", path)

    assert (got.status_code, got.headers["content-length"]) == (
        head.status_code,
        head.headers["content-length"],
    )
    assert b"" == head.content


def test_the_body_of_a_head_is_never_sent(house: Any) -> None:
    """Not even the client's good manners are needed: the bytes do not leave the application."""
    result = house.ended(outputs=[{"path": "*"}])
    listed = house.ask("GET", f"/jobs/{result}/results").json()["results"][0]["id"]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    paths = ["/v1/jobs", "/v1/jobs/nothing", "/docs", f"/v1/jobs/{result}/results/{listed}"]
    for path in paths:
        scope = {
            "type": "http",
            "method": "HEAD",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
        }
        house.run(house.app({**scope, "headers": [], "root_path": "", "scheme": "http"}, receive, send))

    assert [200, 404, 200, 200] == [message["status"] for message in sent if "status" in message]
    assert b"" == b"".join(message.get("body", b"") for message in sent)


def test_a_head_that_fails_has_no_body_either(house: Any) -> None:
    """Errors of HEAD have headers alone."""
    response = house.ask("HEAD", "/jobs/abc")

    assert (404, b"") == (response.status_code, response.content)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_too_large_is_413(house: Any, announced: bool) -> None:
    """The limit holds for a length that is announced and for one that is not."""
    large = b'"' + b"x" * 4096 + b'"'

    async def chunks() -> Any:
        yield large[:2000]
        yield large[2000:]

    response = house.ask("POST", "/jobs", content=large if announced else chunks(), headers=JSON)

    _problem(response, 413, "payload-too-large")


def test_the_largest_body_is_read(house: Any) -> None:
    """A body of exactly the limit is taken."""
    body = b'"' + b"x" * 4094 + b'"'

    _problem(house.ask("POST", "/jobs", content=body, headers=JSON), 422, "invalid-request")


def test_a_body_where_none_belongs_is_ignored(house: Any) -> None:
    """An operation without a body does not look at one, whatever it is."""
    job_id = house.submit()

    for method, path, status in (("GET", f"/jobs/{job_id}", 200), ("POST", f"/jobs/{job_id}/cancel", 202)):
        response = house.ask(method, path, content=b"\xff" * 10_000, headers={"content-type": "x/y"})
        assert status == response.status_code


def test_the_request_id_is_always_our_own(house: Any) -> None:
    """Every answer has another id, of the service's making, whatever was sent as one."""
    paths = ["/health", "/nothing", "/jobs?x=1", "//docs", "//nothing"]
    ids = [house.ask("GET", path, headers={"x-request-id": "mine"}).headers["x-request-id"] for path in paths]

    assert len(paths) == len(set(ids))
    assert "mine" not in ids


def test_an_unexpected_error_tells_nothing(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the service is 500 `internal` without its inner details."""

    def broken(*_: Any) -> None:
        raise RuntimeError("the secret path /etc/x")

    monkeypatch.setattr(type(house.store), "read", broken)
    document = _problem(house.ask("GET", "/jobs"), 500, "internal")

    assert "secret" not in str(document)


def test_an_answer_that_breaks_the_contract_is_500(house: Any, hand: Any) -> None:
    """What does not fit the contract never leaves the service."""
    known = next(iter(house.app.service.facilities))
    known.description = {**known.description, "kind": None}

    _problem(house.ask("GET", "/facilities/hand"), 500, "internal")


def test_every_operation_has_a_handler_of_its_name() -> None:
    """The handlers are the contract's operations, no more and no less, each under its operationId."""
    from common_compute_connector.http.handlers import HANDLERS

    assert set(contract.operations()) == set(HANDLERS)
    assert all(name == handler.answer.__name__ for name, handler in HANDLERS.items())


def test_an_operation_id_given_twice_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two operations of one name never silently share a handler."""
    import copy

    document = copy.deepcopy(contract.document())
    document["paths"]["/health"]["get"]["operationId"] = "get_service_info"
    monkeypatch.setattr(contract, "document", lambda: document)
    contract.operations.cache_clear()

    try:
        with pytest.raises(ValueError, match="twice"):
            contract.operations()
    finally:
        monkeypatch.undo()
        contract.operations.cache_clear()
