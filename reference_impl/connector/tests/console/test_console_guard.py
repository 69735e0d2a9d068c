"""Nobody but the visitor, on a page of this console, does anything with its forms; and nothing foreign runs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import httpx
import pytest

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def _jobs(house: Any) -> int:
    return len(house.ask("GET", "/jobs").json()["jobs"])


def test_a_form_without_a_mark_does_nothing(
    house: Any, visitor: Any, spec: dict[str, Any], words_of: Any
) -> None:
    """No mark, half a mark, a mark in other letters: 403 in words, and no job, also where everybody may submit."""
    visitor.get("/console/submit")
    mark = visitor.mark
    for wrong in ("", mark[:-1], mark.upper(), mark + "0", "é"):
        visitor.mark = wrong
        page = visitor.post("/console/submit", specification=json.dumps(spec))
        assert (403, True) == (page.status_code, "Nothing was done" in words_of(page))
    assert 0 == _jobs(house)
    visitor.mark = mark
    assert 303 == visitor.post("/console/submit", specification=json.dumps(spec)).status_code


def test_a_mark_of_another_session_does_nothing(house: Any, visitor: Any, visit: Any) -> None:
    """A mark that somebody else was given is no use, nor is one without its cookie."""
    job = house.submit()
    other = visit(house)
    other.get(f"/console/jobs/{job}/cancel")
    visitor.get("/")
    visitor.mark = other.mark
    assert 403 == visitor.post(f"/console/jobs/{job}/cancel").status_code
    other.client.cookies.clear()
    assert 403 == other.post(f"/console/jobs/{job}/cancel").status_code
    assert "cancel_requested_at" not in house.ask("GET", f"/jobs/{job}").json()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://service.example:8080"}, 403),
        ({"origin": "http://service.example.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://service.example:8080"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://service.example"}, 403),
        ({}, 303),
        ({"origin": "http://service.example"}, 303),
        ({"origin": "https://Service.example"}, 303),
        ({"sec-fetch-site": "same-origin", "origin": "https://name.behind.proxy.example"}, 303),
        ({"sec-fetch-site": "none"}, 303),
    ],
)
def test_a_form_of_another_origin_does_nothing(
    house: Any, visitor: Any, headers: dict[str, str], status: int
) -> None:
    """Where the browser says whence a form came, it came from here, even if its mark is right."""
    job = house.submit()
    visitor.get(f"/console/jobs/{job}/cancel")

    assert status == visitor.post(f"/console/jobs/{job}/cancel", headers=headers).status_code
    assert (status == 303) == ("cancel_requested_at" in house.ask("GET", f"/jobs/{job}").json())


def test_looking_changes_nothing(house: Any, visitor: Any) -> None:
    """No address changes anything when it is only opened: an image or a link elsewhere could do that."""
    over, going = house.ended(), house.submit()
    before = house.ask("GET", "/jobs").json()
    for job in (over, going):
        for path in ("", "/cancel", "/release", "/tasks", "/results", "/logs/stdout"):
            visitor.get(f"/console/jobs/{job}{path}")
    for path in ("/console/submit", "/console/sign-out", "/console/sign-in"):
        visitor.get(path + "?mark=" + visitor.mark)

    assert before == house.ask("GET", "/jobs").json()


@pytest.mark.parametrize(
    ("server", "host", "let_in", "status"),
    [
        ("127.0.0.1", "127.0.0.1:8000", (), 200),
        ("127.0.0.1", "localhost:8000", (), 200),
        ("127.0.0.1", "mock.localhost", (), 200),
        ("::1", "[::1]:8000", (), 200),
        ("127.0.0.1", "rebound.example:8000", (), 421),
        ("127.0.0.1", "127.0.0.1.rebound.example", (), 421),
        ("127.0.0.1", "localhost.rebound.example", (), 421),
        ("127.0.0.1", "", (), 421),
        ("127.0.0.1", "[", (), 421),
        ("::1", "rebound.example", (), 421),
        ("127.0.0.1", "compute.example", ("https://compute.example",), 200),
        ("127.0.0.1", "other.example", ("https://compute.example",), 421),
        ("127.0.0.1", "any.example", ("*",), 200),
        ("192.0.2.7", "compute.example", (), 200),
    ],
)
def test_a_server_of_one_machine_is_called_by_its_names(
    make_house: Any, server: str, host: str, let_in: tuple[str, ...], status: int
) -> None:
    """A foreign name that points here (DNS rebinding) opens no page where no token guards it."""
    house = make_house(cors_origins=let_in)

    assert [status, status] == [_status(house, method, server, host) for method in ("GET", "HEAD")]


def test_a_token_guards_by_itself(guarded: Any) -> None:
    """Under bearer access any name will do: a foreign one has no cookie with it."""
    assert 200 == _status(guarded, "GET", "127.0.0.1", "compute.example")


def _status(
    house: Any,
    method: str,
    server: str,
    host: str,
    path: str = "/",
    headers: Mapping[str, str] = MappingProxyType({}),
    body: Sequence[dict[str, Any]] = (),
) -> int:
    """Send a request that arrives at an address of this machine under a name, and breaks off after its body."""
    statuses: list[int] = []
    messages = list(body)

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    sent = {**headers, **({"host": host} if host else {})}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "root_path": "",
        "scheme": "http",
        "server": (server, 8000),
        "client": ("127.0.0.1", 4711),
    }
    house.run(house.app(scope, receive, send))
    return statuses[0]


@pytest.mark.parametrize("pieces", [1, 5000])
def test_a_form_too_large_is_refused(house: Any, visitor: Any, words_of: Any, pieces: int) -> None:
    """Above a mebibyte a form is refused in words, however it is cut, and the connection is read to its end."""
    visitor.get("/console/submit")
    body = b"mark=" + visitor.mark.encode() + b"&specification=" + b"x" * (1 << 20)
    step = len(body) // pieces + 1
    read: list[int] = []

    async def content() -> Any:
        for at in range(0, len(body), step):
            read.append(at)
            yield body[at : at + step]

    headers = {"content-type": "application/x-www-form-urlencoded"}
    page = visitor.ask("POST", "/console/submit", content=content(), headers=headers)
    assert (413, True) == (page.status_code, "it may have 1024 KiB" in words_of(page))
    assert len(range(0, len(body), step)) == len(read)


def test_half_a_form_does_nothing(house: Any, visitor: Any) -> None:
    """What came before the connection broke is not taken for the whole."""
    job = house.submit()
    visitor.get(f"/console/jobs/{job}/cancel")
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.client.cookies.items())
    headers = {"cookie": cookie, "content-type": "application/x-www-form-urlencoded"}
    path = f"/console/jobs/{job}/cancel"
    first = {"type": "http.request", "body": f"mark={visitor.mark}".encode(), "more_body": True}

    assert 400 == _status(house, "POST", "service.example", "", path, headers, [first])
    assert "cancel_requested_at" not in house.ask("GET", f"/jobs/{job}").json()
    assert 303 == _status(house, "POST", "service.example", "", path, headers, [first | {"more_body": False}])


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("text/plain", b"mark=x", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("application/x-www-form-urlencoded", b"mark=%ff", 400),
        ("application/x-www-form-urlencoded", "mark=ä".encode(), 400),
        ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 100), 400),
        ("application/x-www-form-urlencoded; charset=utf-8", b"mark=x", 403),
    ],
)
def test_what_is_no_form_is_refused(visitor: Any, content_type: str, body: bytes, status: int) -> None:
    """Other types, other bytes and too many fields are refused, and nothing breaks."""
    visitor.get("/")
    headers = {"content-type": content_type}

    assert status == visitor.ask("POST", "/console/submit", content=body, headers=headers).status_code


def test_too_many_parameters_are_refused(visitor: Any) -> None:
    """An address with more of them than any page takes is 400."""
    assert (
        400 == visitor.get("/console/jobs?" + "&".join(f"a{number}=1" for number in range(100))).status_code
    )


def _every_page(house: Any, visitor: Any) -> list[httpx.Response]:
    over = house.ended(outputs=[{"path": "*"}], array={"count": 2})
    going = house.submit()
    paths = ["/", "/console/jobs", "/console/submit", "/console/facilities/hand", "/console/nothing"]
    for job in (over, going):
        jobs = f"/console/jobs/{job}"
        paths += [jobs, jobs + "/tasks", jobs + "/results", jobs + "/cancel", jobs + "/release"]
        paths += [jobs.replace("/jobs", "/live/jobs"), jobs.replace("/jobs", "/live/jobs") + "/logs"]
    pages = [visitor.get(path) for path in [*paths, "/console/live/jobs"]]
    pages.append(visitor.post("/console/submit", specification="{}"))
    pages.append(visitor.post("/", specification="{}"))
    return pages


def test_every_page_carries_the_policy(house: Any, visitor: Any) -> None:
    """Scripts, styles and requests are this server's own, nobody frames a page, and none is kept."""
    for page in _every_page(house, visitor):
        assert POLICY == page.headers["content-security-policy"]
        assert "nosniff" == page.headers["x-content-type-options"]
        assert "DENY" == page.headers["x-frame-options"]
        assert "no-store" == page.headers["cache-control"]
        assert "same-origin" == page.headers["referrer-policy"]


def test_every_page_can_live_under_the_policy(house: Any, visitor: Any) -> None:
    """No page has a script, a style or a handler in it, and none names another server."""
    for page in _every_page(house, visitor):
        assert not re.search(
            r"<style|\sstyle=|<script(?![^>]* src=\")|\son\w+=|javascript:|hx-on|hx-vals", page.text
        )
        assert not re.search(r'(?:src|href|action|hx-get)="(?!/|#)', page.text)
        assert not re.search(r'(?:src|href|action|hx-get)="//', page.text)


def test_no_other_origin_reads_the_console(make_house: Any, visit: Any) -> None:
    """Whatever origins may read the API, the pages and their marks are for nobody else."""
    visitor = visit(make_house(cors_origins=("*",)))
    headers = {"origin": "https://page.example"}

    assert "access-control-allow-origin" in visitor.get("/v1/jobs", headers=headers).headers
    for path in ("/", "/console/submit", "/console/nothing", "/console/static/console.css"):
        assert not [name for name in visitor.get(path, headers=headers).headers if "access-control" in name]


def test_a_link_of_another_site_leads_in(house: Any, visitor: Any) -> None:
    """For such a visit browsers hold the cookies back: the page asks for itself once more, and sets none."""
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    job = house.submit()
    first = visitor.get(f"/console/jobs/{job}", headers=headers)

    assert (200, True) == (first.status_code, '<meta http-equiv="refresh" content="0">' in first.text)
    assert ("set-cookie" in first.headers, job in first.text) == (False, True)
    second = visitor.get(f"/console/jobs/{job}", headers={**headers, "sec-fetch-site": "same-origin"})
    assert ("http-equiv" in second.text, "set-cookie" in second.headers) == (False, True)
    third = visitor.get(f"/console/jobs/{job}", headers=headers)
    assert "http-equiv" not in third.text
