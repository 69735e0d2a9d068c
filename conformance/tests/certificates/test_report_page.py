"""The pages of certificates open anywhere, offline, and show hostile text as text."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from common_compute_conformance.certificate import Certificate
from common_compute_conformance.errors import WrongArgument
from common_compute_conformance.reporting.page import AREAS, SIGNS, VERDICTS, page
from common_compute_conformance.reporting.publication import write_comparison
from common_compute_conformance.reporting.rendering import prose, shown
from common_compute_conformance.requirements import load_requirements

# The certificates are made once in each process of the tests.
pytestmark = [pytest.mark.real, pytest.mark.xdist_group("certificates")]

Written = Callable[[Certificate, str], Path]


def console_of(file: Path, profile: Path) -> list[str]:
    """Open a page in a real browser without a window; return what stands in its console."""
    done = subprocess.run(
        [
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--v=0",
            f"--user-data-dir={profile}",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "</html>" in done.stdout
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


class _Outline(HTMLParser):
    """What of a page matters to those who do not see it, and to those who are offline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.unscoped: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if told.get("id"):
            self.ids.append(str(told["id"]))
        self.targets += [str(told[name]) for name in ("href", "src", "data", "action") if name in told]
        self.handlers += [name for name in told if name.startswith("on") or name == "style"]
        if tag == "th" and "scope" not in told:
            self.unscoped.append(str(told))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _page(certificate: Certificate) -> tuple[str, _Outline]:
    text = page(certificate.document()).decode("utf-8")
    return text, _Outline(text)


@pytest.mark.needs("chromium")
def test_a_browser_complains_of_what_is_wrong(tmp_path: Path) -> None:
    """The browser of these tests tells in its console of a script that fails and of a policy that is broken."""
    file = tmp_path / "wrong.html"
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\">"
    file.write_text(f"<html><head>{policy}</head><body><p style='color: red'>x</p></body></html>")
    assert 1 == len(console_of(file, tmp_path / "profile"))
    file.write_text("<html><body><script>undefined_thing()</script></body></html>")
    assert 1 == len(console_of(file, tmp_path / "profile"))


@pytest.mark.needs("chromium")
def test_a_browser_opens_the_report(certificate: Certificate, written: Written, tmp_path: Path) -> None:
    """A report opens in a real browser without a word in its console, whatever the verdict."""
    report = written(certificate, "out").with_name("report.html")
    assert [] == console_of(report, tmp_path / "profile")


@pytest.mark.needs("chromium")
def test_a_browser_opens_a_comparison(
    certified: Certificate, refused: Certificate, written: Written, tmp_path: Path
) -> None:
    """A comparison opens in a real browser without a word in its console."""
    files = [written(certified, "one"), written(refused, "two")]
    assert [] == console_of(write_comparison(files, tmp_path), tmp_path / "profile")


def test_the_page_needs_nothing_else(certificate: Certificate) -> None:
    """A page fetches nothing, runs nothing, and forbids both."""
    text, outline = _page(certificate)
    assert {"script", "link", "img", "iframe", "form", "object", "base"}.isdisjoint(outline.tags)
    assert [] == [target for target in outline.targets if not target.startswith("#")]
    assert [] == outline.handlers
    assert 'content="default-src &#39;none&#39;; style-src &#39;sha256-' in text
    assert ("@import" in text, "url(" in text) == (False, False)


def test_links_lead_somewhere(certificate: Certificate) -> None:
    """Each link of a page leads to one place on it."""
    _, outline = _page(certificate)
    assert len(outline.ids) == len(set(outline.ids))
    assert set() == {target.removeprefix("#") for target in outline.targets} - set(outline.ids)


def test_the_page_can_be_heard(certificate: Certificate) -> None:
    """Headings descend one level at a time from a single first, and each header of a table says what it heads."""
    _, outline = _page(certificate)
    assert (1, 1) == (outline.headings[0], outline.headings.count(1))
    for before, after in zip(outline.headings, outline.headings[1:], strict=False):
        assert after <= before + 1
    assert [] == outline.unscoped
    assert len(SIGNS) == len(set(SIGNS.values()))


def test_the_verdict_comes_first(certificate: Certificate) -> None:
    """Verdict and classes stand before anything else, and every requirement somewhere."""
    text, _ = _page(certificate)
    document = certificate.document()
    first = text.index("<main>")
    assert VERDICTS[document["verdict"]] in text[:first]
    assert [] == [name for name in document["classes"] if name not in text[:first]]
    assert [] == [each["id"] for each in document["requirements"] if f'id="{each["id"]}"' not in text]


def test_areas_have_titles() -> None:
    """Each area of the requirements has a title."""
    assert set(AREAS) == {requirement.area for requirement in load_requirements()}


def test_hostile_text_is_text(refused: Certificate) -> None:
    """What a server says is shown as text, its invisible characters by their numbers."""
    text, outline = _page(refused)
    words = "".join(outline.words)
    assert (
        "</pre><script>alert(1)</script><img src=x onerror=alert(2)> \\x1b[31m \\u202e {{ 7 * 7 }} größe"
        in words
    )
    hidden = [letter for letter in text if not letter.isprintable() and letter not in "\n\t"]
    assert [] == hidden


def test_failures_are_shown_in_full(refused: Certificate) -> None:
    """Each failure has the spec's sentence, what was expected, what came, the conversation, a hint and a curl."""
    text, _ = _page(refused)
    document = refused.document()
    failed = [each for each in document["requirements"] if each["claimed"] and each["outcome"] == "failed"]
    assert {"CC-JOB-007", "CC-JOB-044"} <= {each["id"] for each in failed}
    for entry in failed:
        start = text.index(f'id="finding-{entry["id"]}"')
        article = text[start : text.index("</article>", start)]
        words = "".join(_Outline(article).words)
        assert entry["sentence"].replace("`", "") in words
        assert entry["hint"].replace("`", "") in words
        for check in (each for each in entry["checks"] if each["outcome"] == "failed"):
            for member in ("expected", "actual", "reproduce"):
                assert str(shown(check.get(member, ""))) in article
            for exchange in check["evidence"]:
                assert str(shown(exchange["url"])) in article
    arguments = next(each for each in failed if each["id"] == "CC-JOB-007")
    told = next(check for check in arguments["checks"] if check["outcome"] == "failed")
    assert {"expected", "actual", "evidence"} <= {name for name, value in told.items() if value}


def test_what_is_verified_elsewhere_is_named(certified: Certificate) -> None:
    """Each requirement that cannot be seen from outside stands there with the reason."""
    text, outline = _page(certified)
    words = " ".join("".join(outline.words).split())
    elsewhere = [each for each in load_requirements() if each.verified_by != "http"]
    assert elsewhere
    assert [] == [each.id for each in elsewhere if " ".join(each.why.split()) not in words]
    assert f"{len(elsewhere)} requirements cannot be verified over HTTP" in text


def test_invisible_characters_are_shown() -> None:
    """Characters that would not be seen, or would turn others around, are shown by number; line feeds stay."""
    assert "a\nb\t&lt;\\x1b\\u202e\\U000e0001" == re.sub(
        "</?span[^>]*>", "", shown("a\nb\t<\x1b\u202e\U000e0001")
    )
    assert "a <code>b &lt; c</code> `" == prose("a `b < c` `")


def test_a_comparison_shows_all(
    certified: Certificate, refused: Certificate, partial: Certificate, written: Written, tmp_path: Path
) -> None:
    """A comparison has each requirement of HTTP once, the outcome in each certificate, and marks where they differ."""
    files = [written(certified, "one"), written(refused, "two"), written(partial, "three")]
    text = write_comparison(files, tmp_path).read_text(encoding="utf-8")
    rows = {
        found[1]: row
        for row in re.findall(r"<tr.*?</tr>", text, re.DOTALL)
        if (found := re.search(r'class="id">(CC-[A-Z]+-\d+)', row))
    }
    assert {each.id for each in load_requirements() if each.verified_by == "http"} == set(rows)
    outcomes = re.findall(r'class="outcome ([a-z-]+)"', rows["CC-JOB-007"])
    assert (["passed", "failed"], True) == (outcomes, "they differ" in rows["CC-JOB-007"])
    assert (["passed"] * 3, False) == (
        re.findall(r'class="outcome ([a-z-]+)"', rows["CC-SVC-001"]),
        "they differ" in rows["CC-SVC-001"],
    )
    assert "whether all was asked for: yes / yes / no, a partial run" in text
    assert "<script>alert" not in text


def test_certificates_made_alike_are_said_to_be(
    certified: Certificate, refused: Certificate, written: Written, tmp_path: Path
) -> None:
    """Certificates of one kit, spec and budget are said to be made alike."""
    files = [written(certified, "one"), written(refused, "two")]
    text = write_comparison(files, tmp_path).read_text(encoding="utf-8")
    assert ("All were made by the same kit" in text, "They differ in" in text) == (True, False)


def test_an_edited_certificate_is_not_compared(
    certified: Certificate, written: Written, tmp_path: Path
) -> None:
    """A comparison refuses a certificate that was edited, or is not there, and names it."""
    good, bad = written(certified, "one"), written(certified, "two")
    bad.write_bytes(bad.read_bytes().replace(b'"strict": false', b'"strict": true', 1))
    with pytest.raises(WrongArgument, match=r"two/certificate\.json is refused: It was edited"):
        write_comparison([good, bad], tmp_path)
    with pytest.raises(WrongArgument, match=r"absent\.json cannot be read: No such file"):
        write_comparison([good, tmp_path / "absent.json"], tmp_path)
    assert not (tmp_path / "compare.html").exists()
