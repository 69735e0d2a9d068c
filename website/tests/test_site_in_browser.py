"""Every page of the site in a real browser: nothing missing, nothing that only some can use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from common_compute_website.menu import built_pages

pytestmark = [
    pytest.mark.real,
    pytest.mark.needs("chromium", "node", "npm"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("website"),
]

PROGRAM = Path(sys.executable).parent / "common-compute"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 780}
PAPER = {"width": 718, "height": 1000}
"""A4 at 96 dots per inch, without its margins."""
PATIENCE = 30_000
OPTIONS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

_REACHED = """() => {
  window.reached = new Set();
  document.addEventListener("focusin", (event) => window.reached.add(event.target));
}"""
_CONTROLS = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex='-1'])")]
  .filter((each) => each.tabIndex >= 0 && !each.disabled && each.checkVisibility({ visibilityProperty: true })
    && each.getClientRects().length > 0)"""
_LEFT = f"""() => ({_CONTROLS})().filter((each) => !window.reached.has(each)).map((each) => each.outerHTML.slice(0, 200))"""


_MISSING_PICTURES = (
    "[...document.images].filter((each) => !each.complete || !each.naturalWidth).map((each) => each.src)"
)
_MOVABLE = """![...document.querySelectorAll(".md-typeset__scrollwrap")]
  .some((each) => each.scrollWidth > each.clientWidth && each.tabIndex < 0)"""
_CUT = """[...document.querySelectorAll("table, pre, img")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML.slice(0, 200))"""
_FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the site, and a mock beside it."""
    command = [PROGRAM, "proposal", "serve", site, "--port", "0", "--json", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"].removesuffix("/v1")
        process.stdin.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium, as it is installed on this machine."""
    options = [*OPTIONS, "--no-sandbox"] if os.geteuid() == 0 else [*OPTIONS]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        yield browser
        browser.close()


class Window:
    """A browser's window, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.troubles: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", lambda told: self._note(told.type, told.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.on("requestfailed", lambda request: self._note("error", f"no answer: {request.url}"))
        page.on("response", lambda answer: self._note("error" if answer.status >= 400 else "", answer.url))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _note(self, kind: str, words: str) -> None:
        if kind in ("error", "warning"):
            self.troubles.append(words)


@pytest.fixture(scope="module")
def window(browser: Browser, axe: str) -> Iterator[Window]:
    """Open the one window in which all pages are looked at."""
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(PATIENCE)
    context.add_init_script(axe)
    yield Window(context.new_page())
    context.close()


def _look_for_faults(page: Page) -> list[str]:
    """Let axe-core judge the page, by all its rules; tell what it found."""
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def _walk(page: Page) -> list[str]:
    """Press Tab until the walk begins again, and give the controls that it did not come to."""
    page.evaluate(_REACHED)
    controls = page.evaluate(f"({_CONTROLS})().length")
    for _ in range(controls + 5):
        page.keyboard.press("Tab")
    return list(page.evaluate(_LEFT))


def _settles(page: Page, expression: str) -> bool:
    """Tell whether something comes to be true within a second; a page may forbid to be asked by its own scripts."""
    for _ in range(20):
        if page.evaluate(expression):
            return True
        page.wait_for_timeout(50)
    return False


@pytest.mark.parametrize("name", built_pages())
def test_a_page(window: Window, address: str, name: str) -> None:
    """It loads whole and quietly from one host; axe-core finds nothing; Tab reaches all; a phone and paper hold it."""
    page = window.page
    window.troubles.clear()
    window.hosts.clear()
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.emulate_media(media="screen")
    page.goto(f"{address}/{name}")
    assert [] == window.troubles
    assert {urlsplit(address).netloc} == window.hosts
    assert [] == page.evaluate(_MISSING_PICTURES)
    assert [] == _look_for_faults(page)
    assert [] == _walk(page)

    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert _settles(page, _FITS), "the page is wider than a phone"
    assert _settles(page, _MOVABLE), "a table that is wider than a phone cannot be moved by the keyboard"

    page.set_viewport_size(PAPER)  # type: ignore[arg-type]
    page.emulate_media(media="print")
    assert _settles(page, f"!({_CUT}).length"), page.evaluate(_CUT)
    assert page.locator("h1").first.is_visible()
    assert len(page.locator("article, main").first.inner_text()) > len(page.locator("h1").first.inner_text())
    assert [] == window.troubles


WRONG = """<!doctype html><html lang="en"><title>Wrong</title><main><h1>Wrong</h1>
<p style="color: #999; background: #fff">Too pale</p>
<img src="data:image/png;base64,AAAA" alt="none">
<a href="#a">reached</a><button onfocus="this.blur(); document.querySelector('a').focus()">first</button>
<button id="last">never reached</button>
<div style="width: 900px">Too wide</div></main></html>"""


def test_what_is_wrong_is_seen(browser: Browser, axe: str) -> None:
    """A pale word, a picture that is none, a control behind a trap, and a page too wide for a phone are found."""
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    context.add_init_script(axe)
    window = Window(context.new_page())
    window.page.goto("about:blank")
    window.page.set_content(WRONG)
    window.page.evaluate(axe)
    assert any(fault.startswith("color-contrast") for fault in _look_for_faults(window.page))
    assert 1 == len(window.page.evaluate(_MISSING_PICTURES))
    assert '<button id="last">never reached</button>' in _walk(window.page)
    assert not _settles(window.page, _FITS)
    window.page.evaluate("console.error('told')")
    assert ["told"] == window.troubles
    context.close()


def test_the_pages_are_those_of_the_menu(site: Path) -> None:
    """Every page that was built is looked at above."""
    assert sorted(built_pages()) == sorted(str(file.relative_to(site)) for file in site.glob("**/*.html"))


def test_a_page_on_paper_has_its_words(window: Window, address: str) -> None:
    """What is folded on the screen is there on paper."""
    page = window.page
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.emulate_media(media="screen")
    page.goto(f"{address}/requirements/idem.html")
    folded = page.locator("details li").first
    expect(folded).not_to_be_visible()
    page.emulate_media(media="print")
    expect(folded).to_be_visible()
    assert page.pdf().startswith(b"%PDF-")
    page.emulate_media(media="screen")


def test_search_finds_from_a_disk(browser: Browser, site: Path) -> None:
    """Opened as a file, with no server at all, the search finds a requirement by its id."""
    context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]
    window = Window(context.new_page())
    window.page.goto((site / "index.html").as_uri())
    window.page.get_by_role("textbox", name="Search").fill("CC-IDEM-004")
    found = window.page.locator(".md-search-result__link", has_text="CC-IDEM-004")
    expect(found.first).to_be_attached(timeout=PATIENCE)
    found.first.evaluate("link => link.click()")
    window.page.wait_for_url("**/requirements/idem.html*cc-idem-004")
    assert [] == window.troubles
    context.close()


def test_the_requirements_are_filtered(window: Window, address: str) -> None:
    """By class: what is left is of that class, and the count says how many."""
    page = window.page
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.goto(f"{address}/requirements/index.html")
    page.get_by_label("Class").select_option("watch")
    rows = page.locator(".filtered tbody tr:visible")
    classes = {rows.nth(at).locator("td").nth(1).inner_text() for at in range(rows.count())}
    assert {"watch"} == classes
    assert page.locator(".filter output").inner_text().startswith(f"{rows.count()} of ")


def test_a_job_is_tried(window: Window, address: str) -> None:
    """From the page a job goes to the mock beside it, to its end, and a faulty one is refused in words."""
    page = window.page
    window.troubles.clear()
    page.goto(f"{address}/try.html")
    answer = page.locator("#try-answer")

    def send(call: str) -> None:
        page.get_by_label("Call").select_option(label=call)
        page.get_by_role("button", name="Send").click()

    send("Check it")
    expect(answer).to_contain_text("There is no job yet")
    send("Submit a job")
    expect(answer).to_contain_text("201")
    for _ in range(20):
        send("Wait for a change")
        expect(answer).to_contain_text("200")
        if '"state": "succeeded"' in answer.inner_text():
            break
    send("What it printed")
    expect(answer).to_contain_text("Hello")
    send("Done")
    expect(answer).to_contain_text("204")
    assert [] == window.troubles
    send("A job with faults")
    expect(answer).to_contain_text("/colour")
    window.troubles.clear()  # a browser tells a 422 as an error


def test_without_scripts_nothing_is_missing(browser: Browser, address: str) -> None:
    """The requirements are all there, and the form says how to do without it."""
    context = browser.new_context(viewport=WIDE, java_script_enabled=False)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{address}/requirements/index.html")
    assert page.locator(".filtered tbody tr:visible").count() > 100
    page.goto(f"{address}/try.html")
    expect(page.locator("#try")).to_contain_text("curl")
    context.close()
