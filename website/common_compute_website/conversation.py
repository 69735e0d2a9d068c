"""The conversations that the reference shows: every operation, and the problems that a client can meet.

They are held with mocks whose clocks are held: one open to everybody, one with tokens, and one in trouble.
The same requests have the same answers in every build.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from common_compute_cli.demo.servers import Servers
from common_compute_website.exchanges import Exchange, Talk

IMAGE = {"kind": "container", "image": "debian:12-slim"}
HELLO = {
    "name": "Hello",
    "facility_id": "rosetta",
    "software": IMAGE,
    "command": ["/bin/sh", "-c", "echo Hello; echo counted >&2; printf 42 > answer.txt"],
    "outputs": [{"path": "answer.txt"}],
    "labels": {"campaign": "2026"},
}
ARRAY = {
    "name": "Three pools",
    "facility_id": "dirac",
    "software": {"kind": "installed", "name": "ctapipe"},
    "command": ["/bin/sh", "-c", "echo $POOL > $POOL.txt"],
    "array": {"parameters": [{"POOL": "north"}, {"POOL": "south"}, {"POOL": "west"}]},
    "outputs": [{"path": "{{POOL}}.txt"}],
}


def held(room: Path) -> list[Exchange]:
    """Hold the conversations with mocks that are started for it, and give all that was said."""
    with Servers(room, room) as servers:
        common = ("mock", "--clock", "held", "--request-seconds", "0.01", "--port", "0")
        opened, guarded, busy = servers.start(
            {
                "open": common,
                "guarded": (*common, "--flavour", "rosetta", "--bearer"),
                "busy": (
                    *common,
                    "--flavour",
                    "rosetta",
                    *("--scenario", "rate_limited"),
                    *("--scenario", "service_unavailable"),
                    *("--scenario", "facility_down"),
                ),
            }
        )
        with _talk(opened.url) as first, _talk(guarded.url) as second, _talk(busy.url) as third:
            _service(first)
            _refusals(first)
            _life(first)
            _array(first)
            _end_by_hand(first)
            _access(second)
            _trouble(third)
            return [*first.kept, *second.kept, *third.kept]


@contextmanager
def _talk(url: str) -> Iterator[Talk]:
    with httpx.Client(base_url=url.removesuffix("/v1"), trust_env=False, timeout=60) as http:
        yield Talk(http)


def _pass(talk: Talk, seconds: float) -> None:
    talk.quietly("POST", "/mock/clock", json={"advance_seconds": seconds})


def _service(talk: Talk) -> None:
    talk.ask("Who is there", "GET /service-info", 200)
    talk.ask("Is it well", "GET /health", 200)
    talk.ask("What there is", "GET /facilities", 200)
    talk.ask("One that runs containers", "GET /facilities/rosetta", 200)
    talk.ask("One that runs installed software", "GET /facilities/dirac", 200)
    talk.ask("One that is not there", "GET /facilities/nowhere", "not-found")
    talk.ask("The catalogue, page by page", "GET /facilities/dirac/software?page_size=2", 200)
    talk.ask("One name", "GET /facilities/dirac/software?name=ctapipe", 200)
    talk.ask(
        "A client that wants no JSON", "GET /service-info", "not-acceptable", headers={"Accept": "text/html"}
    )
    talk.ask("A method that is not there", "PUT /jobs", "method-not-allowed")


def _refusals(talk: Talk) -> None:
    talk.ask("A job that would be taken", "POST /jobs/validate", 200, body=HELLO)
    wrong = {
        **HELLO,
        "colour": "red",
        "command": [],
        "inputs": [{"path": "../up", "source": {"kind": "inline", "content_base64": "eA=="}}],
    }
    talk.ask("All faults at once", "POST /jobs/validate", 200, body=wrong)
    talk.ask("The same as a submission", "POST /jobs", "invalid-request", body=wrong)
    talk.ask("Half a body", "POST /jobs", "malformed-request", raw=b'{"facility_id": "rose')
    talk.ask(
        "A body that says it is a form",
        "POST /jobs",
        "unsupported-media-type",
        raw=b"facility_id=rosetta",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    large = talk.http.get("/v1/service-info").json()["limits"]["max_request_bytes"] + 1
    answer = Talk(talk.http)
    answer.ask("A body that is too large", "POST /jobs", "payload-too-large", raw=b" " * large)
    shown = answer.kept[0]
    talk.kept.append(Exchange(**{**vars(shown), "body": f"({large} bytes)"}))
    nowhere = {**HELLO, "facility_id": "nowhere"}
    talk.ask("A facility that is not there", "POST /jobs", "unknown-facility", body=nowhere)
    of_old = {"kind": "installed", "name": "ctapipe", "version": "0.1"}
    talk.ask(
        "Software that is not there", "POST /jobs", "unknown-software", body={**ARRAY, "software": of_old}
    )
    talk.ask(
        "A container where none can run",
        "POST /jobs",
        "unsupported-capability",
        body={**HELLO, "facility_id": "dirac"},
    )
    many = {**HELLO, "facility_id": "rosetta", "array": {"count": 100_000}, "outputs": []}
    talk.ask("More tasks than the facility takes", "POST /jobs", "limit-exceeded", body=many)


def _life(talk: Talk) -> None:
    key = {"Idempotency-Key": "hello-of-2026-11-26"}
    job = talk.ask("A first job", "POST /jobs", 201, body=HELLO, headers=key)["id"]
    talk.ask("The same again: a replay", "POST /jobs", 200, body=HELLO, headers=key)
    other = {**HELLO, "name": "Something else"}
    talk.ask("The same key for another body", "POST /jobs", "idempotency-key-reused", body=other, headers=key)
    talk.ask("Right after", f"GET /jobs/{job}", 200)
    talk.ask("Results before the end", f"GET /jobs/{job}/results", "results-not-ready")
    talk.ask("Done, too early", f"DELETE /jobs/{job}", "job-not-terminal")
    talk.ask("Waiting for a change", f"GET /jobs/{job}?wait_seconds=30", 200)
    _pass(talk, 30)
    talk.ask("At its end", f"GET /jobs/{job}", 200)
    etag = talk.kept[-1].answered["ETag"]
    talk.ask("Nothing new", f"GET /jobs/{job}", 304, headers={"If-None-Match": etag})
    talk.ask("One label, one state", "GET /jobs?label=campaign=2026&state=succeeded", 200)
    talk.ask("A state that is none", "GET /jobs?state=done", "invalid-request")
    (result,) = talk.ask("What it produced", f"GET /jobs/{job}/results", 200)["results"]
    talk.ask("The bytes", f"GET /jobs/{job}/results/{result['id']}", 200)
    talk.ask("The last byte", f"GET /jobs/{job}/results/{result['id']}", 206, headers={"Range": "bytes=1-"})
    talk.ask(
        "Beyond the end",
        f"GET /jobs/{job}/results/{result['id']}",
        "range-not-satisfiable",
        headers={"Range": "bytes=99-"},
    )
    talk.ask("What it printed", f"GET /jobs/{job}/logs/stdout", 200)
    talk.ask("Its other stream", f"GET /jobs/{job}/logs/stderr", 200)
    talk.ask("Done", f"DELETE /jobs/{job}", 204)
    talk.ask("Gone", f"GET /jobs/{job}", "not-found")
    talk.ask("The key of a released job", "POST /jobs", "job-released", body=HELLO, headers=key)
    kept = talk.http.post("/v1/jobs", json=HELLO).json()["id"]
    _pass(talk, 30)
    _pass(talk, 8 * 86_400)
    talk.ask("Results that have expired", f"GET /jobs/{kept}/results", "result-expired")
    talk.http.delete(f"/v1/jobs/{kept}")


def _array(talk: Talk) -> None:
    job = talk.ask("Three tasks in one submission", "POST /jobs", 201, body=ARRAY)["id"]
    _pass(talk, 60)
    talk.ask("An array at its end", f"GET /jobs/{job}", 200)
    talk.ask("The tasks, one by one", f"GET /jobs/{job}/tasks", 200)
    talk.ask("The results of one task", f"GET /jobs/{job}/results?task_index=1", 200)
    talk.ask("The log of one task", f"GET /jobs/{job}/logs/stdout?task_index=1", 200)
    talk.http.delete(f"/v1/jobs/{job}")
    lost = {**HELLO, "name": "A log that is lost", "labels": {"mock.scenario": "logs_lost"}}
    job = talk.http.post("/v1/jobs", json=lost).json()["id"]
    _pass(talk, 60)
    talk.ask("A log that the facility lost", f"GET /jobs/{job}/logs/stdout", "log-unavailable")
    talk.http.delete(f"/v1/jobs/{job}")


def _end_by_hand(talk: Talk) -> None:
    sleeper = {**HELLO, "command": ["sleep", "600"], "outputs": []}
    job = talk.http.post("/v1/jobs", json=sleeper).json()["id"]
    _pass(talk, 5)
    talk.ask("Stop it", f"POST /jobs/{job}/cancel", 202)
    _pass(talk, 60)
    talk.ask("Stop it again", f"POST /jobs/{job}/cancel", 200)


def _access(talk: Talk) -> None:
    anna, bert = (
        {"Authorization": "Bearer mock-token-of-anna"},
        {"Authorization": "Bearer mock-token-of-bert"},
    )
    place = "/facilities/rosetta/credential"
    talk.ask("No token", "GET /jobs", "unauthenticated")
    talk.ask("Nothing set up", f"GET {place}", 200, headers=anna)
    talk.ask("A job too early", "POST /jobs", "credential-required", body=HELLO, headers=anna)
    talk.ask("A key pair is made", f"PUT {place}", 201, body={"account": "anna"}, headers=anna)
    talk.ask("The line is not there yet", f"GET {place}", 200, headers=anna)
    _pass(talk, 5)
    talk.ask("The line is there", f"GET {place}", 200, headers=anna)
    job = talk.http.post("/v1/jobs", json=HELLO, headers=anna).json()["id"]
    talk.ask("Removed while a job lives", f"DELETE {place}", "credential-in-use", headers=anna)
    talk.ask("Another caller's job", f"GET /jobs/{job}", "not-found", headers=bert)
    _pass(talk, 60)
    talk.ask("Removed", f"DELETE {place}", 204, headers=anna)


def _trouble(talk: Talk) -> None:
    long = {**HELLO, "labels": {"mock.scenario": "long_run"}}
    job = talk.http.post("/v1/jobs", json=long).json()["id"]
    _pass(talk, 15)
    talk.ask("A log of a facility that is away", f"GET /jobs/{job}/logs/stdout", "facility-unavailable")
    talk.ask("Is it well, when it is not", "GET /health", 503)
    talk.ask("A submission while the store is away", "POST /jobs", "service-unavailable", body=HELLO)
    while talk.http.get("/v1/facilities").status_code != httpx.codes.TOO_MANY_REQUESTS:
        pass
    talk.ask("Too often", "GET /facilities", "rate-limited")
