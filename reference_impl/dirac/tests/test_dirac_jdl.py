"""Job descriptions: a part's name in DIRAC, what a job needs, and nothing that a caller has written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from common_compute_connector.protocol import PartKey
from common_compute_dirac.jdl import NativeName, NoSafeWord, description, group_name, job_name, read_name
from common_compute_dirac.settings import Settings

KEY = PartKey("01kb3v9d" + "x" * 24, 7)


Lines = Callable[..., dict[str, str]]


@pytest.fixture
def lines(settings: Callable[..., Settings]) -> Lines:
    """Give the writer of descriptions, line by line."""

    def write(count: int = 1, spec: dict[str, Any] | None = None, **more: Any) -> dict[str, str]:
        text = description(settings(**more), "common-compute", KEY, count, spec or {})
        assert text.startswith("[\n")
        assert text.endswith(";\n]")
        return dict(line.rstrip(";").split(" = ", 1) for line in text.splitlines()[1:-1])

    return write


def test_names_are_read_as_they_were_written() -> None:
    """Part and place come out of a name again, whatever number of digits DIRAC writes the place with."""
    for place in ("0", "007", "99"):
        name = job_name("common-compute", KEY, place)
        assert NativeName(KEY, int(place)) == read_name(name, "common-compute")


@pytest.mark.parametrize(
    "name", ["", "hello", "other.01kb3v9d.0.0", "common-compute.01KB3V9D.0.0", "common-compute.a.0.0\n"]
)
def test_names_of_others_are_not_ours(name: str) -> None:
    """A job that somebody else named is none of this service's."""
    assert read_name(name, "common-compute") is None


def test_names_fit_into_dirac() -> None:
    """DIRAC cuts a JobGroup at 32 characters and a JobName at 128; a longer name would never be found again."""
    assert len(group_name(KEY.job_id)) <= 32
    longest = job_name('s e/r"v' * 30, PartKey(KEY.job_id, 10**9), str(10**9))
    assert len(longest) <= 128
    assert set(longest) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert KEY.job_id == group_name(KEY.job_id)


def test_nothing_of_the_caller_is_in_a_description(lines: Lines) -> None:
    """Two jobs that differ in all that a caller writes have one description."""
    mine = {
        "name": 'x"; Site = "A"',
        "command": ["rm", '"]', "%n", "%s"],
        "environment": {"A": "];"},
        "labels": {"a": "b"},
        "outputs": [{"path": "*"}],
        "inputs": [{"path": "i", "source": {"kind": "inline", "content_base64": ""}}],
        "project": "p",
        "metadata": {"m": "}"},
    }
    assert lines() == lines(spec=mine)


def test_a_part_of_several_tasks_is_parametric(lines: Lines) -> None:
    """Each job gets its place in its name and as the wrapper's argument; a single task has place 0."""
    one, many = lines(), lines(5)
    assert "Parameters" not in one
    assert ('"0"', f'"common-compute.{KEY.job_id}.7.0"') == (one["Arguments"], one["JobName"])
    assert ("5", '"%n"') == (many["Parameters"], many["Arguments"])
    assert f'"common-compute.{KEY.job_id}.7.%n"' == many["JobName"]


def test_resources_become_what_dirac_has(lines: Lines) -> None:
    """Cores, memory in MiB, CPU time from wall time and cores, a site, and what DIRAC alone knows."""
    spec = {
        "resources": {"cpu_cores": 4, "memory_bytes": 1 << 30, "wall_time_seconds": 600, "site": "LCG.A.org"},
        "backend_parameters": {"Priority": 9, "BannedSites": ["LCG.B.org"], "Platform": "x86_64-el9"},
    }
    found = lines(spec=spec)
    assert {
        "NumberOfProcessors": "4",
        "MinRAM": "1024",
        "CPUTime": "24000",
        "Site": '"LCG.A.org"',
        "Priority": "9",
        "BannedSites": '{"LCG.B.org"}',
        "Platform": '"x86_64-el9"',
    }.items() <= found.items()


@pytest.mark.parametrize(("wall", "expected"), [(1, "100"), (60, "600"), (10**6, "500000")])
def test_cpu_time_stays_within_dirac_s_limits(lines: Lines, wall: int, expected: str) -> None:
    """DIRAC refuses what lies outside."""
    assert expected == lines(spec={"resources": {"wall_time_seconds": wall}})["CPUTime"]


def test_the_settings_name_sites_and_tags(lines: Lines) -> None:
    """A job that names no site goes to those of the settings."""
    found = lines(sites=["LCG.A.org", "LCG.B.org"], tags=["Special"], platform="el9")
    assert ('{"LCG.A.org", "LCG.B.org"}', '{"Special"}', '"el9"') == (
        found["Site"],
        found["Tags"],
        found["Platform"],
    )


def test_containers_may_need_tags_of_their_own(lines: Lines) -> None:
    """By which DIRAC chooses workers that have a runtime; other jobs go anywhere."""
    containers = {
        "runtime": "charliecloud",
        "images": "/i",
        "probe_image": "b:1",
        "container_tags": ["Boxes"],
    }
    for kind, tags in (("container", '{"Special", "Boxes"}'), ("installed", '{"Special"}')):
        assert (
            tags == lines(spec={"software": {"kind": kind}}, tags=["Special"], containers=containers)["Tags"]
        )


@pytest.mark.parametrize("site", ['A"; Owner = "bob', "a b", "", "a\n", "%n", "a" * 129])
def test_a_word_that_would_break_out_is_refused(lines: Lines, site: str) -> None:
    """Whoever let it get here, it does not become a description."""
    with pytest.raises(NoSafeWord):
        lines(spec={"resources": {"site": site}})
    with pytest.raises(NoSafeWord):
        lines(spec={"backend_parameters": {"BannedSites": [site]}})


def test_a_description_is_one_that_json_could_quote(lines: Lines) -> None:
    """Every text in it is written without an escape, so that no reader of JDL can differ about it."""
    for value in lines(3).values():
        if value.startswith('"'):
            assert value[1:-1] == json.loads(value)
