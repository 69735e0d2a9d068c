"""The code on the site's pages: what can run is run as it stands, what is data is read, and nothing else is there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from common_compute_website.blocks import RUN, Block, blocks_of, fault_of
from common_compute_website.places import CERTIFICATES, ROOT, WRITTEN, WRITTEN_HERE
from common_compute_website.running_blocks import BlockFailed, run_page

FILES = {
    "facilities/certificate.md": {
        "certificate/certificate.json": CERTIFICATES / "mock_rosetta.json",
        "one/certificate.json": CERTIFICATES / "mock_rosetta.json",
        "two/certificate.json": CERTIFICATES / "mock_dirac.json",
        "docs/certificates/one.json": CERTIFICATES / "mock_rosetta.json",
        "docs/certificates/two.json": CERTIFICATES / "mock_dirac.json",
    }
}
"""What a page's reader has in the folder before."""

RUN_ELSEWHERE = {"facilities/deployment.md": "deploy/tests/test_deployment_page.py"}
"""Pages for administrators of a whole machine: their own tests run each block, with other paths."""

SOURCES = {page: ROOT / source for source, page in WRITTEN.items()} | {
    str(file.relative_to(WRITTEN_HERE)): file for file in (WRITTEN_HERE).glob("**/*.md")
}
WITH_CODE = sorted(
    page
    for page, file in SOURCES.items()
    if page not in RUN_ELSEWHERE
    and any(block.language in RUN for block in blocks_of(file.read_text(encoding="utf-8")))
)


def blocks(page: str) -> list[Block]:
    """Give the blocks of a page that somebody wrote."""
    return blocks_of(SOURCES[page].read_text(encoding="utf-8"))


@pytest.mark.real
@pytest.mark.needs("node")
@pytest.mark.parametrize("page", WITH_CODE)
def test_the_code_of_a_page_runs(page: str, tmp_path: Path) -> None:
    """Every block in bash, python and js runs, in the order of the page."""
    for name, file in FILES.get(page, {}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, tmp_path / name)
    expected = sum(block.language in RUN for block in blocks(page))
    assert expected == run_page(blocks(page), tmp_path)


def test_what_runs_elsewhere_does() -> None:
    """The tests that are named for a page read that page."""
    for page, tests in RUN_ELSEWHERE.items():
        assert SOURCES[page].name in (ROOT / tests).read_text(encoding="utf-8")


def test_no_fence_is_overlooked() -> None:
    """As many fences stand on the written pages as were found, so that none hides from the tests above."""
    for page, file in SOURCES.items():
        fences = re.findall(r"^ *`{3,}", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * len(blocks(page)), page


@pytest.mark.real
@pytest.mark.needs("node")
@pytest.mark.parametrize(
    ("language", "good", "bad"),
    [
        ("bash", "X=1", 'test "$X" = 2'),
        ("python", "x = 1", "assert x == 2"),
        ("js", "let x = 1;", "if (1 !== 2) throw new Error('no');"),
        ("bash", "true", "false | true"),
    ],
)
def test_code_that_fails_is_seen(language: str, good: str, bad: str, tmp_path: Path) -> None:
    """A block that fails is told by its line, after what stood before it had run."""
    with pytest.raises(BlockFailed, match="line 7"):
        run_page([Block(language, good + "\n", 1), Block(language, bad + "\n", 7)], tmp_path)


@pytest.mark.parametrize(
    ("language", "text"),
    [("json", "{"), ("yaml", "a: ["), ("toml", "a ="), ("", "x"), ("sh", "true")],
)
def test_data_that_is_wrong_is_seen(language: str, text: str) -> None:
    """Broken data, a language that is not run, and none at all are faults."""
    assert fault_of(Block(language, text, 1))
