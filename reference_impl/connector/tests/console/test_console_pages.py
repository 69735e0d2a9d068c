"""What the console shows, and what its forms do, by way of the API alone."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from common_compute_connector.jobs import State

CASES = Path(__file__).parents[4] / "spec" / "use_cases"


def _links(page: httpx.Response) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page.text)]


def _jobs_on(page: httpx.Response) -> list[str]:
    return re.findall(r'id="to-([0-9a-v]{24})"', page.text)


def _poll(page: httpx.Response, part: str) -> str | None:
    """Give the address that a part of a page asks again and again, if it does."""
    found = re.search(rf'id="{part}"[^>]* hx-get="([^"]+)" hx-trigger="every 2s"', page.text)
    return None if found is None else html.unescape(found[1])


def test_the_first_page_shows_facilities_and_jobs(house: Any, visitor: Any, words_of: Any) -> None:
    """A facility is there with its state and its classes, and a job with its name and state."""
    house.submit(name="First light")
    page = visitor.get("/")
    said = words_of(page)

    assert (200, "text/html; charset=utf-8") == (page.status_code, page.headers["content-type"])
    for text in (
        "Hand",
        "Does what the test says.",
        "live-logs",
        "up to 4",
        "First light",
        "pending",
    ):
        assert text in said


def test_every_link_leads_somewhere(house: Any, visitor: Any) -> None:
    """From the first page all pages can be reached by links, and none of them is missing."""
    job = house.ended(outputs=[{"path": "*"}], array={"count": 2})
    house.submit()
    seen: dict[str, int] = {}
    ahead = ["/"]
    while ahead:
        path = ahead.pop()
        page = visitor.get(path)
        seen[path] = page.status_code
        if "text/html" in page.headers["content-type"]:
            ahead += [
                link
                for link in (link.partition("#")[0] for link in _links(page))
                if link and link not in seen and not link.startswith("/docs")
            ]

    assert {200} == set(seen.values()), seen
    assert {f"/console/jobs/{job}", f"/console/jobs/{job}/tasks", f"/console/jobs/{job}/release"} <= set(seen)
    assert 20 < len(seen)


def test_a_facility_shows_what_it_can_do(visitor: Any, words_of: Any) -> None:
    """Software with its versions, resources and limits are on its page."""
    said = words_of(visitor.get("/console/facilities/hand"))

    for text in ("shell 2 default", "shell 1", "python 3", "CPU cores enforced 4", "Max array tasks 10"):
        assert text in said
    assert "Result retention 16 min 40 s" in said


def test_a_list_has_pages(house: Any, visitor: Any) -> None:
    """Following the links to older jobs meets each of them once, newest first."""
    made = [house.submit() for _ in range(60)]
    met: list[str] = []
    path: str | None = "/console/jobs"
    while path is not None:
        page = visitor.get(path)
        met += _jobs_on(page)
        path = next((link for link in _links(page) if "page_token" in link), None)

    assert sorted(made) == sorted(met)
    assert [10, 25] == [len(_jobs_on(visitor.get(path))) for path in ("/", "/console/jobs")]


def test_a_list_has_filters(make_house: Any, visit: Any, hand: Any) -> None:
    """The state and the facility choose among the jobs; `going` is every state that is not the end."""
    house = make_house(facilities=[hand(), hand("other")])
    visitor = visit(house)
    over, going = house.ended(), house.submit()
    other = house.submit(facility_id="other")

    def met(query: str) -> set[str]:
        return set(_jobs_on(visitor.get(f"/console/jobs?{query}")))

    assert {over} == met("state=succeeded")
    assert {going, other} == met("state=going")
    assert {other} == met("state=&facility_id=other")
    assert {over, going, other} == met("state=&facility_id=")


def test_a_filter_that_the_api_refuses_is_told(visitor: Any, words_of: Any) -> None:
    """The page has the problem's status, words and parameter."""
    page = visitor.get("/console/jobs?state=gone")

    assert 422 == page.status_code
    assert "state This must be one of pending, queued" in words_of(page)


def test_a_job_shows_what_became_of_it(house: Any, visitor: Any, words_of: Any) -> None:
    """Its history, its end, its results with size and digest, its logs and its specification are there."""
    job = house.ended(name="One of many", outputs=[{"path": "*"}], labels={"source": "crab"})
    page = visitor.get(f"/console/jobs/{job}")
    said = words_of(page)
    digest = hashlib.sha256(b"0123456789").hexdigest()

    for text in (
        "One of many",
        job,
        "source=crab",
        "Exit code 0",
        "hello",
        f"out.txt 10 bytes text/plain {digest}",
    ):
        assert text in said
    assert ["pending", "queued", "succeeded"] == re.findall(
        r'<li class="(\w+)">\n<span class="step">', page.text
    )
    assert '"command": ["true"]' in said


def test_a_failure_has_its_reason(house: Any, visitor: Any, words_of: Any) -> None:
    """A failed job says why, in its list and on its page."""
    job = house.ended(state=State.FAILED)

    for path in ("/", f"/console/jobs/{job}"):
        assert "exit nonzero" in words_of(visitor.get(path))


def test_a_result_is_downloaded_as_it_is(house: Any, visitor: Any) -> None:
    """The link on the page gives the bytes, or the part of them that was asked for."""
    job = house.ended(outputs=[{"path": "*"}])
    link = next(link for link in _links(visitor.get(f"/console/jobs/{job}")) if "/results/" in link)
    whole, part = visitor.get(link), visitor.get(link, headers={"range": "bytes=2-4"})

    assert (200, b"0123456789") == (whole.status_code, whole.content)
    assert (206, b"234", "bytes 2-4/10") == (part.status_code, part.content, part.headers["content-range"])
    head = visitor.ask("HEAD", link)
    assert (200, b"", "10") == (head.status_code, head.content, head.headers["content-length"])


def test_a_download_that_is_not_there_is_a_page(house: Any, visitor: Any, words_of: Any) -> None:
    """What the API answers in place of the bytes is told in words, with its status."""
    page = visitor.get(f"/console/jobs/{house.ended()}/results/nothing")

    assert (404, True) == (page.status_code, "There is no result nothing here." in words_of(page))


@pytest.mark.parametrize(
    "classes", [("core", "software", "live-logs"), ("core", "software", "ranges", "live-logs")]
)
def test_of_a_long_log_the_end_is_shown_and_all_is_downloaded(
    make_house: Any, visit: Any, hand: Any, words_of: Any, classes: tuple[str, ...]
) -> None:
    """Also where the facility serves no ranges the page is short, and the file is whole."""
    log = b"".join(b"line %06d\n" % number for number in range(20_000))
    house = make_house(facilities=[hand(classes=classes, logs={"stdout": log, "stderr": b""})])
    visitor = visit(house)
    job = house.ended()
    page = visitor.get(f"/console/jobs/{job}")
    shown = re.search(r"<pre>(.*?)</pre>", page.text, re.DOTALL)

    assert shown is not None
    assert (True, True) == (shown[1].startswith("line "), shown[1].endswith("line 019999\n"))
    assert 40_000 < len(shown[1]) <= 65_536
    assert "The end of 234 KiB." in words_of(page)
    whole = visitor.get(f"/console/jobs/{job}/logs/stdout")
    assert (log, f'attachment; filename="{job}-stdout.txt"') == (
        whole.content,
        whole.headers["content-disposition"],
    )


def test_a_log_that_is_not_there_yet_is_explained(
    make_house: Any, visit: Any, hand: Any, words_of: Any
) -> None:
    """Without live logs a running job's page says when they come, and it is no error."""
    house = make_house(facilities=[hand(classes=("core", "software"))])
    page = visit(house).get(f"/console/jobs/{house.submit()}")

    assert (200, True) == (page.status_code, "What it leaves is there once it has ended." in words_of(page))


def test_an_array_shows_its_tasks(house: Any, visitor: Any, words_of: Any) -> None:
    """Counts, a page of tasks by state, and the log of the task that is asked for."""
    job = house.ended(array={"count": 3})
    page = visitor.get(f"/console/jobs/{job}")

    assert "3 succeeded" in words_of(page)
    tasks = visitor.get(f"/console/jobs/{job}/tasks?state=succeeded")
    assert ["0", "1", "2"] == re.findall(r'id="to-task-(\d+)"', tasks.text)
    assert [] == re.findall(
        r'id="to-task-(\d+)"', visitor.get(f"/console/jobs/{job}/tasks?state=failed").text
    )
    third = visitor.get(f"/console/jobs/{job}?task=2")
    assert f"/console/jobs/{job}/logs/stdout?task=2" in _links(third)
    assert (200, b"hello\n") == (
        (log := visitor.get(f"/console/jobs/{job}/logs/stdout?task=2")).status_code,
        log.content,
    )
    assert "There is no" in words_of(visitor.get(f"/console/jobs/{job}?task=7"))


def test_what_goes_on_is_asked_anew_and_what_is_over_is_not(house: Any, visitor: Any) -> None:
    """List, job, logs and tasks ask for themselves every two seconds, until they cannot change any more."""
    job = house.submit(array={"count": 2})
    places = [
        ("/", "job-list"),
        ("/console/jobs", "job-list"),
        (f"/console/jobs/{job}", "job-part"),
        (f"/console/jobs/{job}", "log-part"),
        (f"/console/jobs/{job}/tasks", "task-part"),
    ]
    polls = [_poll(visitor.get(path), part) for path, part in places]

    assert None not in polls
    assert [(204, b"")] * 5 == [((same := visitor.get(poll)).status_code, same.content) for poll in polls]
    house.hand.runs(job)
    house.step()
    running = [visitor.get(poll) for poll in polls]
    assert [200] * 5 == [part.status_code for part in running]
    assert None not in [
        _poll(part, name) for part, (_, name) in zip(running, places, strict=True) if part.text
    ]
    house.hand.ends(job)
    house.step()
    over = [visitor.get(poll) for poll in polls]
    assert [200] * 5 == [part.status_code for part in over]
    assert [None] * 5 == [_poll(part, name) for part, (_, name) in zip(over, places, strict=True)]
    assert [None] * 5 == [_poll(visitor.get(path), name) for path, name in places]


def test_a_change_is_announced(house: Any, visitor: Any) -> None:
    """A part that comes anew brings a sentence for those who hear the page."""
    job = house.submit()
    polls = [_poll(visitor.get("/"), "job-list"), _poll(visitor.get(f"/console/jobs/{job}"), "job-part")]
    house.hand.ends(job)
    house.step()

    for poll, said in zip(polls, ["All jobs of this list are over.", "The job is succeeded."], strict=True):
        assert f'<p hx-swap-oob="innerHTML:#announcement">{said}</p>' in visitor.get(poll).text


def test_a_page_whose_job_is_gone_asks_for_itself(house: Any, visitor: Any) -> None:
    """A part of a job that was released meanwhile makes the browser load the page again."""
    job = house.submit()
    poll = _poll(visitor.get(f"/console/jobs/{job}"), "job-part")
    house.hand.ends(job)
    house.step()
    house.ask("DELETE", f"/jobs/{job}")
    part = visitor.get(poll)

    assert (404, "true", b"") == (part.status_code, part.headers["hx-refresh"], part.content)


def test_cancelling_is_asked_once_more(house: Any, visitor: Any, words_of: Any) -> None:
    """Looking at the question does nothing; the answer cancels."""
    job = house.submit()
    house.step()
    assert "Cancel this job?" in words_of(visitor.get(f"/console/jobs/{job}/cancel"))
    assert "cancel_requested_at" not in house.ask("GET", f"/jobs/{job}").json()
    done = visitor.post(f"/console/jobs/{job}/cancel")

    assert (303, f"/console/jobs/{job}?done=cancel") == (done.status_code, done.headers["location"])
    assert "The job is asked to end." in words_of(visitor.get(done.headers["location"]))
    house.step()
    house.step()
    assert "cancelled" == house.ask("GET", f"/jobs/{job}").json()["state"]


def test_releasing_is_asked_once_more(house: Any, visitor: Any, words_of: Any) -> None:
    """Looking at the question does nothing; the answer removes the job."""
    job = house.ended()
    assert "cannot be had again" in words_of(visitor.get(f"/console/jobs/{job}/release"))
    assert 200 == house.ask("GET", f"/jobs/{job}").status_code
    done = visitor.post(f"/console/jobs/{job}/release")

    assert (303, "/?done=release") == (done.status_code, done.headers["location"])
    assert "The job was released." in words_of(visitor.get(done.headers["location"]))
    assert 404 == house.ask("GET", f"/jobs/{job}").status_code


def test_what_the_api_refuses_is_told(house: Any, visitor: Any, words_of: Any) -> None:
    """A job that goes on cannot be released, and the page says what to do."""
    job = house.submit()
    visitor.get(f"/console/jobs/{job}/release")
    page = visitor.post(f"/console/jobs/{job}/release")

    assert (409, True) == (page.status_code, "Cancel it, or wait for its end" in words_of(page))


def test_a_body_is_submitted_as_it_was_written(house: Any, visitor: Any, spec: dict[str, Any]) -> None:
    """The job's specification is the text of the form, and the page leads to the job."""
    visitor.get("/console/submit")
    text = json.dumps({**spec, "name": "Überblick <b>&amp;</b>", "metadata": {"a": [1.5, None]}}, indent=1)
    done = visitor.post("/console/submit", specification=text.replace("\n", "\r\n"), action="submit")

    assert 303 == done.status_code
    job = re.fullmatch(r"/console/jobs/([0-9a-v]+)\?done=submit", done.headers["location"])
    assert job is not None
    assert json.loads(text) == house.ask("GET", f"/jobs/{job[1]}").json()["spec"]


def test_a_use_case_is_filled_in_and_submitted(house: Any, visitor: Any) -> None:
    """The form shows names of files, is edited, and the job has the bytes of those that are left."""
    page = visitor.get("/console/submit?begin=hand/cta_installed_software")
    body = json.loads(_text(page))
    named = {entry["path"]: entry["source"]["content_base64"] for entry in body["inputs"]}
    assert "${FILE:pool-0001.txt}" == named["pool-0001.txt"]
    assert {"kind": "installed", "name": "shell", "version": "2"} == body["software"]
    body["inputs"] = [entry for entry in body["inputs"] if entry["path"] == "pool-0001.txt"]
    fields = {name: _field(page, name) for name in ("begin", "case", "key")}
    done = visitor.post("/console/submit", specification=json.dumps(body), **fields)

    assert 303 == done.status_code, done.text
    (job,) = house.ask("GET", "/jobs").json()["jobs"]
    (entry,) = house.ask("GET", f"/jobs/{job['id']}").json()["spec"]["inputs"]
    assert (CASES / "cta_installed_software" / "pool-0001.txt").read_bytes() == base64.b64decode(
        entry["source"]["content_base64"]
    )


def _text(page: httpx.Response) -> str:
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def _field(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None
    return html.unescape(found[1])


def test_a_form_sent_twice_makes_one_job(
    house: Any, visitor: Any, spec: dict[str, Any], words_of: Any
) -> None:
    """A second click or a reload leads to the job that is there; a changed form makes another."""
    key = _field(visitor.get("/console/submit"), "key")

    def sent(**changes: Any) -> str:
        answer = visitor.post("/console/submit", specification=json.dumps({**spec, **changes}), key=key)
        assert 303 == answer.status_code, answer.text
        location: str = answer.headers["location"]
        return location

    first, again, other = sent(), sent(), sent(name="other")
    assert (first.partition("?")[0], "repeat") == (again.partition("?")[0], again.partition("done=")[2])
    assert first.partition("?")[0] != other.partition("?")[0]
    assert "This form was sent before" in words_of(visitor.get(again))
    assert 2 == len(house.ask("GET", "/jobs").json()["jobs"])


def test_a_form_sent_again_after_the_release_is_meant(house: Any, visitor: Any, spec: dict[str, Any]) -> None:
    """The key of a job that is gone is in nobody's way."""
    key = _field(visitor.get("/console/submit"), "key")
    fields = {"specification": json.dumps(spec), "key": key}
    job = visitor.post("/console/submit", **fields).headers["location"].split("/")[3].partition("?")[0]
    house.hand.ends(job)
    house.step()
    assert 204 == house.ask("DELETE", f"/jobs/{job}").status_code

    assert "done=submit" in visitor.post("/console/submit", **fields).headers["location"]
    assert 1 == len(house.ask("GET", "/jobs").json()["jobs"])


def test_faults_stand_beside_the_form(house: Any, visitor: Any, words_of: Any) -> None:
    """Each fault has its pointer and its line, the text is as it was, and no job was made."""
    visitor.get("/console/submit")
    text = '{\n  "facility_id": "hand",\n  "command": [\n    ""\n  ],\n  "nonsense": "<&>"\n}'
    sent = text.replace("\n", "\r\n")  # as browsers do
    page = visitor.post("/console/submit", specification=sent, action="submit")
    said = words_of(page)

    assert 422 == page.status_code
    assert "/nonsense line 6" in said
    assert "/command/0 line 4" in said
    assert "/software line 1" in said
    assert "Nothing was submitted." in said
    assert text == _text(page)
    assert [] == house.ask("GET", "/jobs").json()["jobs"]


def test_what_is_no_json_is_told(visitor: Any, words_of: Any) -> None:
    """The API's own words for it stand beside the form."""
    visitor.get("/console/submit")
    page = visitor.post("/console/submit", specification='{"a": ', action="submit")

    assert (400, True) == (page.status_code, "malformed-request" in words_of(page))


def test_checking_makes_no_job(house: Any, visitor: Any, spec: dict[str, Any], words_of: Any) -> None:
    """`Check only` says whether a job would be accepted, and why not."""
    visitor.get("/console/submit")
    good = visitor.post("/console/submit", specification=json.dumps(spec), action="check")
    bad = visitor.post(
        "/console/submit", specification=json.dumps({**spec, "facility_id": "gone"}), action="check"
    )

    assert (200, True) == (good.status_code, "would be accepted" in words_of(good))
    assert (200, True) == (bad.status_code, "/facility_id line 1" in words_of(bad))
    assert "would be refused" in words_of(bad)
    assert [] == house.ask("GET", "/jobs").json()["jobs"]


def test_a_path_has_its_methods(visitor: Any) -> None:
    """Another method is 405 with those that there are, and a page says it."""
    job = "/console/jobs/x"
    cases = {
        ("POST", "/"): "GET, HEAD",
        ("DELETE", job): "GET, HEAD",
        ("PUT", job + "/cancel"): "GET, HEAD, POST",
        ("GET", "/console/sign-out"): "POST",
        ("OPTIONS", "/console/submit"): "GET, HEAD, POST",
        ("POST", "/console/static/console.css"): "GET, HEAD",
    }
    answers = {case: visitor.ask(*case) for case in cases}

    assert {case: (405, allow) for case, allow in cases.items()} == {
        case: (answer.status_code, answer.headers["allow"]) for case, answer in answers.items()
    }


@pytest.mark.parametrize(
    "path",
    [
        "/console/",
        "/console/nothing",
        "/console/jobs/",
        "/console/jobs//cancel",
        "/console/static/",
        "/console/static/../api.py",
    ],
)
def test_another_path_is_no_page(visitor: Any, path: str) -> None:
    """What is none of the console's paths is 404."""
    assert 404 == visitor.get(path).status_code


def test_head_has_the_length_of_get(house: Any, visitor: Any) -> None:
    """HEAD is answered as GET is, without the body."""
    job = house.ended()
    for path in ("/", f"/console/jobs/{job}", "/console/static/htmx.min.js"):
        got, head = visitor.get(path), visitor.ask("HEAD", path)
        assert (got.status_code, got.headers["content-length"], b"") == (
            head.status_code,
            head.headers["content-length"],
            head.content,
        )


def test_too_many_requests_are_told(make_house: Any, visit: Any, words_of: Any) -> None:
    """The console is held to the limits of the API, by the visitor's own address."""
    visitor = visit(make_house(requests_per_minute=3))
    pages = [visitor.get("/") for _ in range(2)]

    assert [200, 429] == [page.status_code for page in pages]
    assert "retry-after" in pages[1].headers
    assert "More than 3 requests in a minute." in words_of(pages[1])


def test_a_facility_that_is_away_leaves_the_pages_whole(house: Any, visitor: Any, words_of: Any) -> None:
    """A live log that the facility does not give is told in its place."""
    job = house.submit()
    house.step()
    house.hand.down = True
    house.step()
    page = visitor.get(f"/console/jobs/{job}")

    assert (200, True) == (page.status_code, "hand does not answer." in words_of(page))


def test_a_page_reads_the_api_alone(house: Any, visitor: Any) -> None:
    """Whatever a page shows came by an operation of the API: each of them is counted there."""
    job = house.ended(outputs=[{"path": "*"}])

    def counts() -> dict[str, float]:
        text = house.ask("GET", "//metrics").text
        lines = re.findall(r'requests_total\{operation="(\w+)",status="200"\} (\S+)', text)
        return {name: float(count) for name, count in lines if name != "none"}

    before = counts()
    visitor.get(f"/console/jobs/{job}")
    after = counts()
    grown = {name for name in after if after[name] > before.get(name, 0)}
    assert {"get_job", "list_results", "get_facility", "get_log"} == grown
