"""A conversation with a mock of both flavours, `rosetta` and `dirac`: the same requests in the same order.

It asks every operation, and meets every kind of answer that a healthy service gives. Later requests use what
earlier answers gave, so it is code and not a list; what each answer has to be stands beside its request.

`converse` holds it, and `converse_as_callers` another one where callers are told apart, with any `Party`. Time passes
for the party only when it is told to, or while a request waits; a clock that runs will do as well, if `advance` comes
back no earlier than after that time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from common_compute_connector.contract import problem_kinds

BASE = "/v1"
JSON = ("Content-Type", "application/json")
SOFTWARE = {
    "rosetta": {"kind": "container", "image": "debian:12-slim"},
    "dirac": {"kind": "installed", "name": "ctapipe"},
}
RETENTION_SECONDS = 604_800

Headers = Sequence[tuple[str, str]]
Body = bytes | tuple[bytes, ...] | None
"""Pieces are sent chunked, one by one."""


class Party(Protocol):
    """Whom the conversation is held with."""

    def send(self, method: str, path: str, headers: Headers, body: Body) -> tuple[int, Headers, bytes]:
        """Send a request exactly as it is, and give status, headers and body of its answer."""

    def advance(self, seconds: float) -> None:
        """Let time pass, and with it what happens to jobs."""


class Request(NamedTuple):
    """What was sent."""

    method: str
    path: str
    headers: Headers
    body: Body


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """Give a header's value, empty if it is not there."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def document(self) -> Any:
        """Give the body as the JSON value that it is."""
        return json.loads(self.body)


class Exchange(NamedTuple):
    """A request and its answer."""

    request: Request
    answer: Answer


def converse(party: Party, *, leaps: bool = False) -> list[Exchange]:
    """Talk with a service that is open to everybody, and give everything that was said.

    With `leaps` weeks pass at the end, as only a held clock lets them.
    """
    talk = Talk(party)
    for section in (
        *(_service, _routes, _bodies, _validation, _refusals),
        *(_life, _streams, _arrays, _ends, _scenarios, _lists),
    ):
        section(talk)
    if leaps:
        _expiry(talk)
    return talk.exchanges


def converse_as_callers(party: Party, anna: str, bert: str) -> list[Exchange]:
    """Talk with a service that knows two callers by these tokens, and give everything that was said."""
    talk = Talk(party)
    _strangers(talk)
    talk.token = anna
    _credentials(talk)
    _two_callers(talk, anna, bert)
    return talk.exchanges


@dataclass
class Talk:
    """Short words for asking; every answer is held against what it has to be, and kept."""

    party: Party
    token: str = ""
    exchanges: list[Exchange] = field(default_factory=list)

    def ask(
        self, method: str, path: str, expected: int | str = 200, *, headers: Headers = (), body: Body = None
    ) -> Answer:
        """Send a request to a path below the base; expected is a status, or a problem's code."""
        who = [("Authorization", f"Bearer {self.token}")] if self.token else []
        request = Request(method, BASE + path, (*who, *headers), body)
        answer = Answer(*self.party.send(*request))
        self.exchanges.append(Exchange(request, answer))
        status = problem_kinds()[expected].status if isinstance(expected, str) else expected
        assert status == answer.status, (
            f"{method} {path}: {answer.status} instead of {status}: {answer.body[:2000]!r}"
        )
        if isinstance(expected, str) and method != "HEAD":
            assert expected == answer.document["code"], f"{method} {path}: {answer.body[:2000]!r}"
        return answer

    def get(self, path: str, expected: int | str = 200, **headers: str) -> Answer:
        """Ask for something, with headers whose `-` is written `_`."""
        return self.ask(
            "GET", path, expected, headers=[(name.replace("_", "-"), text) for name, text in headers.items()]
        )

    def head(self, path: str, expected: int | str = 200) -> Answer:
        """Ask for the headers alone."""
        return self.ask("HEAD", path, expected)

    def post(self, path: str, value: Any, expected: int | str = 200, **headers: str) -> Answer:
        """Send a JSON value."""
        sent = [JSON, *((name.replace("_", "-"), text) for name, text in headers.items())]
        return self.ask("POST", path, expected, headers=sent, body=text_of(value))

    def raw(self, path: str, body: Body, expected: int | str = 200, headers: Headers = (JSON,)) -> Answer:
        """Send bytes as they are."""
        return self.ask("POST", path, expected, headers=headers, body=body)

    def submit(self, spec: dict[str, Any], **headers: str) -> str:
        """Submit a job, and give its path."""
        return self.post("/jobs", spec, 201, **headers).header("Location").removeprefix(BASE)

    def put(self, path: str, value: Any, expected: int | str = 200) -> Answer:
        """Put a JSON value there."""
        return self.ask("PUT", path, expected, headers=[JSON], body=text_of(value))

    def delete(self, path: str, expected: int | str = 204) -> Answer:
        """Do away with something."""
        return self.ask("DELETE", path, expected)

    def job(self, path: str, state: str) -> dict[str, Any]:
        """Check a job that has to be in a state."""
        found: dict[str, Any] = self.get(path).document
        assert state == found["state"], found
        return found

    def pages(self, path: str, member: str) -> list[Any]:
        """Follow a list to its end."""
        entries: list[Any] = []
        page = self.get(path).document
        entries += page[member]
        while "next_page_token" in page:
            page = self.get(f"{path}&page_token={quote(page['next_page_token'], safe='')}").document
            entries += page[member]
        return entries


def text_of(value: Any) -> bytes:
    """Write a JSON value as a client would that leaves other letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def spec_of(facility: str, *command: str, **members: Any) -> dict[str, Any]:
    """Write a job specification for one of the two facilities."""
    return {"facility_id": facility, "software": SOFTWARE[facility], "command": list(command), **members}


def shell(facility: str, script: str, **members: Any) -> dict[str, Any]:
    """Write one whose command is a line of shell."""
    return spec_of(facility, "/bin/sh", "-c", script, **members)


def _service(talk: Talk) -> None:
    """Who is there, and what can they do?"""
    talk.get("/service-info")
    talk.head("/service-info")
    talk.get("/health")
    talk.get("/health", Accept="text/html;q=0.9, application/*;q=0.1")
    talk.get("/service-info", "not-acceptable", Accept="text/html")
    talk.get("/service-info", "not-acceptable", Accept="application/json;q=0, */*;q=0.5")
    talk.get("/facilities", X_Request_Id="mine", Authorization="Bearer of-no-use-here")
    for facility in SOFTWARE:
        talk.get(f"/facilities/{facility}")
        talk.get(f"/facilities/{facility}/credential", "not-found")
        talk.ask("PUT", f"/facilities/{facility}/credential", "not-found", headers=[JSON], body=b"{}")
        talk.delete(f"/facilities/{facility}/credential", "not-found")
    talk.head("/facilities/dirac")
    talk.get("/facilities/nowhere", "not-found")
    assert 1 == len(talk.pages("/facilities/rosetta/software", "software"))
    assert 5 == len(talk.pages("/facilities/dirac/software?page_size=2", "software"))
    talk.get("/facilities/dirac/software?name=ctapipe")
    talk.get("/facilities/dirac/software?name=Ctapipe")
    talk.get("/facilities/dirac/software?page_size=0&page_size=1&colour=red", "invalid-request")


def _routes(talk: Talk) -> None:
    """What is there beside the operations?"""
    for path in ("/", "/jobs/", "/nothing", "/jobs/a/b", "//jobs", "/jobs/%2E%2E/health"):
        talk.get(path, "not-found")
    for line in ("POST /facilities", "PATCH /jobs", "GET /jobs/validate", "PUT /jobs/a"):
        method, path = line.split()
        assert talk.ask(method, path, "method-not-allowed").header("Allow")
    talk.head("/jobs/a/cancel", "method-not-allowed")
    talk.ask("OPTIONS", "/jobs", 204)
    asked = [("Origin", "https://example.org"), ("Access-Control-Request-Method", "POST")]
    talk.ask("OPTIONS", "/jobs/a/results/r1", 204, headers=asked)
    talk.ask("OPTIONS", "/nothing", "not-found", headers=asked)
    talk.get("/health", Origin="https://example.org")
    for job_id in ("UPPER", "a%20b", "%C3%A9t%C3%A9", "a" * 33, "0123456789abcdefghijklmn", "%FF"):
        talk.get(f"/jobs/{job_id}", "not-found")
    talk.head("/jobs/none", "not-found")
    talk.ask("POST", "/jobs/none/cancel", "not-found")


def _bodies(talk: Talk) -> None:
    """Which bodies are taken, and which are not, before anybody reads what they say?"""
    text, latin = ("Content-Type", "text/plain"), ("Content-Type", "application/json; charset=latin-1")
    for types in ((), (text,), (latin,), (JSON, ("Content-Encoding", "gzip"))):
        talk.raw("/jobs", b"{}", "unsupported-media-type", types)
    for written in (
        b"",
        b'{"name": ',
        b"\xef\xbb\xbf{}",
        b'{"name": "\xff"}',
        b'"\\ud800"',
        b"[NaN]",
        b"[1e999]",
    ):
        talk.raw("/jobs", written, "malformed-request")
    talk.raw("/jobs/validate", (b"[", b"1,", b"2"), "malformed-request")
    talk.raw("/jobs", (b" " * 2**20,) * 11, "payload-too-large")
    talk.ask("PUT", "/facilities/rosetta/credential", "malformed-request", headers=[JSON], body=b"{")
    odd = [("cOnTeNt-TyPe", 'Application/JSON ; Charset="UTF-8"')]
    talk.raw("/jobs/validate", (text_of(spec_of("rosetta", "true")),), headers=odd)


def _validation(talk: Talk) -> None:
    """What would a submission meet?"""
    wishes = {"gpus": 1, "architecture": "riscv64", "cpu_cores": 0}
    for value, valid in (
        (spec_of("dirac", "true", name="Größe µ 🔭", metadata={"nothing": None, "ß": [1.5, 1e300]}), True),
        (spec_of("rosetta", "true", software=SOFTWARE["dirac"], resources=wishes), False),
        (spec_of("rosetta", "", colour="red", inputs=[{"path": "../up", "source": 7}]), False),
        ({}, False),
        ([None], False),
        (0, False),
    ):
        verdict = talk.post("/jobs/validate", value).document
        assert valid == verdict["valid"], verdict
    long = text_of(spec_of("rosetta", "printf", "x" * 5000))
    pieces = tuple(long[at : at + 1000] for at in range(0, len(long), 1000))
    assert talk.raw("/jobs/validate", pieces).document["valid"]


def _refusals(talk: Talk) -> None:
    """Which submissions are not taken?"""
    several = spec_of(
        "rosetta", environment={"CC_MINE": "", "9": ""}, outputs=[{"path": "/"}], array={}, name=""
    )
    assert len(talk.post("/jobs", several, "invalid-request").document["errors"]) > 4
    talk.post("/jobs", "a job, please", "invalid-request")
    talk.post("/jobs", spec_of("rosetta", "true", name=None), "invalid-request")
    talk.post("/jobs?dry_run=yes", spec_of("rosetta", "true"), "invalid-request")
    talk.post("/jobs", {**spec_of("rosetta", "true"), "facility_id": "nowhere"}, "unknown-facility")
    nothing = {"kind": "installed", "name": "ctapipe", "version": "v9.9"}
    talk.post("/jobs", spec_of("dirac", "true", software=nothing), "unknown-software")
    talk.post("/jobs", spec_of("dirac", "true", software=SOFTWARE["rosetta"]), "unsupported-capability")
    talk.post("/jobs", spec_of("rosetta", "true", resources={"queue": "nowhere"}), "unsupported-capability")
    talk.post("/jobs", spec_of("dirac", "true", array={"count": 1001}), "limit-exceeded")
    talk.post("/jobs", spec_of("rosetta", "true", backend_parameters={"x": 1}), "unsupported-capability")
    for key in ("two words", "k" * 256, ""):
        talk.post("/jobs", spec_of("rosetta", "true"), "invalid-request", Idempotency_Key=key)
    twice = [JSON, ("Idempotency-Key", "once"), ("Idempotency-Key", "twice")]
    talk.raw("/jobs", text_of(spec_of("rosetta", "true")), "invalid-request", twice)


def _life(talk: Talk) -> None:
    """A job from its submission to its release, with all that it leaves."""
    script = "cat in; printf 'one\\377\\000' >data.bin; echo deux >été.txt; printf '' >empty.dat; echo hm >&2"
    spec = shell(
        "rosetta",
        script,
        name="Größe µ 🔭",
        labels={"campaign": "2008", "source": "crab"},
        metadata={"nothing": None, "nested": {"ß": [1.5, True]}},
        inputs=[{"path": "in", "source": {"kind": "inline", "content_base64": "YmVndW4K"}}],
        outputs=[{"path": "*.bin"}, {"path": "*.txt"}, {"path": "*.dat"}],
    )
    job = talk.submit(spec, Idempotency_Key="a-life")
    replay = talk.post("/jobs", dict(reversed(spec.items())), Idempotency_Key="a-life")
    assert "true" == replay.header("Idempotency-Replayed")
    talk.post("/jobs", {**spec, "name": "another"}, "idempotency-key-reused", Idempotency_Key="a-life")
    talk.get(f"{job}?wait_seconds=60")
    talk.party.advance(30)
    assert spec == talk.job(job, "succeeded")["spec"]
    _conditions(talk, job)
    _results(talk, job)
    _log(talk, f"{job}/logs/stdout", b"begun\n")
    talk.get(f"{job}/logs/stderr?task_index=0")
    talk.get(f"{job}/logs/stderr?task_index=1", "not-found")
    talk.get(f"{job}/logs/stderr?task_index=-1", "invalid-request")
    talk.get(f"{job}/logs/stdlog", "not-found")
    talk.get(f"{job}/tasks")
    talk.ask("POST", f"{job}/cancel", headers=[("Content-Type", "text/plain")], body=b"please")
    talk.delete(job)
    talk.get(job, "not-found")
    talk.delete(job, "not-found")
    talk.get(f"{job}/results/r1", "not-found")
    talk.post("/jobs", spec, "job-released", Idempotency_Key="a-life")


def _conditions(talk: Talk, job: str) -> None:
    """Only if it has changed."""
    tag = talk.head(job).header("ETag")
    for known in (tag, "*", f'"other", {tag.removeprefix("W/")}'):
        talk.get(job, 304, If_None_Match=known)
    lines = [("If-None-Match", '"one"'), ("if-none-match", tag)]
    talk.ask("GET", job, 304, headers=lines)
    talk.ask("HEAD", job, 304, headers=[("If-None-Match", tag)])
    talk.get(job, If_None_Match='W/"other"')
    talk.get(f"{job}?wait_seconds=60", 304, If_None_Match=tag)
    for wait in ("0", "soon", "1&wait_seconds=2"):
        talk.get(f"{job}?wait_seconds={wait}", "invalid-request")


def _results(talk: Talk, job: str) -> None:
    """The files, whole and in parts."""
    results = talk.pages(f"{job}/results?page_size=2", "results")
    by_path = {result["path"]: f"{job}/results/{result['id']}" for result in results}
    assert ["data.bin", "empty.dat", "été.txt"] == sorted(by_path)
    assert [] == talk.get(f"{job}/results?task_index=7").document["results"]
    talk.get(f"{job}/results?page_token=of-nobody", "invalid-request")
    talk.get(f"{job}/results/no-such", "not-found")
    talk.get(by_path["été.txt"])
    talk.get(by_path["empty.dat"])
    talk.get(by_path["empty.dat"], Range="bytes=-5")
    data = by_path["data.bin"]
    assert b"one\xff\x00" == talk.get(data, Accept="text/html").body
    tag = talk.head(data).header("ETag")
    _parts(talk, data, b"one\xff\x00")
    talk.get(data, 206, Range="bytes=1-2", If_Range=tag)
    talk.get(data, Range="bytes=1-2", If_Range='"another"')
    talk.get(data, Range="bytes=1-2", If_Range=f"W/{tag}")


def _parts(talk: Talk, path: str, whole: bytes) -> None:
    """Ranges of bytes that are there, that are not, and that are none."""
    wanted = {"bytes=0-2": whole[:3], "bytes=3-": whole[3:], "Bytes=-2": whole[-2:], "bytes=1-99": whole[1:]}
    for text, part in wanted.items():
        assert part == talk.get(path, 206, Range=text).body
    for text in ("bytes=0-0,2-3", "bytes=2-1", "lines=0-1", "bytes"):
        assert whole == talk.get(path, Range=text).body
    for text in (f"bytes={len(whole)}-", "bytes=-0"):
        beyond = talk.get(path, "range-not-satisfiable", Range=text)
        assert f"bytes */{len(whole)}" == beyond.header("Content-Range")


def _log(talk: Talk, path: str, written: bytes) -> None:
    """A log, whole and in parts."""
    assert written == talk.get(path).body
    talk.head(path)
    _parts(talk, path, written)


def _streams(talk: Talk) -> None:
    """Jobs that go on until they are cancelled, and what is to be had of them before."""
    script = "echo begun; sleep 100000"
    live, silent = (talk.submit(shell(facility, script, outputs=[{"path": "*"}])) for facility in SOFTWARE)
    talk.party.advance(30)
    tag = talk.head(live).header("ETag")
    talk.job(live, "running")
    talk.get(f"{live}?wait_seconds=2", 304, If_None_Match=tag)
    talk.get(f"{live}?wait_seconds=1")
    assert b"beg" == talk.get(f"{live}/logs/stdout", 206, Range="bytes=0-2").body
    talk.get(f"{live}/logs/stdout", "range-not-satisfiable", Range="bytes=6-")
    talk.get(f"{silent}/logs/stdout", "results-not-ready")
    for job in (live, silent):
        talk.get(f"{job}/results", "results-not-ready")
        talk.get(f"{job}/results/r1", "results-not-ready")
        talk.delete(job, "job-not-terminal")
        assert "cancel_requested_at" in talk.ask("POST", f"{job}/cancel", 202).document
    talk.party.advance(30)
    for job in (live, silent):
        assert "cancelled-by-user" == talk.job(job, "cancelled")["reason"]["code"]
        talk.get(f"{job}/results")
        talk.get(f"{job}/logs/stdout")
        talk.ask("POST", f"{job}/cancel")


def _arrays(talk: Talk) -> None:
    """Many tasks under one id."""
    script = "echo $CC_TASK_INDEX >n.txt; exit {{CC_TASK_INDEX}}"
    counted = talk.submit(shell("rosetta", script, array={"count": 3}, outputs=[{"path": "*"}]))
    names = [{"SOURCE": "crab"}, {"SOURCE": "größer"}]
    named = talk.submit(spec_of("dirac", "echo", "{{SOURCE}}", array={"parameters": names}))
    talk.party.advance(60)
    assert 2 == talk.job(counted, "failed")["task_counts"]["failed"]
    assert 3 == len(talk.pages(f"{counted}/tasks?page_size=2", "tasks"))
    assert 2 == len(talk.get(f"{counted}/tasks?state=failed&state=running").document["tasks"])
    talk.get(f"{counted}/tasks?state=odd", "invalid-request")
    assert 3 == len(talk.pages(f"{counted}/results?page_size=1", "results"))
    (result,) = talk.get(f"{counted}/results?task_index=1").document["results"]
    assert b"1\n" == talk.get(f"{counted}/results/{result['id']}").body
    talk.job(named, "succeeded")
    talk.get(f"{named}/logs/stdout", "invalid-request")
    assert "größer\n".encode() == talk.get(f"{named}/logs/stdout?task_index=1").body
    talk.get(f"{named}/logs/stdout?task_index=2", "not-found")
    talk.delete(named)


def _ends(talk: Talk) -> None:
    """Jobs that end otherwise, each with its reason."""
    rejected, of_2009 = {"mock.scenario": "submission_rejected"}, {"campaign": "2009"}
    lines: dict[str, Callable[[str], dict[str, Any]]] = {
        "exit-nonzero": lambda at: shell(at, "echo text >f; exit 3", outputs=[{"path": "f"}], labels=of_2009),
        "output-missing": lambda at: shell(at, "true", outputs=[{"path": "*.fits"}]),
        "command-not-found": lambda at: spec_of(at, "/no/such/command"),
        "submission-rejected": lambda at: spec_of(at, "true", labels=rejected),
    }
    jobs = {(code, at): talk.submit(make(at)) for code, make in lines.items() for at in SOFTWARE}
    killed = {at: talk.submit(shell(at, "kill -9 $$")) for at in SOFTWARE}
    late = talk.submit(spec_of("rosetta", "sleep", "1000", resources={"wall_time_seconds": 5}))
    talk.party.advance(60)
    for (code, _), job in jobs.items():
        assert code == talk.job(job, "failed")["reason"]["code"]
    for job in killed.values():
        assert 9 == talk.job(job, "failed")["signal"]
    assert "wall-time-exceeded" == talk.job(late, "failed")["reason"]["code"]
    assert 1 == len(talk.get(f"{jobs['exit-nonzero', 'dirac']}/results").document["results"])
    talk.get(f"{jobs['submission-rejected', 'rosetta']}/logs/stderr")


def _scenarios(talk: Talk) -> None:
    """Jobs that choose what happens to them."""
    members = {"outputs": [{"path": "*.dat"}]}
    jobs = {
        name: talk.submit(shell("dirac", "echo text | tee f.dat", labels={"mock.scenario": name}, **members))
        for name in ("lost_contact", "requeue", "logs_lost", "results_lost")
    }
    talk.party.advance(14)
    assert talk.job(jobs["lost_contact"], "queued")["stale"]
    talk.party.advance(30)
    assert not talk.job(jobs["lost_contact"], "succeeded")["stale"]
    assert 2 == talk.job(jobs["requeue"], "succeeded")["attempt"]
    talk.get(f"{jobs['logs_lost']}/logs/stdout", "log-unavailable")
    assert not talk.get(f"{jobs['results_lost']}/results").document["complete"]


def _lists(talk: Talk) -> None:
    """All the jobs so far, in pages and by what they have in common."""
    jobs = talk.pages("/jobs?page_size=5", "jobs")
    assert [job["id"] for job in jobs] == [job["id"] for job in talk.get("/jobs").document["jobs"]]
    talk.head("/jobs?page_size=1")
    oldest = quote(jobs[-1]["created_at"], safe="")
    for query, holds in _filters(jobs):
        found = [job["id"] for job in talk.get(f"/jobs?{query}").document["jobs"]]
        assert [job["id"] for job in jobs if holds(job)] == found, query
    token = quote(talk.get("/jobs?page_size=2").document["next_page_token"], safe="")
    assert [job["id"] for job in jobs[2:5]] == [
        job["id"] for job in talk.get(f"/jobs?page_token={token}&page_size=3").document["jobs"]
    ]
    for query in (
        f"page_token={token}&state=failed",
        "page_token=of-nobody",
        "page_size=1001&state=odd&label=no-equals-sign&label=%C3%A9%3D1",
        "page_size=1&page_size=2",
        "page_size=%31%30&page_size=ten",
        "created_after=yesterday&updated_after=2026-02-30T00:00:00Z",
        f"created_after={oldest.removesuffix('Z')}",
        "colour=%FF&facility_id=%FF",
    ):
        talk.get(f"/jobs?{query}", "invalid-request")


def _filters(jobs: Sequence[Any]) -> Iterator[tuple[str, Callable[[Any], bool]]]:
    """Name filters of the list of jobs, each with what holds of the jobs that it lets through."""
    middle = jobs[len(jobs) // 2]
    created, updated = middle["created_at"], middle["updated_at"]
    yield "state=failed", lambda job: job["state"] == "failed"
    yield "state=cancelled&state=running", lambda job: job["state"] == "cancelled"
    yield (
        "state=failed&facility_id=dirac",
        lambda job: (job["state"], job["facility_id"]) == ("failed", "dirac"),
    )
    yield "facility_id=nowhere", lambda job: False
    yield "label=campaign%3D2009", lambda job: job.get("labels", {}).get("campaign") == "2009"
    yield "label=campaign%3D2009&label=source=crab", lambda job: False
    yield f"created_after={quote(created, safe='')}", lambda job: job["created_at"] > created
    yield f"updated_after={updated}", lambda job: job["updated_at"] > updated


def _expiry(talk: Talk) -> None:
    """What is left of a job when its results, and then it, have been kept long enough."""
    job = talk.submit(shell("dirac", "echo text >f; echo text", outputs=[{"path": "f"}]))
    talk.party.advance(60)
    (result,) = talk.get(f"{job}/results").document["results"]
    talk.party.advance(RETENTION_SECONDS)
    for path in ("/results", f"/results/{result['id']}", "/logs/stdout"):
        talk.get(job + path, "result-expired")
    talk.job(job, "succeeded")
    talk.party.advance(RETENTION_SECONDS)
    talk.get(job, "not-found")
    assert [] == talk.get("/jobs").document["jobs"]


def _strangers(talk: Talk) -> None:
    """What is there for those whom nobody knows?"""
    talk.get("/service-info")
    talk.get("/health", Authorization="Bearer of-nobody")
    talk.get("/jobs", "unauthenticated")
    talk.get("/facilities/nowhere", "unauthenticated", Authorization="Basic YW5uYTpzZWNyZXQ=")
    talk.head("/jobs/none", "unauthenticated")
    talk.raw("/nothing", b"{", "unauthenticated", [("Authorization", "Bearer of-nobody")])


def _credentials(talk: Talk) -> None:
    """What has to be set up at each facility before the first job, until it is taken away again."""
    for facility, names in {"rosetta": {"account": "anna"}, "dirac": {"group": "cta_user"}}.items():
        credential = f"/facilities/{facility}/credential"
        assert "missing" == talk.get(credential).document["state"]
        talk.delete(credential)
        talk.post("/jobs", spec_of(facility, "true"), "credential-required")
        talk.put(credential, {"private_key": "-----BEGIN", "account": "", "group": 1}, "invalid-request")
        talk.ask("PUT", credential, "unsupported-media-type", body=b"{}")
        talk.put(credential, names, 201)
        talk.post("/jobs", spec_of(facility, "true"), "credential-required")
        talk.put(credential, names)
        talk.party.advance(10)
        assert "valid" == talk.get(credential).document["state"]
        job = talk.submit(spec_of(facility, "true"))
        talk.delete(credential, "credential-in-use")
        talk.party.advance(30)
        talk.job(job, "succeeded")
    talk.delete("/facilities/dirac/credential")
    talk.get("/facilities/nowhere/credential", "not-found")
    talk.put("/facilities/nowhere/credential", {}, "not-found")


def _two_callers(talk: Talk, anna: str, bert: str) -> None:
    """What does one caller see of another's?"""
    job = talk.submit(shell("rosetta", "echo mine", outputs=[{"path": "*"}]), Idempotency_Key="ours")
    talk.party.advance(30)
    token = quote(talk.get("/jobs?page_size=1").document["next_page_token"], safe="")
    talk.token = bert
    for path in ("", "/tasks", "/results", "/results/r1", "/logs/stdout"):
        talk.get(job + path, "not-found")
    talk.ask("POST", f"{job}/cancel", "not-found")
    talk.delete(job, "not-found")
    talk.get(f"/jobs?page_size=1&page_token={token}", "invalid-request")
    assert [] == talk.get("/jobs").document["jobs"]
    talk.post("/jobs", spec_of("rosetta", "true"), "credential-required", Idempotency_Key="ours")
    talk.token = anna
    talk.get(f"/jobs?page_size=1&page_token={token}")
    talk.delete(job)
