"""A badge says no more than its certificate."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from common_compute_conformance.reporting.badge import badge

SVG = "{http://www.w3.org/2000/svg}"


def _badge(verdict: str, *classes: str) -> ET.Element:
    return ET.fromstring(badge({"verdict": verdict, "certified_classes": list(classes)}))


@pytest.mark.parametrize(
    ("verdict", "classes", "words"),
    [
        ("certified", ("core", "container"), "certified: core, container"),
        ("refused", ("container",), "not certified"),
        ("partial-passed", (), "partial run, no certificate"),
        ("partial-failed", (), "partial run, no certificate"),
    ],
)
def test_a_badge_says_the_verdict(verdict: str, classes: tuple[str, ...], words: str) -> None:
    """A badge names the classes of a certificate, and nothing of what is none."""
    image = _badge(verdict, *classes)
    assert ["Common Compute", words] == [text.text for text in image.iter(f"{SVG}text")]


def test_a_badge_can_be_heard() -> None:
    """A badge has a title and a label with the same words."""
    image = _badge("certified", "core", '<x> & "y"')
    title = image.find(f"{SVG}title")
    assert title is not None
    assert 'Common Compute: certified: core, <x> & "y"' == title.text == image.get("aria-label")
    assert "img" == image.get("role")


def test_a_badge_needs_nothing_else() -> None:
    """A badge runs nothing and names no address but that of SVG itself."""
    image = _badge("certified", "core")
    assert {"svg", "title", "clipPath", "rect", "g", "text"} == {
        each.tag.removeprefix(SVG) for each in image.iter()
    }
    values = [value for each in image.iter() for value in each.attrib.values()]
    assert [] == [value for value in values if "//" in value]


def test_a_badge_is_as_wide_as_its_words() -> None:
    """A badge of more words is wider, and its two halves make up its width."""
    short, long = _badge("certified", "core"), _badge("certified", "core", "container", "live-logs")
    assert int(short.get("width", 0)) < int(long.get("width", 0))
    left, right = long.findall(f"{SVG}g/{SVG}rect")
    assert int(long.get("width", 0)) == int(left.get("width", 0)) + int(right.get("width", 0))
