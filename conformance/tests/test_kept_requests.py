"""Systematic requests are made once for all targets, and are the same when they are read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from common_compute_conformance.generation import kept
from common_compute_conformance.generation.generator import Generator, quiet
from common_compute_conformance.generation.kept import kept_drafts
from common_compute_conformance.generation.questions import NOTHING, Draft, Shape
from common_compute_conformance.requirements import load_yaml

DRAFTS = [
    Draft("list_jobs", "GET", {}, (("state", "pending"), ("state", "é\u2028")), {"X-A": "1"}, NOTHING),
    Draft("submit_job", "POST", {}, (), {}, None),
    Draft("submit_job", "POST", {}, (), {}, {"b": [1, 1.0, True, "\x00"], "a": 2**70}),
    Draft("get_job", "PATCH", {"job_id": "%"}, (), {}, NOTHING, Shape.METHOD),
]


class Maker:
    """Makes drafts, and counts how often."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> list[Draft]:
        self.made += 1
        return DRAFTS


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the directory of what is kept, an empty one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "common-compute" / "drafts"


def test_they_are_read_as_they_were_made(cache: Path) -> None:
    """Drafts come back with every value of its own kind, made of the same; made of something else, anew."""
    maker = Maker()
    for _ in range(2):
        read = kept_drafts(["a", {"x": 1}], maker)
        assert [repr(draft) for draft in DRAFTS] == [repr(draft) for draft in read]
    assert 1 == maker.made
    kept_drafts(["a", {"x": 2}], maker)
    assert (2, 2) == (maker.made, len(list(cache.iterdir())))


@pytest.mark.parametrize(
    "text", ["", "[[", "{}", "[1]", "[[1, 2]]", '[["a", "GET", {}, [], {}, [], "odd"]]', "\ud800"]
)
def test_what_cannot_be_read_is_made_again(cache: Path, text: str) -> None:
    """Half a file, or somebody else's, is replaced."""
    maker = Maker()
    kept_drafts([], maker)
    (file,) = cache.iterdir()
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert DRAFTS == kept_drafts([], maker)
    assert DRAFTS == kept_drafts([], maker)
    assert 2 == maker.made


def test_nothing_is_kept_where_nothing_can_be(cache: Path) -> None:
    """A cache that is a file, as in a container without a home, stops nobody."""
    cache.parent.write_text("")
    maker = Maker()
    assert [DRAFTS, DRAFTS] == [kept_drafts([], maker), kept_drafts([], maker)]
    assert 2 == maker.made


def test_the_seed_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one seed has made serves another; schemathesis is not asked again."""
    document = load_yaml("openapi.yaml")
    with quiet():
        made = Generator(document, 1).systematic("list_jobs")
        monkeypatch.setattr("common_compute_conformance.generation.generator._systematic", lambda _: iter(()))
        assert made == Generator(document, 2).systematic("list_jobs")
        monkeypatch.setattr(kept, "cache_directory", lambda: Path("/dev/null"))
        assert [] == Generator(document, 2).systematic("list_jobs")
    assert len(made) > 20
