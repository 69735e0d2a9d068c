"""What a report tells to paste into a shell shows the fault."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from common_compute_conformance.client import Client
from common_compute_conformance.contract import load_contract
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.journal import Journal, Redaction
from common_compute_conformance.ledger import Ledger
from common_compute_conformance.pace import Pace
from common_compute_conformance.reporting.publication import write
from common_compute_conformance.reproducing.reproduction import reproduction
from common_compute_conformance.runner import certify
from common_compute_mutants import houses
from common_compute_mutants.exchange import Answer, Forward, Request, Twist, json_answer
from common_compute_mutants.registry import Mutant, load_mutants

pytestmark = pytest.mark.real

TERMINAL = ("succeeded", "failed", "cancelled")
CONTAINER = {"kind": "container", "image": "debian:12-slim"}
HOSTILE = 'it\'s "$HOME" `id` $(id) \\n !x {{NAME}} größe \x7f\x01 %s; END\nEND\nrm -rf x &'


class Visit:
    """A visit to a server as a check makes it, which leaves nothing there."""

    def __init__(self, house: houses.House) -> None:
        self.journal = Journal()
        self.ledger = Ledger()
        self.pace = Pace(patience=60)
        self.client = Client(house.url, house.token, load_contract(), self.journal, self.ledger, self.pace)
        self.other = self.client.as_caller(house.other_token)
        self.redaction = Redaction(tuple(each for each in (house.token, house.other_token) if each))
        self.mark = 0

    def job(self, **members: Any) -> str:
        """Submit a job; return its id."""
        body = {
            "facility_id": "rosetta",
            "software": CONTAINER,
            "command": ["printf", "%s", "x"],
            **members,
        }
        return str(self.client.call("submit_job", body=body).expect(201).document()["id"])

    def until(self, job_id: str, *states: str) -> None:
        """Look at the job until it is in one of these states."""
        for _ in self.pace.polls(60):
            if self.client.call("get_job", job_id=job_id).document()["state"] in states:
                return
        raise AssertionError(f"{job_id} was never {states}")

    def result(self, job_id: str, path: str) -> Exchange:
        """Get the bytes of the result of this path."""
        listed = self.client.call("list_results", job_id=job_id).expect(200).document()["results"]
        result_id = next(each["id"] for each in listed if each["path"] == path)
        return self.client.call("get_result", job_id=job_id, result_id=result_id)

    def check_begins(self) -> None:
        """Let what follows be the conversation of the check."""
        self.mark = len(self.journal.exchanges)

    def script(self, **words: str) -> str:
        """Release everything, and return what reproduces the last exchange of the check."""
        conversation = list(self.journal.exchanges[self.mark :])
        exchanges = list(self.journal.exchanges)
        self.ledger.clean_up(self.pace)
        return reproduction(conversation, exchanges, self.client.url, redaction=self.redaction, **words)


@contextmanager
def visiting(twist: Twist | None = None, house: str = "rosetta") -> Iterator[Visit]:
    """Visit a server with this twist."""
    mutant = Mutant("wrong", "CC-JOB-001", "It is wrong.", house, twist=twist) if twist else None
    with houses.running(house, mutant) as running:
        visit = Visit(running)
        try:
            yield visit
        finally:
            visit.ledger.clean_up(visit.pace)
            visit.client.close()


def paste(script: str, shell: str = "sh", **environment: str) -> str:
    """Run a text as a shell does, in a folder of its own; return what it printed."""
    done = subprocess.run(
        [shell],
        input=script,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": os.environ["PATH"], **environment},
    )
    assert "" == done.stderr, script
    return done.stdout


def status_of(output: str) -> int:
    """Return the status of the last answer that curl printed."""
    return int(re.findall(r"^HTTP/1\.1 (\d{3})", output, re.MULTILINE)[-1])


async def accept_an_empty_command(request: Request, forward: Forward) -> Answer:
    """Take a job without a command for one that prints."""
    body = request.json()
    if request.is_call("POST", "jobs") and body.get("command") == []:
        return await forward(request.edited(lambda each: each.update(command=["printf", "x"])))
    return await forward(request)


def test_a_wrong_status() -> None:
    """A refusal that does not come is seen in the status of the one request."""
    with visiting(accept_an_empty_command) as visit:
        visit.check_begins()
        body = {"facility_id": "rosetta", "software": CONTAINER, "command": []}
        visit.client.call("submit_job", body=body)
        script = visit.script(expected="status 422", actual="status 201")
        assert "# Expected: status 422\n# Came: status 201\n" in script
        assert 201 == status_of(paste(script))


async def spoil_results(request: Request, forward: Forward) -> Answer:
    """Give results with their first byte lost."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*", "results", "*"):
        return replace(answer, body=answer.body[1:])
    return answer


def test_wrong_bytes_of_a_result() -> None:
    """The bytes of a result are those of the same job, submitted again and waited for."""
    with visiting(spoil_results) as visit:
        job_id = visit.job(
            command=["/bin/sh", "-c", "printf 'one\\n' > a.txt; printf 'the other\\n' > b.txt"],
            outputs=[{"path": "*.txt"}],
        )
        visit.until(job_id, "succeeded")
        visit.check_begins()
        visit.result(job_id, "b.txt")
        output = paste(visit.script())
        assert output.endswith("\n\nhe other\n")


def test_bytes_that_a_terminal_hides() -> None:
    """Bytes that a terminal would not show, or would obey, are shown by their octal numbers."""
    with visiting(spoil_results) as visit:
        job_id = visit.job(
            command=["/bin/sh", "-c", "printf 'a\\000\\033[31mb\\n' > a.bin"], outputs=[{"path": "a.bin"}]
        )
        visit.until(job_id, "succeeded")
        visit.check_begins()
        visit.result(job_id, "a.bin")
        assert "\\000\\033[31mb$\n" in paste(visit.script())


async def ignore_the_key(request: Request, forward: Forward) -> Answer:
    """Make a second job of a submission that is repeated."""
    return await forward(request.without_header("idempotency-key"))


def _under(key: str) -> Callable[[Visit], None]:
    def submit_twice(visit: Visit) -> None:
        body = {"facility_id": "rosetta", "software": CONTAINER, "command": ["printf", "%s", HOSTILE]}
        for _ in range(2):
            visit.client.call("submit_job", body=body, headers={"Idempotency-Key": key})

    return submit_twice


def test_a_replay_that_makes_a_second_job() -> None:
    """A submission under a key is sent twice, under another key than that which the server knows already."""
    with visiting(ignore_the_key) as visit:
        visit.check_begins()
        _under("key-17")(visit)
        script = visit.script()
        assert "key-17" not in script
        assert 201 == status_of(paste(script))
    with visiting() as visit:
        visit.check_begins()
        _under("key-17")(visit)
        assert 200 == status_of(paste(visit.script()))


def test_a_crowd_under_one_key() -> None:
    """Submissions that were sent at once are sent at once, and the status of each is shown."""
    with visiting(ignore_the_key) as visit:
        visit.check_begins()
        for _ in range(2):
            _under("key-18")(visit)
        assert ["201"] * 4 == paste(visit.script()).split()
    with visiting() as visit:
        visit.check_begins()
        for _ in range(2):
            _under("key-18")(visit)
        assert ["200"] * 3 + ["201"] == sorted(paste(visit.script()).split())


async def ignore_the_state(request: Request, forward: Forward) -> Answer:
    """List jobs in any state, whichever was asked for."""
    return await forward(request.without_parameter("state"))


def test_a_filter_that_is_ignored() -> None:
    """A list shows again the jobs that it should not have shown, in the states in which it showed them."""
    with visiting(ignore_the_state) as visit:
        labels = {"shelf": "a & b"}
        good, bad = visit.job(labels=labels), visit.job(labels=labels, command=["/bin/sh", "-c", "exit 3"])
        unrelated = visit.job()
        for job_id in (good, bad, unrelated):
            visit.until(job_id, *TERMINAL)
        visit.check_begins()
        query = [("label", "shelf=a & b"), ("state", "failed")]
        assert 2 == len(visit.client.call("list_jobs", query=query).document()["jobs"])
        script = visit.script()
        assert 2 == script.count("JOB=$(") + script.count("JOB_2=$(")
        output = paste(script)
        listed = json.loads(output.partition("\n\n")[2] or output.partition("\r\n\r\n")[2])["jobs"]
        assert ["failed", "succeeded"] == [job["state"] for job in listed]


async def lose_a_page(request: Request, forward: Forward) -> Answer:
    """Give an empty page for every page token."""
    answer = await forward(request)
    if request.is_call("GET", "jobs") and request.parameter("page_token"):
        return answer.edited(lambda page: page.update(jobs=[]))
    return answer


def test_a_page_that_is_lost() -> None:
    """A page is asked for with the token of the page before it, as the server gives it now."""
    with visiting(lose_a_page) as visit:
        for _ in range(3):
            visit.job(labels={"shelf": "two"})
        visit.check_begins()
        query = [("label", "shelf=two"), ("page_size", "1")]
        token = visit.client.call("list_jobs", query=query).document()["next_page_token"]
        visit.client.call("list_jobs", query=[*query, ("page_token", token)])
        script = visit.script()
        assert token not in script
        output = paste(script)
        assert (200, True) == (status_of(output), '"jobs": []' in output or '"jobs":[]' in output)


async def forget_who_cancelled(request: Request, forward: Forward) -> Answer:
    """Show no cancel_requested_at of a cancelled job."""
    answer = await forward(request)
    if request.is_call("GET", "jobs", "*"):
        return answer.edited(lambda job: job.pop("cancel_requested_at", None))
    return answer


def test_a_cancelled_job() -> None:
    """What another check did to the job, such as cancelling it while it ran, is done to the new job as well."""
    with visiting(forget_who_cancelled) as visit:
        job_id = visit.job(command=["sleep", "300"])
        visit.until(job_id, "running")
        visit.client.call("cancel_job", job_id=job_id).expect(202)
        visit.until(job_id, "cancelled")
        visit.check_begins()
        assert "cancel_requested_at" not in visit.client.call("get_job", job_id=job_id).document()
        output = paste(visit.script())
        assert "cancelled-by-user" in output
        assert "cancel_requested_at" not in output


async def keep_what_is_released(request: Request, forward: Forward) -> Answer:
    """Answer 204 to a release, and release nothing."""
    if request.is_call("DELETE", "jobs", "*"):
        answer = await forward(replace(request, method="GET"))
        return Answer(204, tuple(each for each in answer.headers if each[0] == "x-request-id"), b"")
    return await forward(request)


def test_a_released_job_that_is_still_there() -> None:
    """A job is brought to its end and released before it is looked at."""
    with visiting(keep_what_is_released) as visit:
        job_id = visit.job()
        visit.until(job_id, *TERMINAL)
        visit.check_begins()
        visit.client.call("release_job", job_id=job_id).expect(204)
        visit.client.call("get_job", job_id=job_id).expect(200)
        assert 200 == status_of(paste(visit.script()))
    with visiting() as visit:
        job_id = visit.job()
        visit.until(job_id, *TERMINAL)
        visit.check_begins()
        visit.client.call("release_job", job_id=job_id).expect(204)
        visit.client.call("get_job", job_id=job_id).expect(404)
        assert 404 == status_of(paste(visit.script()))


async def never_304(request: Request, forward: Forward) -> Answer:
    """Send the job whatever the client has of it already."""
    return await forward(request.without_header("if-none-match"))


def test_an_etag() -> None:
    """A condition holds the ETag of the new job, not that of the old one."""
    with visiting(never_304) as visit:
        job_id = visit.job()
        visit.until(job_id, *TERMINAL)
        visit.check_begins()
        etag = visit.client.call("get_job", job_id=job_id).headers["etag"]
        visit.client.call("get_job", job_id=job_id, headers={"If-None-Match": etag}).expect(200)
        assert 200 == status_of(paste(visit.script()))
    with visiting() as visit:
        job_id = visit.job()
        visit.until(job_id, *TERMINAL)
        visit.check_begins()
        etag = visit.client.call("get_job", job_id=job_id).headers["etag"]
        visit.client.call("get_job", job_id=job_id, headers={"If-None-Match": etag}).expect(304)
        assert 304 == status_of(paste(visit.script()))


def test_a_time_out_of_a_job() -> None:
    """A time that was taken out of a job is taken out of the new job."""
    with visiting() as visit:
        first = visit.job(labels={"shelf": "three"})
        visit.job(labels={"shelf": "three"})
        visit.check_begins()
        moment = visit.client.call("get_job", job_id=first).document()["created_at"]
        query = [("label", "shelf=three"), ("created_after", moment)]
        assert 1 == len(visit.client.call("list_jobs", query=query).document()["jobs"])
        assert 1 == paste(visit.script()).count('"owner"')


def test_tokens_are_variables() -> None:
    """A text holds no token: the callers' stand in it as $TOKEN and $OTHER_TOKEN, and are asked for."""
    with visiting(house="guarded") as visit:
        job_id = visit.job()
        visit.check_begins()
        visit.other.call("get_job", job_id=job_id)
        script = visit.script()
        assert (False, False) == (houses.ANNA in script, houses.BERT in script)
        assert 404 == status_of(paste(script, TOKEN=houses.ANNA, OTHER_TOKEN=houses.BERT))
        unset = subprocess.run(["sh"], input=script, capture_output=True, text=True, env=dict(os.environ))
        assert (True, "") == ("Set TOKEN to" in unset.stderr, unset.stdout)


async def echo(request: Request, forward: Forward) -> Answer:
    """Answer with what came."""
    told = [
        pair for pair in request.headers if pair[0] not in ("user-agent", "accept-encoding", "connection")
    ]
    body = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": sorted(told),
        "body": request.body.decode("latin-1"),
    }
    return json_answer(200, body)


_BODIES = {
    "hostile JSON": json.dumps({"command": [HOSTILE]}, ensure_ascii=False).encode(),
    "printable JSON": json.dumps({"a": "it's !x $HOME `id` \\ END\nEND größe"}, ensure_ascii=False).encode(),
    "all bytes": bytes(range(256)),
    "a long run": b'{"x": "' + b"&" * 70_000 + b"\\" * 5000 + b" " * 5000 + b"[" * 999 + b"%d'",
    "runs side by side": b"ab" + b"x" * 255 + b"y" * 256 + b"x" * 300 + b"\n" * 300 + b"'" * 256,
    "cut short": b'{"x": ',
    "a byte order mark": b"\xef\xbb\xbf{}",
}


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("body", _BODIES.values(), ids=_BODIES)
def test_bodies_arrive_as_they_were_sent(body: bytes, shell: str) -> None:
    """A body arrives byte for byte, a JSON text with a line feed at most behind it, and nothing is executed."""
    with visiting(echo) as visit:
        visit.check_begins()
        sent = visit.client.send("PUT", "/x", content=body, headers={"Content-Type": "a/b"}).document()
        came = json.loads(re.split(r"\r?\n\r?\n", paste(visit.script(), shell), maxsplit=1)[1])
        assert sent["body"] == came["body"].removesuffix("\n")


def test_a_large_body_is_cut_where_its_texts_are_long() -> None:
    """Of a body that is too large to be pasted the long texts are cut; one that cannot be cut is asked for."""
    letters = [chr(97 + place * place % 23) for place in range(90_000)]
    with visiting(echo) as visit:
        visit.check_begins()
        body = json.dumps({"a": "".join(letters), "b": [{"c": "größe"}]}, ensure_ascii=False).encode()
        visit.client.send("PUT", "/x", content=body, headers={"Content-Type": "a/b"})
        script = visit.script()
        assert (
            f"# The body of this request had {len(body)} bytes: its texts are cut after 20000 characters here.\n"
            in script
        )
        came = json.loads(re.split(r"\r?\n\r?\n", paste(script), maxsplit=1)[1])
        sent = json.loads(came["body"].encode("latin-1"))
        assert {"a": "".join(letters[:20_000]), "b": [{"c": "größe"}]} == sent
        visit.check_begins()
        visit.client.send("PUT", "/x", content="".join(letters).encode(), headers={"Content-Type": "a/b"})
        assert "put it into\n# the file body_1.bin.\n" in visit.script()


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/a%20b/c'd/%22/!x/$HOME/`id`/[a]{b}", {}),
        ("GET", "/x?a=%C3%B6&a=$(id)&b=[1]&c", {}),
        ("DELETE", "/x", {"X-Odd": HOSTILE.replace("\n", " ").replace("\x01", "\t").replace("\x7f", "")}),
        ("POST", "/x", {"Idempotency-Key": ""}),
        ("OPTIONS", "/x", {"Origin": "https://example.org", "Accept": "text/html"}),
    ],
)
def test_requests_arrive_as_they_were_sent(method: str, path: str, headers: dict[str, str]) -> None:
    """Method, path, query and headers arrive as they were sent."""
    with visiting(echo) as visit:
        visit.check_begins()
        sent = visit.client.send(method, path, headers=headers).document()
        came = json.loads(re.split(r"\r?\n\r?\n", paste(visit.script()), maxsplit=1)[1])
        empty = [["content-length", "0"]]
        assert [each for each in sent["headers"] if each not in empty] == [
            each for each in came["headers"] if each not in empty
        ]
        assert [sent[name] for name in ("method", "path", "query")] == [
            came[name] for name in ("method", "path", "query")
        ]


def test_dots_in_a_path_stay() -> None:
    """A path that goes up is sent as it is recorded: curl would tidy it up."""
    with visiting(echo) as visit:
        visit.check_begins()
        exchange = visit.client.send("GET", "/x")
        dotted = replace(exchange, url=f"{visit.client.url}/jobs/../x/./y")
        script = reproduction([dotted], [], visit.client.url, redaction=visit.redaction)
        assert '"path": "/jobs/../x/./y"' in paste(script)


def test_a_pasted_text_is_not_expanded() -> None:
    """An interactive bash, which looks for `!` in what it reads, sends the same."""
    with visiting(echo) as visit:
        visit.check_begins()
        body = _BODIES["printable JSON"]
        headers = {"Content-Type": "a/b", "X-Odd": 'wow! "!x" !!'}
        sent = visit.client.send("PUT", "/!x", content=body, headers=headers).document()
        done = subprocess.run(
            ["bash", "--norc", "--noprofile", "-i"],
            input="set -o history -o histexpand\n" + visit.script(),
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": os.environ["PATH"], "HISTFILE": "/dev/null", "PS1": ""},
            start_new_session=True,
        )
        came = json.loads(re.search(r"^\{.*\}$", done.stdout, re.MULTILINE)[0])  # type: ignore[index]
        assert (sent["body"], sent["path"]) == (came["body"].removesuffix("\n"), came["path"])
        assert ["x-odd", 'wow! "!x" !!'] in came["headers"]


def test_without_a_conversation() -> None:
    """A check that asked for nothing has nothing to repeat."""
    assert "" == reproduction([], [], "http://localhost/v1", redaction=Redaction())


def test_a_comment_is_one_line() -> None:
    """What a server said cannot end the comment that tells it."""
    with visiting(echo) as visit:
        visit.check_begins()
        visit.client.call("get_health")
        script = visit.script(expected="a\nrm -rf x", actual="\x1b[31m\u202e")
        assert "# Expected: a\\x0arm -rf x\n# Came: \\x1b[31m\\x202e\n" in script


class _Texts(HTMLParser):
    """The blocks of a report that are meant to be pasted into a shell."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._before = ""
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if (self._before, tag) == ("pre", "code"):
            self.texts.append("")
            self._inside = True
        self._before = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[-1] += data


@pytest.mark.parametrize(
    ("name", "shows", "right"),
    [
        ("ignore_the_key", r"^HTTP/1\.1 201 ", r"^HTTP/1\.1 200 "),
        ("split_the_environment_at_commas", r"\\000a\\000", r"a,b=c:d\\000"),
        ("find_ids_in_any_case", r"^HTTP/1\.1 200 ", r"^HTTP/1\.1 404 "),
    ],
)
def test_a_text_out_of_a_report_shows_the_fault(name: str, shows: str, right: str, tmp_path: Path) -> None:
    """The text that stands in a report, pasted into a shell, shows the fault of that server."""
    mutant = load_mutants()[name]
    with houses.running(mutant.house, mutant) as house:
        certificate = certify(house.url, only=[mutant.requirement], patience=60)
        page = write(certificate, tmp_path)[2].read_text(encoding="utf-8")
        (reproduce, *_) = _Texts(page).texts
        told = [
            check["reproduce"]
            for check in certificate.document()["requirements"][0]["checks"]
            if check["outcome"] == "failed"
        ]
        assert reproduce == told[0]
        output = paste(reproduce).replace("\\\n", "")
    assert (True, False) == (
        bool(re.search(shows, output, re.MULTILINE)),
        bool(re.search(right, output, re.MULTILINE)),
    ), output


def test_an_id_in_capitals() -> None:
    """A job's id that was asked for in capitals, or with more behind it, is that of the new job in this way."""
    with visiting() as visit:
        job_id = visit.job()
        visit.check_begins()
        visit.client.send("GET", f"/jobs/{job_id.upper()}").problem(404)
        script = visit.script()
        assert (False, 404) == (job_id.upper() in script.partition("URL=")[2], status_of(paste(script)))
    with visiting() as visit:
        job_id = visit.job()
        visit.check_begins()
        visit.client.send("GET", f"/jobs/{job_id}%0A").problem(404)
        script = visit.script()
        assert '"$URL/jobs/$JOB%0A"' in script
