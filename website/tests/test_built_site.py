"""The built site as files: every link leads somewhere, every address that others rely on is there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from common_compute_website import contract, menu
from common_compute_website.blocks import LANGUAGES, RUN, blocks_of, fault_of
from common_compute_website.menu import built_pages
from common_compute_website.places import WRITTEN, WRITTEN_HERE

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("website")]

NOT_MET = {"forbidden", "internal", "enrolment-not-supported"}
"""Problems that no mock can be brought to: they take an identity provider, a defect, and one account for all."""


class Page(HTMLParser):
    """What a page links to and which anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value is not None:
                self.links.append(value)


@pytest.fixture(scope="module")
def read(site: Path) -> dict[str, Page]:
    """Read all pages."""
    return {name: Page((site / name).read_text(encoding="utf-8")) for name in built_pages()}


def _broken(site: Path, name: str, read: dict[str, Page]) -> Iterator[str]:
    for link in read[name].links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            if parts.scheme not in ("https", "data", "mailto") or (
                parts.scheme == "https" and "." not in parts.netloc
            ):
                yield link
            continue
        path = unquote(parts.path)
        there = site / path.lstrip("/") if path.startswith("/") else (site / name).parent / path
        there = (site / name if not path else there).resolve()
        there = there / "index.html" if there.is_dir() else there
        if not there.is_file():
            yield link
        elif parts.fragment and there.suffix == ".html":
            page = read.get(there.relative_to(site.resolve()).as_posix())
            if page is None or (unquote(parts.fragment) not in page.anchors):
                yield link


def test_every_link_leads_somewhere(site: Path, read: dict[str, Page]) -> None:
    """Within the site to a file and an anchor that are there; elsewhere by https to a host."""
    assert {} == {name: broken for name in read if (broken := list(_broken(site, name, read)))}
    assert sum(len(page.links) for page in read.values()) > 3000


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    """A file that is not there, an anchor that is not there, and plain http are broken."""
    text = '<a href="x.html"></a><a href="#no"></a><a href="http://a.org"></a><p id="yes"><a href="#yes"></a>'
    (tmp_path / "a.html").write_text(text)
    assert ["x.html", "#no", "http://a.org"] == list(_broken(tmp_path, "a.html", {"a.html": Page(text)}))


def _address(page: str) -> tuple[str, str]:
    path, _, anchor = page.partition("#")
    return path.removesuffix(".md") + ".html", anchor


def test_everything_of_the_contract_has_its_address(read: dict[str, Page]) -> None:
    """Operations, schemas, problems and requirements are where links to them go."""
    addresses = [
        *map(contract.operation_page, contract.operations()),
        *map(contract.schema_page, contract.schemas()),
        *map(contract.requirement_page, contract.requirements()),
        *(contract.problem_page(each["code"]) for each in contract.version().openapi["x-problem-catalogue"]),
    ]
    assert len(addresses) > 300
    assert [] == [page for page in addresses if _address(page)[1] not in read[_address(page)[0]].anchors]


def test_every_operation_was_asked_and_every_problem_met(pages: Path) -> None:
    """Each operation shows a success that came, each problem's section the problem, but for those named above."""
    for name in contract.operations():
        path, anchor = contract.operation_page(name).split("#")
        text = (pages / path).read_text(encoding="utf-8").partition(f"{{#{anchor}}}")[2].partition("\n## ")[0]
        assert re.search(r'^\?\?\? example ".*: 20\d"$', text, re.MULTILINE), name
    problems = (pages / contract.PROBLEMS_PAGE).read_text(encoding="utf-8")
    shown = set(re.findall(r'^    +"code": "([a-z-]+)",$', problems, re.MULTILINE))
    known = {each["code"] for each in contract.version().openapi["x-problem-catalogue"]}
    assert known - shown == NOT_MET


def test_what_use_cases_left_is_shown(site: Path) -> None:
    """The numbers that the stories name are those that came out in this build, and the plot is a picture."""
    for name, line in (
        ("cta_installed_software", "all,79,128,53.4"),
        ("cta_container", "100,200,142,244,93.2"),
        ("many_pools", "pool-0001,0,3,53,83,36.4"),
    ):
        page = (site / "use_cases" / f"{name}.html").read_text(encoding="utf-8")
        outcome = page.partition('id="outcome"')[2]
        assert line in re.sub(r"<[^>]+>", "", outcome), name
    assert (site / "use_cases" / "results" / "sunspots.svg").read_bytes().lstrip().startswith(b"<")
    assert "sunspots.svg" in (site / "use_cases" / "timeseria.html").read_text(encoding="utf-8")


def test_every_block_of_the_site_says_what_it_is(pages: Path) -> None:
    """All blocks of all pages, also those that were made, have a known language, and data is what it says it is."""
    counts: Counter[str] = Counter()
    faults = []
    for page in menu.pages():
        found = blocks_of((pages / page).read_text(encoding="utf-8"))
        counts.update(block.language for block in found)
        faults += [f"{page}:{block.line}: {fault}" for block in found if (fault := fault_of(block))]
    assert [] == faults
    assert set(LANGUAGES) == set(counts)


def test_no_page_that_was_made_has_code_to_run(pages: Path) -> None:
    """Code stands on pages that somebody wrote, which are run above; none is made."""
    by_hand = {str(file.relative_to(WRITTEN_HERE)) for file in (WRITTEN_HERE).glob("**/*.md")}
    made = [page for page in menu.pages() if page not in by_hand | set(WRITTEN.values())]
    assert [] == [
        page
        for page in made
        for block in blocks_of((pages / page).read_text(encoding="utf-8"))
        if block.language in RUN
    ]
