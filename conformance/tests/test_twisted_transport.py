"""A right server behind a proxy that twists one thing turns the requirement red that this thing breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from common_compute_conformance.outcome import Outcome
from common_compute_conformance.runner import certify

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Request:
    """A request on its way to the server."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def without_query(self, name: str) -> Request:
        return replace(self, query=tuple(each for each in self.query if each[0] != name))

    def without_header(self, name: str) -> Request:
        return replace(self, headers=tuple(each for each in self.headers if each[0].lower() != name))

    @property
    def is_of_one_job(self) -> bool:
        return self.method == "GET" and self.path.startswith("/v1/jobs/") and self.path.count("/") == 3


@dataclass(frozen=True)
class Answer:
    """An answer on its way back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def without_header(self, name: str) -> Answer:
        return replace(self, headers=tuple(each for each in self.headers if each[0].lower() != name))

    def with_header(self, name: str, value: str) -> Answer:
        return replace(self.without_header(name), headers=(*self.without_header(name).headers, (name, value)))

    def edited(self, edit: Callable[[Any], None]) -> Answer:
        document = json.loads(self.body)
        edit(document)
        return replace(self, body=json.dumps(document).encode())


Forward = Callable[[Request], Answer]
Twist = Callable[[Request, Forward], Answer]

TWISTS: dict[str, tuple[str, Twist]] = {}


def twist(requirement: str) -> Callable[[Twist], Twist]:
    """Register a twist with the requirement that it has to turn red."""

    def register(function: Twist) -> Twist:
        TWISTS[function.__name__] = (requirement, function)
        return function

    return register


@twist("CC-JOB-046")
def drop_the_etag(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return answer.without_header("etag") if request.is_of_one_job else answer


@twist("CC-JOB-046")
def never_answer_304(request: Request, forward: Forward) -> Answer:
    return forward(request.without_header("if-none-match"))


@twist("CC-JOB-044")
def ignore_the_label_filter(request: Request, forward: Forward) -> Answer:
    return forward(request.without_query("label"))


@twist("CC-JOB-045")
def ignore_created_after(request: Request, forward: Forward) -> Answer:
    return forward(request.without_query("created_after"))


@twist("CC-SVC-016")
def give_the_first_page_again(request: Request, forward: Forward) -> Answer:
    return forward(request.without_query("page_token"))


@twist("CC-SVC-016")
def lose_an_entry_between_pages(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.path != "/v1/jobs" or request.method != "GET" or answer.status != 200:
        return answer
    if not any(name == "page_token" for name, _ in request.query):
        return answer
    return answer.edited(lambda document: document["jobs"].pop() if document["jobs"] else None)


@twist("CC-RES-002")
def truncate_results(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.path.count("/") == 5 and "/results/" in request.path and answer.status == 200:
        return replace(answer, body=answer.body[:-1])
    return answer


@twist("CC-LOG-001")
def swap_the_streams(request: Request, forward: Forward) -> Answer:
    names = {"stdout": "stderr", "stderr": "stdout"}
    head, _, last = request.path.rpartition("/")
    return forward(replace(request, path=f"{head}/{names[last]}") if last in names else request)


@twist("CC-IDEM-001")
def replay_another_id(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.method == "POST" and request.path == "/v1/jobs" and answer.status == 200:
        return answer.edited(lambda document: document.update(id="another-job"))
    return answer


@twist("CC-IDEM-001")
def ignore_the_key(request: Request, forward: Forward) -> Answer:
    return forward(request.without_header("idempotency-key"))


@twist("CC-JOB-005")
def fill_in_a_default(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.is_of_one_job and answer.status == 200:
        return answer.edited(lambda document: document["spec"].setdefault("outputs", []))
    return answer


@twist("CC-JOB-017")
def lose_the_exit_code(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.is_of_one_job and answer.status == 200:
        return answer.edited(lambda document: document.pop("exit_code", None))
    return answer


@twist("CC-JOB-022")
def forget_the_beginning(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.is_of_one_job and answer.status == 200:
        return answer.edited(lambda document: document["history"][1:] and document["history"].pop(0))
    return answer


@twist("CC-JOB-037")
def cancel_nothing(request: Request, forward: Forward) -> Answer:
    if request.method == "POST" and request.path.endswith("/cancel"):
        job = forward(replace(request, method="GET", path=request.path.removesuffix("/cancel")))
        return replace(job, status=202)
    return forward(request)


@twist("CC-JOB-039")
def release_nothing(request: Request, forward: Forward) -> Answer:
    if request.method == "DELETE":
        answer = forward(replace(request, method="GET"))
        return Answer(204, tuple(each for each in answer.headers if each[0].lower() == "x-request-id"), b"")
    return forward(request)


@twist("CC-JOB-049")
def wait_for_nothing(request: Request, forward: Forward) -> Answer:
    return forward(request.without_query("wait_seconds"))


@twist("CC-RES-001")
def give_results_too_early(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.path.endswith("/results") and answer.status == 409:
        body = json.dumps({"complete": False, "results": []}).encode()
        return replace(answer, status=200, body=body).with_header("content-type", "application/json")
    return answer


@twist("CC-ERR-001")
def answer_in_html(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if answer.status == 404:
        return replace(answer, body=b"<h1>Not Found</h1>").with_header("content-type", "text/html")
    return answer


@twist("CC-ERR-010")
def tell_one_fault_only(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if answer.status == 422:
        return answer.edited(lambda document: document.update(errors=document["errors"][:1]))
    return answer


@twist("CC-SVC-005")
def count_one_request(request: Request, forward: Forward) -> Answer:
    return forward(request).with_header("x-request-id", "request-1")


@twist("CC-SVC-004")
def say_null(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.path == "/v1/service-info":
        return answer.edited(lambda document: document.update(description=None))
    return answer


@twist("CC-JOB-007")
def split_the_environment_at_commas(request: Request, forward: Forward) -> Answer:
    if request.method != "POST" or request.path != "/v1/jobs":
        return forward(request)
    try:
        body = json.loads(request.body)
    except ValueError:
        return forward(request)
    if not isinstance(body, dict) or not isinstance(body.get("environment"), dict):
        return forward(request)
    for name, value in body["environment"].items():
        body["environment"][name] = value.partition(",")[0] if isinstance(value, str) else value
    return forward(replace(request, body=json.dumps(body).encode()))


@contextmanager
def proxy(upstream: str, twisted: Twist) -> Iterator[str]:
    """Run the proxy on a free port; give its base URL."""
    root = upstream.removesuffix("/v1")
    http = httpx.Client(trust_env=False, timeout=120, limits=httpx.Limits(max_connections=None))

    def forward(request: Request) -> Answer:
        target = root + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        response = http.request(
            request.method, target, headers=list(request.headers), content=request.body or None
        )
        headers = tuple((name, value) for name, value in response.headers.multi_items() if name not in _HOP)
        return Answer(response.status_code, headers, response.content)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def serve(self) -> None:
            path, _, query = self.path.partition("?")
            answer = twisted(
                Request(
                    self.command,
                    path,
                    tuple(parse_qsl(query, keep_blank_values=True)),
                    tuple(each for each in self.headers.items() if each[0].lower() not in _HOP),
                    self.rfile.read(int(self.headers.get("Content-Length") or 0)),
                ),
                forward,
            )
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if answer.status not in (204, 304):
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = serve  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        http.close()


_HOP = frozenset({"content-length", "transfer-encoding", "connection", "content-encoding", "accept-encoding"})
REQUIREMENTS = sorted({requirement for requirement, _ in TWISTS.values()})


@pytest.mark.parametrize("name", TWISTS)
def test_a_twist_is_found(mock: str, name: str) -> None:
    """A twist turns the requirement that it breaks red."""
    requirement, twisted = TWISTS[name]
    with proxy(mock, twisted) as url:
        certificate = certify(url, only=[requirement], seed=1, patience=12)
    assert [Outcome.FAILED] == [verdict.outcome for verdict in certificate.verdicts], certificate.verdicts
    assert certificate.exit_code == 1


def test_the_proxy_itself_breaks_nothing(mock: str) -> None:
    """The same requirements pass through the proxy when nothing is twisted."""
    with proxy(mock, lambda request, forward: forward(request)) as url:
        certificate = certify(url, only=REQUIREMENTS, seed=1, patience=12)
    red = {verdict.requirement.id: verdict.message for verdict in certificate.verdicts if not verdict.fine}
    assert {} == red
    assert (certificate.exit_code, certificate.verdict) == (0, "partial-passed")
