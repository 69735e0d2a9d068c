"""Names, labels, logs and results are other people's: they are shown, and do nothing."""

from __future__ import annotations

import re
from typing import Any

MARKUP = "<img src=x onerror=alert(1)>\"'&amp;{{7*7}}"
TURNED = "photo\u202egnp.exe"


def test_what_people_call_things_is_text(make_house: Any, visit: Any, hand: Any) -> None:
    """Markup in any of them is escaped, and characters that turn the writing about are numbers."""
    house = make_house(
        description=MARKUP, facilities=[hand(files={MARKUP.replace("/", ""): b"x", TURNED: b"y"})]
    )
    visitor = visit(house)
    job = house.ended(name=MARKUP, labels={"a": TURNED, "b": MARKUP}, outputs=[{"path": "*"}])
    pages = [visitor.get(path) for path in ("/", f"/console/jobs/{job}", f"/console/jobs/{job}/release")]

    for page in pages:
        assert 200 == page.status_code
        assert "<img src=x" not in page.text
        assert "49" not in re.sub(r"\d{3,}|[0-9a-f]{16,}", "", page.text)
        assert "\u202e" not in page.text
    assert "&lt;img src=x onerror=alert(1)&gt;&#34;&#39;&amp;amp;{{7*7}}" in pages[1].text
    assert 2 <= pages[1].text.count("photo\\u202egnp.exe")


def test_a_log_is_text(make_house: Any, visit: Any, hand: Any) -> None:
    """No byte of it reaches the terminal of the reader's mind: markup is escaped, controls are numbers."""
    log = b"</pre><script>alert(1)</script>\x1b]0;title\x07\x00\xe2\x80\xaeturned\n"
    house = make_house(facilities=[hand(logs={"stdout": log, "stderr": b""})])
    page = visit(house).get(f"/console/jobs/{house.ended()}")

    assert (
        "<pre>&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\x1b]0;title\\x07\\x00\\u202eturned\n</pre>"
        in page.text
    )


def test_a_result_is_kept_as_a_file(make_house: Any, visit: Any, hand: Any) -> None:
    """A page among the results is never shown as one: it is an attachment that runs nothing."""
    house = make_house(
        facilities=[hand(files={"page.html": b"<script>alert(1)</script>", "evil\r\nx: 1": b"z"})]
    )
    visitor = visit(house)
    job = house.ended(outputs=[{"path": "*"}])
    links = re.findall(
        r'href="(/console/jobs/[^"]+/results/[^"]+)"', visitor.get(f"/console/jobs/{job}").text
    )

    assert 2 == len(links)
    for link in links:
        got = visitor.get(link)
        assert 200 == got.status_code
        assert got.headers["content-disposition"].startswith("attachment")
        assert "nosniff" == got.headers["x-content-type-options"]
        assert "sandbox; default-src 'none'" == got.headers["content-security-policy"]
        assert "x" not in got.headers


def test_what_a_visitor_wrote_comes_back_as_text(visitor: Any) -> None:
    """The text of the form is in the page again to the letter, and nowhere as markup."""
    visitor.get("/console/submit")
    text = '{"name": "</textarea><script>alert(1)</script>\u202e"}'
    page = visitor.post("/console/submit", specification=text, case="<b>", key="<b>", begin="<b>")

    assert 422 == page.status_code
    assert "&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;\u202e" in page.text
    assert "<b>" not in page.text


def test_the_names_of_paths_come_back_as_text(visitor: Any) -> None:
    """What is looked for and not found is named without harm."""
    page = visitor.get("/console/jobs/%3Cscript%3Ealert(1)%3C%2Fscript%3E%E2%80%AE")

    assert 404 == page.status_code
    assert "<script>alert" not in page.text
