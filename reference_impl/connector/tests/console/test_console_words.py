"""How the console writes what it shows, finds lines by pointers, and binds the use cases."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.console import words
from common_compute_connector.console.cases import Offer, cases_for, with_files
from common_compute_connector.console.pointers import line_of, lines_of

CASES = Path(__file__).parents[4] / "spec" / "use_cases"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ä and 漢", "plain, ä and 漢"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\x1b[31mb\x00", "a\\x1b[31mb\\x00"),
        ("evil\u202etxt.exe", "evil\\u202etxt.exe"),
        ("a\u2028b", "a\\u2028b"),
        ("non\u00a0breaking", "non\u00a0breaking"),
        ("क्\u200dष", "क्\u200dष"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_would_not_be_seen_is_shown(text: str, shown: str) -> None:
    """Control and directional characters are numbers to read; what people write in their languages stays."""
    assert shown == words.visible(text)


@pytest.mark.parametrize(
    ("content", "cut", "shown"),
    [
        (b"one\r\ntwo\rthree\n", False, "one\ntwo\nthree\n"),
        (b"\x1b[1;31mred\x1b[0m", False, "red"),
        (b"\x80half a line\nwhole\n", True, "whole\n"),
        (b"one endless line", True, "one endless line"),
        (b"not \xff text", False, "not \ufffd text"),
    ],
)
def test_a_log_is_lines_of_text(content: bytes, cut: bool, shown: str) -> None:
    """Whatever ends its lines or colours them; a line of which the beginning is missing is left out."""
    assert shown == words.log_text(content, is_cut=cut)


def test_amounts_have_units() -> None:
    """Sizes and durations are written in the unit that people would take."""
    sizes = {
        0: "0 bytes",
        1: "1 byte",
        999: "999 bytes",
        1000: "1.0 KiB",
        1536: "1.5 KiB",
        1 << 37: "128 GiB",
    }
    spans = {0: "0 s", 0.25: "0.2 s", 2: "2 s", 59.6: "1 min", 3600: "1 h", 90061: "1 d 1 h", 3601: "1 h"}

    assert sizes == {count: words.size(count) for count in sizes}
    assert spans == {seconds: words.span(seconds) for seconds in spans}
    assert ["8 KiB", "1 min", "True", "amd64"] == [
        words.quantity(value, name)
        for value, name in ((8192, "max_bytes"), (60, "x_seconds"), (True, "a_bytes"), ("amd64", "b"))
    ]


def test_times_are_utc() -> None:
    """A time of the API is written in UTC to the second, and without the day where that is known."""
    first, second, next_day = "2026-01-31T23:59:58.9Z", "2026-01-31T23:59:59Z", "2026-02-01T00:00:01+00:00"

    assert ("2026-01-31 23:59:58", "23:59:59", "2026-02-01 00:00:01") == (
        words.moment(first),
        words.clock(second, first),
        words.clock(next_day, second),
    )
    assert ("0.1 s", "0 s") == (words.between(first, second), words.between(second, first))


def test_json_is_written_for_people() -> None:
    """It is the same value, what fits on a line is on one, and no line of what does not is long."""
    value = {"a": [1, 2], "b": {"c": ["x" * 50, "y" * 50]}, "d": [], "e": "é"}
    text = words.json_text(value)

    assert value == json.loads(text)
    assert '"a": [1, 2],' in text
    assert '      "' + "x" * 50 in text
    assert {"f": "x" * 80 + "... (501 characters)"} == words.shortened({"f": "x" * 501})
    assert [*range(50), "... (2 more)"] == words.shortened([*range(52)])
    assert [*range(50)] == words.shortened([*range(50)])


TEXT = """{
  "a": 1, "b~/c": [
    {"d": "}\\"]"},

    [true,
     null]
  ],
  "e": {}
}"""


def test_a_pointer_means_a_line() -> None:
    """Each value is on the line where it begins, counted from 1, by RFC 6901."""
    expected = {"": 1, "/a": 2, "/b~0~1c": 2, "/b~0~1c/0": 3, "/b~0~1c/0/d": 3}
    expected |= {"/b~0~1c/1": 5, "/b~0~1c/1/0": 5, "/b~0~1c/1/1": 6, "/e": 8}

    assert expected == lines_of(TEXT)


def test_a_pointer_to_what_is_missing_means_the_value_around_it() -> None:
    """The line is that of the innermost value that is there."""
    lines = lines_of(TEXT)

    assert [8, 5, 1] == [line_of(pointer, lines) for pointer in ("/e/f/g", "/b~0~1c/1/7", "/z")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("{", {"": 1}),
        ('{"a" 1}', {"": 1}),
        ('{"a": 1 "b": 2}', {"": 1, "/a": 1}),
        ("[1,\n2,\n}", {"": 1, "/0": 1, "/1": 2, "/2": 3}),
        ('["\\q"]', {"": 1, "/0": 1}),
        ("{1: 2}", {"": 1}),
    ],
)
def test_a_text_that_is_no_json_has_lines_as_far_as_it_is(text: str, found: dict[str, int]) -> None:
    """Broken text ends the search, and nothing else."""
    assert found == lines_of(text)


def test_a_text_too_deep_is_left() -> None:
    """Brackets without end cost no stack."""
    assert 66 > len(lines_of("[" * 100_000))


def _facility(**changes: Any) -> dict[str, Any]:
    probe = {
        "installed": {"kind": "installed", "name": "shell"},
        "container": {"kind": "container", "image": "i:1"},
    }
    limits = {"max_array_tasks": 1000}
    return {"id": "here", "probe": probe, "conforms_to": ["core", "arrays"], "limits": limits} | changes


SOFTWARE = [
    {"name": "shell", "version": "2", "default": True},
    {"name": "shell", "version": "1", "default": False},
    {"name": "python", "version": "3", "default": True},
    {"name": "timeseria", "version": "2.3.0", "default": True},
]
WITHOUT_TIMESERIA = SOFTWARE[:3]


def test_every_use_case_is_offered_where_it_can_run() -> None:
    """A facility that has everything is offered all of them, bound but for their files."""
    offered = cases_for(Offer(_facility(), SOFTWARE))

    assert ["small", *sorted(body.parent.name for body in CASES.glob("*/body.json"))] == [
        case.name for case in offered
    ]
    for case in offered:
        text = json.dumps(case.body)
        assert text.count("${") == text.count("${FILE:")
        assert "here" == case.body["facility_id"]
    versions = {case.name: case.body["software"].get("version") for case in offered}
    assert ("2", None) == (versions["cta_installed_software"], versions["many_pools"])
    assert "2.3.0" == versions["timeseria_library"]


@pytest.mark.parametrize(
    ("facility", "software", "left"),
    [
        (
            _facility(probe={"container": {"kind": "container", "image": "i:1"}}),
            [],
            ["small", "cta_container"],
        ),
        (
            _facility(probe={"installed": {"kind": "installed", "name": "shell"}}),
            SOFTWARE[:2],
            ["small", "cta_installed_software", "many_pools"],
        ),
        (
            _facility(limits={"max_array_tasks": 20}),
            WITHOUT_TIMESERIA,
            ["small", "cta_container", "cta_installed_software"],
        ),
        (
            _facility(conforms_to=["core"]),
            SOFTWARE,
            ["small", "cta_container", "cta_installed_software", "timeseria_library"],
        ),
    ],
    ids=["containers alone", "no python", "short arrays", "no arrays"],
)
def test_a_case_that_cannot_run_is_not_offered(
    facility: dict[str, Any], software: list[dict[str, Any]], left: list[str]
) -> None:
    """What a case needs, the facility announces, or it is left out."""
    assert left == [case.name for case in cases_for(Offer(facility, software))]


def test_files_are_bound_when_the_form_is_sent() -> None:
    """A whole string `${FILE:name}` becomes the bytes of that file of the case, whatever else was edited."""
    case = next(each for each in cases_for(Offer(_facility(), SOFTWARE)) if each.name == "cta_container")
    edited = {**case.body, "command": ["echo", "${FILE:spectrum.sh} stays", "${FILE:../README.md}"]}
    bound = json.loads(with_files(words.json_text(edited), "cta_container"))

    assert edited["command"] == bound["command"]
    assert (CASES / "cta_container" / "spectrum.sh").read_bytes() == base64.b64decode(
        bound["inputs"][0]["source"]["content_base64"]
    )


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ('{"a": "${FILE:spectrum.sh}"}', "small"),
        ('{"a": "${FILE:spectrum.sh}"}', "../use_cases/cta_container"),
        ('{"a": "${FILE:nothing}", }', "cta_container"),
        ('{"a":   1.0}', "cta_container"),
        ("[" * 100_000 + "${FILE:spectrum.sh}", "cta_container"),
    ],
)
def test_what_has_no_files_of_its_case_is_sent_as_it_is(text: str, case: str) -> None:
    """Not a byte of it changes, so that what is wrong with it is told by the API."""
    assert text.encode() == with_files(text, case)
