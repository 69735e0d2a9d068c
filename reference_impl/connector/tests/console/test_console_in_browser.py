"""The console in a real browser, at a mock that runs: with and without scripts, by keyboard, on a phone.

COMMON_COMPUTE_SCREENSHOTS=1 writes the pictures of docs/screenshots anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

pytestmark = [pytest.mark.real, pytest.mark.needs("chromium"), pytest.mark.timeout(240)]

PROGRAM = Path(sys.executable).parent / "common-compute"
PICTURES = Path(__file__).parents[4] / "docs" / "screenshots"
LARGEST_PICTURE, TALLEST_PICTURE = 150_000, 1200
PATIENCE = 30_000
WIDE, PHONE, NARROW = (
    {"width": 1000, "height": 700},
    {"width": 390, "height": 780},
    {"width": 320, "height": 600},
)
IMAGE = {"kind": "container", "image": "debian:12-slim"}
COUNTING = "for step in 1 2 3; do echo counted to $step; sleep 1; done; echo done > result.txt"
TASKS = (
    "echo task $CC_TASK_INDEX; sleep $((CC_TASK_INDEX / 4)); test $CC_TASK_INDEX != 3 && echo ok > out.txt"
)


class Mock:
    """A mock that runs, and the API as a client of it sees it."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.root = ready["url"].removesuffix("/v1")
        self.tokens: dict[str, str] = ready.get("tokens", {})
        headers = {"authorization": f"Bearer {self.tokens['anna']}"} if self.tokens else {}
        self.api = httpx.Client(base_url=ready["url"], headers=headers, trust_env=False)

    def job(self, job_id: str) -> dict[str, Any]:
        """Ask for a job."""
        document: dict[str, Any] = self.api.get(f"/jobs/{job_id}").raise_for_status().json()
        return document

    def submit(self, command: str, **changes: Any) -> str:
        """Submit a job of a shell command."""
        body = {"facility_id": "rosetta", "software": IMAGE, "command": ["/bin/sh", "-c", command], **changes}
        job_id: str = self.api.post("/jobs", json=body).raise_for_status().json()["id"]
        return job_id

    def over(self, job_id: str) -> dict[str, Any]:
        """Wait for the end of a job."""
        while (job := self.api.get(f"/jobs/{job_id}", params={"wait_seconds": 20}).json())["state"] not in (
            "succeeded",
            "failed",
            "cancelled",
        ):
            pass
        return dict(job)


@contextmanager
def _running(*options: str) -> Iterator[Mock]:
    arguments = [str(PROGRAM), "mock", "--flavour", "rosetta", "--json", "--port", "0", *options]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        mock = Mock(json.loads(process.stdout.readline()))
        with mock.api:
            yield mock
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    """Run a mock that is open to everybody."""
    with _running() as mock:
        yield mock


@pytest.fixture(scope="module")
def guarded_mock() -> Iterator[Mock]:
    """Run a mock that asks for tokens."""
    with _running("--bearer") as mock:
        yield mock


expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium, as it is installed on this machine."""
    program = shutil.which("chromium")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error("policy violated: " + event.violatedDirective + " " + event.blockedURI);
});
"""


class Windows:
    """Opens browsers' windows, and looks at what happens in each of them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.troubles: list[str] = []
        self.hosts: set[str] = set()

    def open(self, mock: Mock, *, scripts: bool = True, **options: Any) -> Page:
        """Open a window of a browser without any memory."""
        options = {"viewport": WIDE, "base_url": mock.root, **options}
        context = self._browser.new_context(java_script_enabled=scripts, **options)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(_TELL_VIOLATIONS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.hosts.add(urlsplit(mock.root).netloc)
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.troubles.append(text)

    def expected(self, *statuses: int) -> None:
        """Let go of what a browser says of pages with these statuses, each of which it has met."""
        for status in statuses:
            said = [text for text in self.troubles if f"status of {status}" in text]
            assert said, (status, self.troubles)
            self.troubles = [text for text in self.troubles if text not in said]

    def close(self) -> None:
        """Close all windows."""
        for context in self._contexts:
            context.close()


@pytest.fixture
def windows(browser: Browser) -> Iterator[Windows]:
    """Give windows in which no script may fail, no policy be violated, and no other host be asked."""
    windows = Windows(browser)
    yield windows
    windows.close()
    assert [] == windows.troubles
    assert 1 == len(windows.hosts), windows.hosts


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Give the way to take a picture for the documentation, which is taken when it is asked for."""

    def take(page: Page, name: str) -> None:
        if os.environ.get("COMMON_COMPUTE_SCREENSHOTS") != "1":
            return
        PICTURES.mkdir(parents=True, exist_ok=True)
        size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": min(size[1], TALLEST_PICTURE)}
        file = PICTURES / f"{name}.png"
        page.screenshot(path=file, full_page=True, clip=clip, animations="disabled")  # type: ignore[arg-type]
        assert file.stat().st_size < LARGEST_PICTURE

    return take


def _job_of(page: Page) -> str:
    found = re.search(r"/console/jobs/([0-9a-v]+)", page.url)
    assert found is not None, page.url
    return found[1]


def _state(page: Page) -> Any:
    return page.locator(".headline .state")


def _fill_in(page: Page, title: str) -> None:
    page.get_by_label("Begin with").select_option(label=title)
    page.get_by_role("button", name="Fill in").click()


def _write(page: Page, command: str, **changes: Any) -> None:
    body = {"facility_id": "rosetta", "software": IMAGE, "command": ["/bin/sh", "-c", command], **changes}
    page.get_by_label("Job specification").fill(json.dumps(body, indent=2))


def _downloaded(page: Page, name: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    assert name in (download.value.suggested_filename, "Download stdout")
    return Path(download.value.path()).read_bytes()


def test_a_job_goes_from_the_form_to_its_bytes(mock: Mock, windows: Windows, picture: Any) -> None:
    """A use case is submitted; its page follows it to the end by itself, and gives the bytes of its result."""
    page = windows.open(mock)
    page.goto("/")
    page.get_by_role("link", name="Submit a job", exact=True).click()
    _fill_in(page, "CTA: a container that the analyst brings")
    picture(page, "submit")
    page.get_by_role("button", name="Submit", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Energy spectrum"))
    job = _job_of(page)
    loaded = page.evaluate("performance.timeOrigin")
    expect(_state(page)).to_have_text("succeeded", timeout=PATIENCE)
    expect(page.locator("#announcement")).to_have_text("The job is succeeded.")
    expect(page.locator("[hx-trigger]")).to_have_count(0)
    assert loaded == page.evaluate("performance.timeOrigin"), "the page was loaded anew"
    (result,) = mock.api.get(f"/jobs/{job}/results").json()["results"]
    expect(page.locator(".results .digest")).to_have_text(result["sha256"])
    assert result["sha256"] == hashlib.sha256(_downloaded(page, "spectrum.csv")).hexdigest()


def test_a_log_is_read_while_it_grows(mock: Mock, windows: Windows, picture: Any) -> None:
    """A running job's log comes line by line, and the whole of it is downloaded at the end."""
    page = windows.open(mock)
    page.goto("/console/submit")
    _write(
        page, COUNTING, name="Count to three", outputs=[{"path": "result.txt"}], labels={"campaign": "2026"}
    )
    page.get_by_role("button", name="Submit", exact=True).click()

    log = page.get_by_role("region", name="stdout")
    expect(log).to_contain_text("counted to 1")
    expect(_state(page)).to_have_text("running")
    expect(page.locator(".live")).to_have_text("live")
    picture(page, "job-running")
    expect(log).to_have_text("counted to 1\ncounted to 2\ncounted to 3\n", use_inner_text=False)
    expect(page.locator("#log-part[hx-trigger]")).to_have_count(0)
    assert b"counted to 1\ncounted to 2\ncounted to 3\n" == _downloaded(page, "Download stdout")


def test_another_job_is_cancelled(mock: Mock, windows: Windows, picture: Any) -> None:
    """The question comes first; the page then shows how the job ends, and the list too."""
    job = mock.submit("sleep 300", name="A long night")
    page, listed = windows.open(mock), windows.open(mock)
    listed.goto("/console/jobs?state=&facility_id=rosetta")
    row = listed.get_by_role("listitem").filter(has=listed.locator(f"#to-{job}"))
    page.goto(f"/console/jobs/{job}")
    expect(_state(page)).to_have_text("running")
    page.get_by_role("link", name="Cancel").click()
    picture(page, "cancel")
    page.get_by_role("button", name="Cancel the job").click()

    expect(_state(page)).to_have_text("cancelled")
    expect(row.locator(".state")).to_have_text("cancelled")
    assert ("cancelled", "cancelled-by-user") == ((end := mock.over(job))["state"], end["reason"]["code"])
    page.get_by_role("link", name="Release").click()
    page.get_by_role("button", name="Release the job").click()
    expect(page.get_by_text("The job was released.")).to_be_visible()
    assert 404 == mock.api.get(f"/jobs/{job}").status_code


def test_an_array_is_followed(mock: Mock, windows: Windows, picture: Any) -> None:
    """Its tasks are counted and listed while they run, and each has its own log."""
    job = mock.submit(
        TASKS, name="Twelve pools", array={"count": 12}, outputs=[{"path": "out.txt", "required": False}]
    )
    page = windows.open(mock)
    page.goto(f"/console/jobs/{job}")
    page.get_by_role("link", name="All 12 tasks").click()
    expect(page.locator("tbody .state.succeeded")).to_have_count(11)
    expect(page.locator("[hx-trigger]")).to_have_count(0)
    expect(page.locator("tbody tr").nth(3).locator(".state")).to_have_text("failed")
    picture(page, "tasks")
    page.get_by_role("link", name="3", exact=True).click()
    expect(page.get_by_role("region", name="stdout")).to_have_text("task 3\n", use_inner_text=False)
    expect(page.get_by_role("spinbutton", name="Task")).to_have_value("3")


def test_faults_are_told_beside_the_form(mock: Mock, windows: Windows, picture: Any) -> None:
    """The faults of the API stand above the text, each with pointer and line; mended, the job is taken."""
    page = windows.open(mock)
    page.goto("/console/submit")
    _write(page, "true", resources={"cpu_cores": 99, "gpus": 1}, outputs=[{"path": "../out"}])
    page.get_by_role("button", name="Check only").click()
    expect(page.get_by_role("alert")).to_contain_text("/resources/gpus line 14")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("/outputs/0/path")
    windows.expected(422)
    picture(page, "faults")
    _write(page, "true")
    page.get_by_role("button", name="Check only").click()
    expect(page.get_by_role("status").first).to_contain_text("would be accepted")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(_state(page)).to_have_text("succeeded")


def test_all_works_without_scripts(mock: Mock, windows: Windows) -> None:
    """Links and forms alone lead from the first page to the log and the result."""
    page = windows.open(mock, scripts=False)
    page.goto("/")
    page.get_by_role("link", name="Submit a job", exact=True).click()
    _fill_in(page, "A small job that says hello")
    page.get_by_role("button", name="Submit", exact=True).click()
    job = _job_of(page)
    expect(page.get_by_text("The job was submitted.")).to_be_visible()
    mock.over(job)
    page.get_by_role("link", name="Jobs").first.click()
    page.locator(f"#to-{job}").click()

    expect(_state(page)).to_have_text("succeeded")
    expect(page.get_by_role("region", name="stdout")).to_contain_text("step 3 of 3")
    assert b"hello\n" == _downloaded(page, "hello.txt")
    page.get_by_text("What was submitted").click()
    expect(page.get_by_label("The job's specification")).to_contain_text("debian:12-slim")
    page.get_by_role("link", name="Release").click()
    page.get_by_role("button", name="Release the job").click()
    assert 404 == mock.api.get(f"/jobs/{job}").status_code


_CONTROLS = """
() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
  )].filter((each) => each.checkVisibility()).map((each, number) => { each.dataset.number = number; return number; })
"""
_FOCUSED = """
() => {
  const focused = document.activeElement;
  const style = getComputedStyle(focused);
  return [focused.dataset.number, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}
"""


@pytest.fixture
def paths(mock: Mock) -> Iterator[list[str]]:
    """Give the addresses of all pages, with names and lines that are hard to show."""
    over = mock.submit(
        "echo " + "x" * 300 + "; echo y > " + "y" * 120, name="z" * 200, outputs=[{"path": "*"}]
    )
    array = mock.submit("true", array={"count": 3})
    for job in (over, array):
        mock.over(job)
    here = ["/", "/console/jobs", "/console/submit", "/console/submit?begin=rosetta/cta_container"]
    here += ["/console/facilities/rosetta", f"/console/jobs/{over}", f"/console/jobs/{over}/release"]
    yield [*here, f"/console/jobs/{array}", f"/console/jobs/{array}/tasks", f"/console/jobs/{over}/results"]
    for job in (over, array):
        mock.api.delete(f"/jobs/{job}").raise_for_status()


def test_the_keyboard_reaches_everything(mock: Mock, windows: Windows, paths: list[str]) -> None:
    """On every page the Tab key goes to each control once, in the order of the page, and one sees where it is."""
    page = windows.open(mock)
    for path in paths:
        page.goto(path)
        controls = page.evaluate(_CONTROLS)
        met = []
        for _ in controls:
            page.keyboard.press("Tab")
            number, is_seen = page.evaluate(_FOCUSED)
            assert is_seen, (path, number)
            met.append(int(number))
        assert controls == met, path


def test_the_keyboard_skips_and_submits(mock: Mock, windows: Windows) -> None:
    """The first key press offers to skip what all pages have; a form is filled in and sent by keys alone."""
    page = windows.open(mock)
    page.goto("/console/submit")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Begin with")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_label("Job specification")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(_state(page)).to_have_text(re.compile("pending|queued|running"))


def test_the_focus_outlives_what_comes_anew(mock: Mock, windows: Windows) -> None:
    """A control that is focused stays so when the part of the page around it is renewed."""
    job = mock.submit("sleep 2")
    page = windows.open(mock)
    page.goto(f"/console/jobs/{job}")
    page.locator("#to-facility").focus()
    expect(_state(page)).to_have_text("succeeded")
    expect(page.locator("#to-facility")).to_be_focused()


@pytest.mark.parametrize("size", [PHONE, NARROW], ids=["390", "320"])
def test_a_phone_scrolls_down_only(mock: Mock, windows: Windows, paths: list[str], size: Any) -> None:
    """No page is wider than the window, whatever names and lines are in it."""
    page = windows.open(mock, viewport=size, is_mobile=True, has_touch=True)
    for path in paths:
        page.goto(path)
        root = "document.documentElement"
        assert page.evaluate(f"{root}.clientWidth") == page.evaluate(f"{root}.scrollWidth"), path
        assert size["width"] == page.evaluate("innerWidth"), path


def test_a_guarded_console_asks_for_a_token(guarded_mock: Mock, windows: Windows, picture: Any) -> None:
    """A wrong token is told, the right one opens the pages, and its cookies are out of every script's reach."""
    page = windows.open(guarded_mock)
    page.goto("/")
    picture(page, "sign-in")
    page.get_by_label("Bearer token").fill("mock-token-of-nobody")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The token is not known here.")
    windows.expected(401)
    page.get_by_label("Bearer token").fill(guarded_mock.tokens["anna"])
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="Facilities")).to_be_visible()
    cookies = page.context.cookies()
    assert 2 == len(cookies)
    assert {(True, "Strict", "/", -1)} == {
        (cookie["httpOnly"], cookie["sameSite"], cookie["path"], cookie["expires"]) for cookie in cookies
    }
    assert "" == page.evaluate("document.cookie")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Bearer token")).to_be_visible()
    assert [] == [cookie for cookie in page.context.cookies() if "token" in str(cookie)]


def test_a_guarded_job_runs_for_its_owner(guarded_mock: Mock, windows: Windows) -> None:
    """Signed in, one sets up the credential if the facility wants one, submits, and has the result."""
    page = windows.open(guarded_mock)
    page.goto("/console/submit")
    windows.expected(401)
    page.get_by_label("Bearer token").fill(guarded_mock.tokens["anna"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Submit a job")).to_be_visible()
    page.goto("/console/facilities/rosetta")
    if page.get_by_role("button", name="Set up").is_visible():
        page.get_by_label("Account").fill("anna")
        page.get_by_role("button", name="Set up").click()
        expect(page.get_by_text("The credential was noted.")).to_be_visible()
        while guarded_mock.api.get("/facilities/rosetta/credential").json()["state"] == "awaiting_user":
            page.reload()
    page.get_by_role("link", name="Submit a job here").click()
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(_state(page)).to_have_text("succeeded")
    assert b"hello\n" == _downloaded(page, "hello.txt")


_FOREIGN = """<!doctype html><title>A page of somebody else</title>
<form method="post" action="{action}"><input name="mark" value="{mark}"><input name="specification" value="{{}}">
<button>Win a prize</button></form>"""


@contextmanager
def _foreign_site(action: str, mark: str) -> Iterator[str]:
    """Serve a page of another site, with a form for the console."""
    page = _FOREIGN.format(action=action, mark=mark).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("kind", ["open", "guarded"])
def test_a_page_of_another_site_does_nothing(
    mock: Mock, guarded_mock: Mock, browser: Browser, kind: str
) -> None:
    """Its form is refused in words, though the visitor is known here and the form has a right mark."""
    here = mock if kind == "open" else guarded_mock
    windows = Windows(browser)
    page = windows.open(here)
    page.goto("/")
    if kind == "guarded":
        page.get_by_label("Bearer token").fill(here.tokens["anna"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Facilities")).to_be_visible()
    page.goto("/console/submit")
    mark = page.locator("form.editor input[name=mark]").get_attribute("value")
    assert mark is not None
    before = here.api.get("/jobs").json()
    with _foreign_site(f"{here.root}/console/submit", mark) as site:
        page.goto(site)
        page.get_by_role("button", name="Win a prize").click()
        expect(page.get_by_text("This form was sent by a page of another site.")).to_be_visible()
        page.goto("/console/submit")
        expect(page.get_by_label("Job specification")).to_be_visible()
    assert before["jobs"] == here.api.get("/jobs").json()["jobs"]
    windows.close()


def test_a_link_of_another_site_leads_to_a_signed_in_page(guarded_mock: Mock, browser: Browser) -> None:
    """Browsers hold the cookies back for such a visit; the page comes by itself all the same."""
    windows = Windows(browser)
    page = windows.open(guarded_mock)
    page.goto("/")
    page.get_by_label("Bearer token").fill(guarded_mock.tokens["anna"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Facilities")).to_be_visible()
    with _foreign_site("", "") as site:
        page.goto(site)
        page.evaluate(
            "address => { const link = document.createElement('a'); link.href = address;"
            " link.textContent = 'console'; document.body.append(link); }",
            f"{guarded_mock.root}/console/jobs",
        )
        page.get_by_role("link", name="console").click()
        expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    windows.close()


@pytest.mark.parametrize(
    ("scheme", "mobile", "least", "most"),
    [("light", False, 0.85, 1), ("dark", False, 0, 0.02), ("light", True, 0.85, 1)],
    ids=["light", "dark", "phone"],
)
def test_pages_are_as_light_as_the_reader_wants(
    mock: Mock, windows: Windows, picture: Any, scheme: Any, mobile: bool, least: float, most: float
) -> None:
    """The paper is light or dark as the reader's system has it, and a phone has one column."""
    page = windows.open(mock, viewport=PHONE if mobile else WIDE, color_scheme=scheme, is_mobile=mobile)
    job = mock.over(mock.submit(COUNTING, name="Count to three", outputs=[{"path": "result.txt"}]))["id"]
    for path, title in (
        ("/", "overview"),
        ("/console/jobs", "jobs"),
        ("/console/facilities/rosetta", "facility"),
        (f"/console/jobs/{job}", "job"),
    ):
        page.goto(path)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert least <= luminance(*map(int, re.findall(r"\d+", colour)[:3])) <= most
        columns = page.evaluate(
            "new Set([...document.querySelectorAll('main > section')].map(e => e.offsetLeft)).size"
        )
        assert columns <= 1
        if scheme == "light" and not mobile:
            picture(page, title)
        elif title in ("overview", "job"):
            picture(page, f"{'phone' if mobile else scheme}-{title}")


def luminance(*colour: int) -> float:
    """Give the relative luminance of a colour (WCAG 2.2)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (each / 255 for each in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


_CONTRASTS = """
() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const found = [];
  for (const each of document.querySelectorAll("body *")) {
    const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !each.checkVisibility() || each.closest(".unseen, .skip, svg")) continue;
    let ground = each;
    while (ground && [undefined, 0].includes(rgb(getComputedStyle(ground).backgroundColor).concat(1)[3])) {
      ground = ground.parentElement;
    }
    const style = getComputedStyle(each);
    found.push([each.tagName + "." + each.className, rgb(style.color), rgb(getComputedStyle(ground).backgroundColor)]);
  }
  return found;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(mock: Mock, windows: Windows, paths: list[str], scheme: Any) -> None:
    """Whatever is written differs from its ground as WCAG 2.2 AA asks of small text, in both schemes."""
    failed = mock.submit("exit 3", name="Fails")
    mock.submit("sleep 20", name="Runs")
    page = windows.open(mock, color_scheme=scheme)
    for path in [*paths, "/console/jobs/" + mock.over(failed)["id"]]:
        page.goto(path)
        written = page.evaluate(_CONTRASTS)
        assert len(written) > 15, path
        for name, ink, paper in written:
            dark, light = sorted([luminance(*ink[:3]), luminance(*paper[:3])])
            assert 4.5 <= (light + 0.05) / (dark + 0.05), (path, name, ink, paper)
