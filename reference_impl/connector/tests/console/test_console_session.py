"""Who visits a guarded console: tokens in a cookie, and all that follows from them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from common_compute_connector.console.session import Session, Sessions


def test_without_a_token_there_is_the_form_for_it_alone(guarded: Any, visit: Any, words_of: Any) -> None:
    """The first page asks for a token, every other is 401 and does so too, and nothing else is shown."""
    job = guarded.submit(guarded.alice, name="Secret plan")
    visitor = visit(guarded)
    paths = ["/", "/console/jobs", f"/console/jobs/{job}", "/console/submit", "/console/facilities/hand"]
    pages = [visitor.get(path) for path in paths]

    assert [200, 401, 401, 401, 401] == [page.status_code for page in pages]
    for page in pages:
        assert "Bearer token" in words_of(page)
        assert not re.search("Secret plan|Hand|Does what", page.text)
    assert (401, "true", b"") == (
        (part := visitor.get("/console/live/jobs", headers={"hx-request": "true"})).status_code,
        part.headers["hx-refresh"],
        part.content,
    )


def test_a_token_opens_the_console(guarded: Any, visit: Any, words_of: Any) -> None:
    """After it the pages are those of its owner, whose jobs are there and nobody else's."""
    mine, other = guarded.submit(guarded.alice), guarded.submit(guarded.bob)
    visitor = visit(guarded)
    entered = visitor.sign_in(guarded.alice)

    assert (303, "/") == (entered.status_code, entered.headers["location"])
    assert "Sign out" in words_of(visitor.get("/"))
    assert [mine] == re.findall(r'id="to-([0-9a-v]{24})"', visitor.get("/").text)
    assert (200, 404) == (
        visitor.get(f"/console/jobs/{mine}").status_code,
        visitor.get(f"/console/jobs/{other}").status_code,
    )


@pytest.mark.parametrize(
    ("token", "status", "said"),
    [
        ("token-of-nobody-at-all", 401, "The token is not known here."),
        ("", 400, "A token is one word"),
        ("two words", 400, "A token is one word"),
        ("täken-of-somebody-123", 400, "A token is one word"),
        ("token\r\nx-evil: 1", 400, "A token is one word"),
        ("x" * 3001, 400, "too long for a browser"),
    ],
)
def test_a_wrong_token_is_told(
    guarded: Any, visit: Any, words_of: Any, token: str, status: int, said: str
) -> None:
    """The page says what is wrong, repeats no token, and keeps none."""
    visitor = visit(guarded)
    page = visitor.sign_in(token)

    assert (status, True) == (page.status_code, said in words_of(page))
    assert len(token) < 5 or token not in page.text
    assert "set-cookie" not in page.headers
    assert 401 == visitor.get("/console/jobs").status_code


def test_cookies_are_for_this_server_alone(guarded: Any, visit: Any) -> None:
    """They are out of reach of scripts, links and forms elsewhere; under https they are sent over nothing else."""
    for scheme, prefix, secure in (
        ("http", "common-compute-", ""),
        ("https", "__Host-common-compute-", "; Secure"),
    ):
        visitor = visit(guarded, scheme=scheme)
        first = visitor.get("/").headers.get_list("set-cookie")
        entered = visitor.post("/console/sign-in", token=guarded.alice).headers.get_list("set-cookie")
        assert (1, 2) == (len(first), len(entered))
        for cookie in [*first, *entered]:
            name, _, attributes = cookie.partition("=")[0], *cookie.partition(";")[1:]
            assert name.startswith(prefix)
            assert f" Path=/; HttpOnly; SameSite=Strict{secure}" == attributes
        assert guarded.alice not in str(entered)


def test_signing_in_begins_a_new_session(guarded: Any, visit: Any) -> None:
    """The session from before is another, and its marks are void: whoever planted it gains nothing."""
    visitor = visit(guarded)
    visitor.get("/")
    before, mark = dict(visitor.client.cookies), visitor.mark
    visitor.post("/console/sign-in", token=guarded.alice)
    after = dict(visitor.client.cookies)

    assert {name: value for name, value in before.items() if after[name] == value} == {}
    visitor.mark = mark
    assert 403 == visitor.post("/console/sign-out").status_code


def test_a_mark_is_of_its_token(guarded: Any, visit: Any) -> None:
    """A mark that was given for one token is void under another, in the same session."""
    visitor = visit(guarded)
    visitor.sign_in(guarded.alice)
    visitor.get("/console/submit")
    name = next(name for name in visitor.client.cookies if "token" in name)
    other = visit(guarded)
    other.sign_in(guarded.bob)
    visitor.client.cookies.set(name, other.client.cookies[name], domain="service.example", path="/")

    assert 403 == visitor.post("/console/submit", specification="{}").status_code


def test_signing_in_needs_a_mark(guarded: Any, visit: Any) -> None:
    """Nobody else's page signs a visitor in as somebody else."""
    visitor = visit(guarded)
    visitor.get("/")
    visitor.mark = "0" * 64

    assert 403 == visitor.post("/console/sign-in", token=guarded.bob).status_code


def test_signing_out_forgets_the_token(guarded: Any, visit: Any) -> None:
    """After it the browser has no cookie left, and the pages ask for a token."""
    visitor = visit(guarded)
    visitor.sign_in(guarded.alice)
    visitor.get("/")
    left = visitor.post("/console/sign-out")

    assert (303, {}) == (left.status_code, dict(visitor.client.cookies))
    assert 401 == visitor.get("/console/jobs").status_code


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/console/jobs", "/console/jobs"),
        ("/console/jobs/01abc?task=2", "/console/jobs/01abc?task=2"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/console/\r\nx-evil: 1", "/"),
        ("/console/@evil.example:", "/"),
        ("/v1/jobs", "/"),
        ("/console/\n", "/"),
    ],
)
def test_after_signing_in_comes_the_page_that_was_wanted(
    guarded: Any, visit: Any, wanted: str, led_to: str
) -> None:
    """It is one of the console's own, whatever the form says."""
    entered = visit(guarded).sign_in(guarded.alice, wanted=wanted)

    assert (303, led_to) == (entered.status_code, entered.headers["location"])


def test_the_page_that_was_wanted_is_kept(guarded: Any, visit: Any) -> None:
    """Whoever opens a page without a token comes to it once there is one."""
    page = visit(guarded).get("/console/facilities/hand")

    assert 'name="wanted" value="/console/facilities/hand"' in page.text


def test_a_token_may_do_what_its_scopes_say(
    guarded: Any, visit: Any, words_of: Any, spec: dict[str, Any]
) -> None:
    """One that is for reading reads, and a submission with it is refused in the API's words."""
    visitor = visit(guarded)
    visitor.sign_in(guarded.reader)
    assert 200 == visitor.get("/console/submit").status_code
    page = visitor.post("/console/submit", specification=json.dumps(spec))

    assert (403, True) == (page.status_code, "needs the scope compute.create" in words_of(page))


@pytest.mark.parametrize("path", ["/", "/console/jobs/x", "/console/submit"])
def test_a_token_that_is_no_longer_good_is_asked_for_again(
    guarded: Any, visit: Any, words_of: Any, path: str
) -> None:
    """The page says so, and so does a form that was sent with it."""
    visitor = visit(guarded)
    visitor.sign_in(guarded.alice)
    visitor.get("/console/submit")
    guarded.app.service.access._kinds[0]._callers.clear()
    pages = [visitor.get(path), visitor.post("/console/submit", specification="{}")]

    assert [401, 401] == [page.status_code for page in pages]
    for page in pages:
        assert "The token is not known here." in words_of(page)
        assert "Bearer token" in words_of(page)


@pytest.mark.parametrize(
    "value",
    ["", "%%%", "YWJj\u00e9", "YSBi", "YQ0KYg", "x" * 5000, "a=b", "4pyTIOKckw", '"', "Kg==", "gIA"],
    ids=str.__len__,
)
def test_a_cookie_that_is_none_of_ours_is_no_token(guarded: Any, visit: Any, value: str) -> None:
    """Whatever a browser keeps under the name, the answer is the form for the token."""
    visitor = visit(guarded)
    visitor.sign_in(guarded.alice)
    names = list(visitor.client.cookies)
    visitor.client.cookies.clear()
    cookies = [f"{name}={'01klbe80' if 'token' not in name else value}" for name in names]
    page = visitor.get("/console/jobs", headers={b"cookie": "; ".join(cookies).encode()})

    assert (401, True) == (page.status_code, 'name="token"' in page.text)


def test_services_of_one_host_have_cookies_of_their_own() -> None:
    """Browsers send cookies to every port of a host: their names and marks tell the services apart."""
    scope = {"headers": [], "scheme": "http"}
    session = Session("01klbe80", None, known=True)
    services = [Sessions(secret * 32, lambda: "01klbe80") for secret in (b"a", b"b")]

    assert 2 == len({str(service.cookies(session, scope)) for service in services})
    assert 2 == len({service.mark(session) for service in services})


def test_where_everybody_is_the_same_nobody_signs_in(visitor: Any, words_of: Any) -> None:
    """An open service has no form for tokens and no way out."""
    for path in ("/", "/console/submit"):
        assert not re.search("Sign out|Bearer token", words_of(visitor.get(path)))


def test_a_credential_is_set_up_and_removed(make_house: Any, visit: Any, hand: Any, words_of: Any) -> None:
    """A facility that wants one says so, takes the name of the account, and lets go of it when asked twice."""
    house = make_house(bearer=True, facilities=[hand()])
    visitor = visit(house)
    visitor.sign_in("token-of-alice-1234")
    address = "/console/facilities/hand"
    assert "State missing" in words_of(visitor.get(address))
    done = visitor.post(address + "/credential", account="alice")
    assert (303, f"{address}?done=credential#credential") == (done.status_code, done.headers["location"])
    assert "State valid" in words_of(visitor.get(address))
    assert "Remove your credential?" in words_of(visitor.get(address + "/credential/remove"))
    assert "State valid" in words_of(visitor.get(address))
    visitor.post(address + "/credential/remove")
    assert "State missing" in words_of(visitor.get(address))


def test_a_foreign_form_replaces_no_session(guarded: Any, visit: Any) -> None:
    """What another site sends comes without cookies: the answer sets none, so the visitor's own stay good."""
    visitor = visit(guarded)
    visitor.sign_in(guarded.alice)
    visitor.get("/console/submit")
    kept = visitor.client.cookies
    visitor.client.cookies = {}
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        refused = visitor.ask("POST", "/console/sign-out", data={"mark": "x"}, headers=headers)
        assert (403, False) == (refused.status_code, "set-cookie" in refused.headers)
    visitor.client.cookies = kept
    assert 200 == visitor.get("/console/submit").status_code
