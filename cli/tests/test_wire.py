"""The wire: which answers are tried again, and what becomes of those that are not what was hoped for."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import httpx
import pytest

from common_compute_cli import pace
from common_compute_cli.client import Client
from common_compute_cli.errors import NothingAnswers, NotThisApi, Refused, WrongUsage
from common_compute_cli.wire import base_url

URL = "http://127.0.0.1:9/v1"
PROBLEM = {
    "type": "urn:common-compute:problem:service-unavailable",
    "title": "The service is unavailable",
    "status": 503,
    "detail": "The service cannot reach its store.",
    "instance": "/v1/jobs",
    "code": "service-unavailable",
    "request_id": "r-1",
    "retryable": True,
}

Answer = httpx.Response | Exception


class Script(httpx.BaseTransport):
    """Give the answers of a list, one after the other, and keep the requests."""

    def __init__(self, *answers: Answer | Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let no time pass in pauses, and tell them."""
    pauses: list[float] = []
    monkeypatch.setattr(pace, "sleep", pauses.append)
    return pauses


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
        ("https://compute.example.org/api/v1/", "https://compute.example.org/api/v1"),
    ],
)
def test_the_path_of_an_address_is_v1_unless_it_has_one(given: str, expected: str) -> None:
    """An address without a path gets the API's, one with a path keeps it."""
    assert expected == base_url(given)


@pytest.mark.parametrize(
    "given", ["", "127.0.0.1:8080", "ftp://host/v1", "http://", "http://host/v1?token=x"]
)
def test_an_address_that_is_none_is_refused(given: str) -> None:
    """What is no http or https URL of a server is wrong usage."""
    with pytest.raises(WrongUsage):
        base_url(given)


def test_an_answer_that_names_its_time_is_asked_for_again_after_it(slept: list[float]) -> None:
    """After a 503 with Retry-After the same request, key and body included, goes out again when it says."""
    script = Script(
        httpx.Response(503, json=PROBLEM, headers={"Retry-After": "3"}), httpx.Response(201, json={"id": "a"})
    )
    with Client(URL, transport=script) as client:
        assert {"id": "a"} == client.submit_job({"name": "x"}, idempotency_key="k")
    assert [3.0] == slept
    first, second = script.requests
    assert (first.content, first.headers["Idempotency-Key"]) == (
        second.content,
        second.headers["Idempotency-Key"],
    )


def test_a_503_without_a_time_is_final(slept: list[float]) -> None:
    """A 503 that does not say when to come back is told at once."""
    script = Script(httpx.Response(503, json=PROBLEM))
    with Client(URL, transport=script) as client, pytest.raises(Refused) as refused:
        client.get_service_info()
    assert ("service-unavailable", []) == (refused.value.code, slept)


def test_a_cut_answer_is_asked_for_again_if_that_is_harmless(slept: list[float]) -> None:
    """A submission with a key is repeated after a cut connection; one without might run twice, and is not."""
    cut = httpx.ReadError("cut")
    script = Script(cut, cut, httpx.Response(201, json={"id": "a"}))
    with Client(URL, transport=script) as client:
        assert {"id": "a"} == client.submit_job({}, idempotency_key="k")
        assert 3 == len(script.requests)
        script.answers = [cut, httpx.Response(201, json={"id": "b"})]
        with pytest.raises(NothingAnswers):
            client.submit_job({})
    assert 4 == len(script.requests)
    assert 2 == len(slept)


def test_nobody_asks_for_ever(slept: list[float]) -> None:
    """After five cut connections the client gives up."""
    script = Script(*[httpx.ReadError("cut")] * 9)
    with Client(URL, transport=script) as client, pytest.raises(NothingAnswers):
        client.list_facilities()
    assert 5 == len(script.requests)
    assert 4 == len(slept)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, html="<h1>Not Found</h1>"),
        httpx.Response(404, json={"detail": "Not Found"}),
        httpx.Response(200, text="hello"),
        httpx.Response(200, json=["hello"]),
    ],
)
def test_an_answer_of_some_other_server_is_told_apart(answer: httpx.Response) -> None:
    """Neither a document nor a problem document: this is no server of ours."""
    with Client(URL, transport=Script(answer)) as client, pytest.raises(NotThisApi) as error:
        client.get_service_info()
    assert answer.status_code == error.value.status


def test_every_page_is_fetched_with_the_same_filter() -> None:
    """A list goes on to the last page, and keeps its filters on the way."""
    script = Script(
        httpx.Response(200, json={"jobs": [{"id": "a"}], "next_page_token": "t"}),
        httpx.Response(200, json={"jobs": [], "next_page_token": "u"}),
        httpx.Response(200, json={"jobs": [{"id": "b"}]}),
    )
    with Client(URL, transport=script) as client:
        jobs = [job["id"] for job in client.list_jobs(states=["queued", "running"], labels=["a=b"])]
    assert ["a", "b"] == jobs
    assert [
        [("state", "queued"), ("state", "running"), ("label", "a=b")],
        [("state", "queued"), ("state", "running"), ("label", "a=b"), ("page_token", "t")],
        [("state", "queued"), ("state", "running"), ("label", "a=b"), ("page_token", "u")],
    ] == [request.url.params.multi_items() for request in script.requests]


def test_the_token_goes_into_the_header_alone() -> None:
    """A token is sent as a bearer token, and stands in no URL."""
    script = Script(httpx.Response(200, json={"facilities": []}))
    with Client(URL, "secret", transport=script) as client:
        client.list_facilities()
    (request,) = script.requests
    assert "Bearer secret" == request.headers["Authorization"]
    assert "secret" not in str(request.url)


def test_an_id_cannot_leave_its_segment_of_the_path() -> None:
    """Slashes and dots of an id stay one segment of the URL."""
    script = Script(httpx.Response(200, json={"id": "x"}))
    with Client(URL, transport=script) as client:
        client.get_job("../facilities?x=1#y")
    assert b"/v1/jobs/..%2Ffacilities%3Fx%3D1%23y" == script.requests[0].url.raw_path


def test_bytes_come_as_they_are() -> None:
    """A result that is itself compressed is not unpacked on the way, and no other encoding is asked for."""
    packed = gzip.compress(b"events")
    stream = httpx.ByteStream(packed)
    script = Script(httpx.Response(200, stream=stream, headers={"Content-Encoding": "gzip"}))
    with Client(URL, transport=script) as client, client.get_result("j", "r") as pieces:
        assert packed == b"".join(pieces)
    assert "identity" == script.requests[0].headers["Accept-Encoding"]


def test_a_log_that_is_cut_is_no_log() -> None:
    """A connection that ends amid the bytes is an error, never a shorter log."""

    def cut() -> Iterator[bytes]:
        yield b"half"
        raise httpx.ReadError("cut")

    class Cut(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return cut()

    script = Script(httpx.Response(200, stream=Cut()))
    with (
        Client(URL, transport=script) as client,
        client.get_log("j", "stdout") as pieces,
        pytest.raises(NothingAnswers),
    ):
        b"".join(pieces)
