"""Files of scenarios: what is wrong with one is told whole, and what is right holds after a restart too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector import contract
from common_compute_connector.clock import HeldClock
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.jobs import State
from common_compute_connector.protocol import Ground, Refused
from common_compute_mocks.facility import mock_configuration, open_connector
from common_compute_mocks.order import Order
from common_compute_mocks.scenario_file import MOST_BYTES, Unusable, schema
from common_compute_mocks.scenarios import catalogue, read_scenarios, scenario_of

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of scenarios."""

    def make(text: str | bytes, name: str = "my.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


def faults_of(path: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as told:
        read_scenarios(path)
    assert all(fault.startswith(f"{path}: ") for fault in told.value.faults)
    return tuple(fault.removeprefix(f"{path}: ") for fault in told.value.faults)


@pytest.mark.parametrize(
    ("entry", "place", "complaint"),
    [
        ({"attempt": []}, "odd: attempt", "not known here. Did you mean attempts?"),
        ({"colour": 1}, "odd: colour", "There are summary, attempts, "),
        ({"summary": None}, "odd: summary", "null is no value here"),
        ({"attempts": []}, "odd: attempts", "at least 1 elements"),
        ({"attempts": [{}, {"exit_code": 256}]}, "odd: attempts/1/exit_code", "at most 255"),
        ({"attempts": [{"waits": 1}]}, "odd: attempts/0/waits", "Did you mean waits_seconds?"),
        ({"attempts": [{"waits_seconds": "soon"}]}, "odd: attempts/0/waits_seconds", "must be a number"),
        ({"attempts": [{"reason": "bad-luck"}]}, "odd: attempts/0/reason", "one of wall-time-exceeded"),
        ({"attempts": [{"exit_code": 1, "signal": 2}]}, "odd: attempts/0", "keep one of exit_code, signal"),
        ({"attempts": [{"runs_at_most_seconds": 1}]}, "odd: attempts/0", "how it ends"),
        ({"silence": {"after_seconds": 1}}, "odd: silence/for_seconds", "missing"),
        ({"run": {"seconds": 1, "named": "a/b"}}, "odd: run/named", "without slashes"),
        ({"run": {"seconds": 1, "named": ".a"}}, "odd: run/named", "without a dot at"),
        (
            {"run": {"seconds": 1e6, "prints": {"every_seconds": 0.001, "line": "x"}}},
            "odd: run/prints/every_seconds",
            "more than 10000 lines",
        ),
        ({"results": {}}, "odd: results", "at least 1 members"),
        ({"results": {"lost": "all"}}, "odd: results/lost", "must be a list"),
        ({"results": {"huge": [{"path": "x"}]}}, "odd: results/huge/0/size_bytes", "missing"),
        ({"tasks": {"every": 2, "indices": [1]}}, "odd: tasks", "either by every (and first) or by indices"),
        ({"tasks": {"first": 2}}, "odd: tasks", "either by every"),
        ({"tasks": {"indices": [1], "first": 0}}, "odd: tasks/first", "leave it out"),
        ({"tasks": {"every": 2}, "refused": True}, "odd: refused", "whole submission"),
        ({"cancel": {}}, "odd: cancel", "members must be here: loses_race, confirmed_after_seconds"),
        ({"facility": {"down": [{"after_seconds": 1}]}}, "odd: facility/down/0/for_seconds", "missing"),
        (
            {"facility": {"down": [{"for_seconds": 5, "every_seconds": 5}]}},
            "odd: facility/down/0/every_seconds",
            "longer than for_seconds",
        ),
        (
            {"facility": {"status": {"state": "maintenance", "holds_jobs": True}}},
            "odd: facility/status/for_seconds",
            "for how long",
        ),
        ({"facility": {"status": {"state": "fine"}}}, "odd: facility/status/state", "degraded, maintenance"),
        ({"facility": {"credential": {"state": "odd"}}}, "odd: facility/credential/state", "awaiting_user"),
        ({"service": {"requests_per_minute": 0}}, "odd: service/requests_per_minute", "at least 1"),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_to_do(
    write: Write, entry: dict[str, Any], place: str, complaint: str
) -> None:
    """A faulty entry is told by the file, its name, the path in it, and what to write instead."""
    path = write(json.dumps({"odd": {"summary": "x", **entry}}))
    (fault,) = faults_of(path)
    assert fault.startswith(f"{place}: ")
    assert complaint in fault
    with pytest.raises(Unusable, match="odd"):
        scenario_of("odd", {"summary": "x", **entry})


def test_all_faults_are_told_at_once(write: Write) -> None:
    """Every entry of a file is looked at, and every member of it."""
    path = write("one: {}\ntwo: {summary: x, atempts: 3, refused: 1}\nthree words: {summary: x}\n")
    places = [fault.split(": This")[0] for fault in faults_of(path)]
    assert ["one: summary", "three words", "two: atempts", "two: refused"] == places


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the file is empty"),
        ("- summary: x", "must be an object"),
        ("{}", "at least 1 members"),
        ("a: [", "no YAML"),
        ("a: {summary: x}\n---\nb: {summary: x}", "no YAML"),
        (b"a: {summary: '\xff'}", "not in UTF-8"),
        ("a: {summary: x}\nb: {summary: x}\na: {summary: y}", "line 3: a is here twice"),
        ("a: {summary: x, summary: y}", "line 1: summary is here twice"),
        ("a: &a {summary: x}\nb: *a", "line 1: an alias"),
        ("a: &a [*a]", "an alias"),
        ("a: {summary: !!python/object/apply:os.system [ls]}", "line 1: the tag tag:yaml.org,2002:python/"),
        ("a: {summary: !!binary aGVsbG8=}", "line 1: the tag"),
        ("a: {summary: x, silence: {after_seconds: .nan, for_seconds: .inf}}", "finite number"),
        ("? [a]\n: {summary: x}", "a name must be a plain text"),
        pytest.param("[" * 5000, "nested too deeply", id="5000 brackets"),
        ("a: " + "[" * 40 + "]" * 40, "nested too deeply"),
        pytest.param("a: {summary: '" + "x" * MOST_BYTES + "'}", "longer than 1048576 bytes", id="too long"),
    ],
)
def test_hostile_yaml_is_refused_in_words(write: Write, text: str | bytes, complaint: str) -> None:
    """Whatever a file holds, it is read as plain data or refused with a sentence."""
    assert any(complaint in fault for fault in faults_of(write(text)))


def test_a_bomb_of_aliases_does_not_go_off(write: Write) -> None:
    """Aliases that would make a billion texts are refused before anything is made of them."""
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10))
    assert any("alias" in fault for fault in faults_of(write(f"l0: &l0 [lol]\n{levels}")))


def test_what_yaml_takes_for_something_else_stays_a_text(write: Write) -> None:
    """Names and dates are texts, also where YAML would make a number, a truth or a time of them."""
    path = write("2026-01-01: {summary: 2026-01-01}\n'007': {summary: x, attempts: [{exit_code: 3.0}]}\n")
    read = read_scenarios(path)
    assert ["2026-01-01", "007"] == list(read)
    assert ("2026-01-01", 3) == (read["2026-01-01"].summary, read["007"].attempts[0].exit_code)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A missing file and a directory are told by their names."""
    for path in (tmp_path / "missing.yaml", tmp_path):
        (fault,) = faults_of(path)
        assert fault.startswith("it cannot be read: ")


def test_reasons_are_codes_of_the_contract() -> None:
    """The schema's reasons are the contract's codes, but for those that follow from something else."""
    entry = schema()["additionalProperties"]["properties"]
    reasons = entry["attempts"]["items"]["properties"]["reason"]["enum"]
    following = {"exit-nonzero", "signal", "output-missing", "results-lost", "lost"}
    following |= {"submission-rejected", "cancelled-by-user"}
    assert {each["code"] for each in contract.document()["x-reason-codes"]} == {*reasons, *following}
    credential = contract.document()["components"]["schemas"]["Credential"]["properties"]["state"]["enum"]
    assert credential == entry["facility"]["properties"]["credential"]["properties"]["state"]["enum"]


def connector(flavour: str, **settings: Any) -> Any:
    class Nobody:
        async def enrolment(self, owner: str) -> None:
            """Give none."""

    return open_connector(mock_configuration(flavour, **settings), Ground(HeldClock(), Nobody()))


def test_every_wrong_setting_of_scenarios_is_told(write: Write) -> None:
    """Faulty files, relative paths, names that are there twice and weather that is none are told together."""
    good, twin = write("mine: {summary: x}"), write("mine: {summary: y}", "twin.yaml")
    bad = write("bad: {}", "bad.yaml")
    with pytest.raises(ConfigurationError) as told:
        connector("dirac", scenarios=[str(good), str(twin), str(bad), "x.yaml"], weather=["mine", "no_such"])
    expected = (
        f"facility dirac: {twin}: mine: a scenario of this name is in {good} too",
        f"facility dirac: {bad}: bad: summary: This member is missing.",
        "facility dirac: `scenarios` has 'x.yaml': write the whole path",
        "facility dirac: `weather` has 'mine': take one with a `facility` part, such as facility_down,",
        "facility dirac: `weather` has 'no_such'",
    )
    assert len(expected) == len(told.value.faults)
    for begin, fault in zip(expected, told.value.faults, strict=True):
        assert fault.startswith(begin)
    for settings in ({"scenarios": "x"}, {"weather": [1]}, {"scenario": ["x"]}):
        with pytest.raises(ConfigurationError):
            connector("dirac", **settings)


MINE = """
mine: {summary: Ends with 44 after ten seconds., run: {seconds: 10, exit_code: 44}}
fails: {summary: In the place of the ready one., attempts: [{exit_code: 55}]}
"""


def use_file(bench: Any, path: Path | None) -> None:
    """Start the bench's facility with a file of scenarios, or without one; its memory is lost."""
    settings = {"scenarios": [str(path)]} if path else {}
    bench._configuration = mock_configuration(bench.flavour, 7, **settings)
    bench.restart()


def test_a_file_brings_its_scenarios(bench: Any, write: Write) -> None:
    """A job chooses a file's scenario by its label; one with a ready one's name takes that one's place."""
    use_file(bench, write(MINE))
    codes = {}
    for name in ("mine", "fails", "killed"):
        part = bench.submit(bench.spec("sleep", "9", scenario=name), f"job-{name}")
        codes[name] = bench.end(part).exit_code
    assert {"mine": 44, "fails": 55} == {name: codes[name] for name in ("mine", "fails")}
    assert codes["killed"] in (137, None)


@pytest.mark.parametrize("later", [MINE, "mine: {summary: Another., attempts: [{exit_code: 1}]}", None])
def test_a_restart_does_not_change_what_a_file_said(bench: Any, write: Write, later: str | None) -> None:
    """What a job was to meet it meets after a restart, with the same file, with another one, and without."""
    use_file(bench, write(MINE))
    parts = [bench.submit(bench.spec("true", scenario=name), f"job-{name}") for name in ("mine", "fails")]
    bench.clock.advance(3)
    before = [bench.see(part) for part in parts]
    use_file(bench, write(later) if later else None)
    assert before == [bench.see(part) for part in parts]
    assert [44, 55] == [bench.end(part).exit_code for part in parts]
    outcome = bench.offer(bench.spec("true", scenario="mine"), "job-new")
    assert (later is None) is isinstance(outcome, Refused)


def test_a_ready_scenario_that_is_ready_no_more_is_as_usual(bench: Any) -> None:
    """A handle that names a scenario which the mocks brought along once does not stop anything."""
    part = bench.submit(bench.spec("/bin/sh", "-c", "exit 4", scenario="slow_queue"))
    old = type(part)(part.key, "anna", 0, 1, part.handle.replace("slow_queue", "no_more"))
    bench.restart()
    assert State.QUEUED == bench.see(old).state
    assert 4 == bench.end(old).exit_code


@pytest.mark.parametrize(
    "handle", ["", "{}", "[]", "7", '{"submitted_at":"2026-01-01T00:00:00+00:00","scenario":"x","entry":{}}']
)
def test_a_handle_that_is_none_is_refused(handle: str) -> None:
    """A handle of another connector, or one that was spoilt, is a ValueError and nothing else."""
    with pytest.raises(ValueError, match=r"\S"):
        Order.read(handle)


def test_a_handle_names_ready_scenarios_and_holds_others(bench: Any, write: Write) -> None:
    """The handle of a ready scenario has its name alone; that of a file's has all of it."""
    use_file(bench, write(MINE))
    ready = json.loads(bench.submit(bench.spec("true", scenario="killed"), "job-1").handle)
    other = json.loads(bench.submit(bench.spec("true", scenario="mine"), "job-2").handle)
    assert ("killed", False) == (ready["scenario"], "entry" in ready)
    assert {"seconds": 10, "exit_code": 44} == other["entry"]["run"]


LINES = """
mine:
  summary: x
  run:
    seconds: 3
    prints: {every_seconds: 1, line: '{n}/{of} {index} {command} {N} {n.x} {}', stream: stderr}
    exit_code: 7
"""


def test_a_line_is_filled_in_and_nothing_else(bench: Any, write: Write) -> None:
    """The places in a line are filled in, other braces stay; a run that fails leaves no files."""
    use_file(bench, write(LINES))
    spec = bench.spec("a", "{n} b", scenario="mine", outputs=[{"path": "f.txt"}], array={"count": 2})
    part = bench.submit(spec)
    assert 7 == bench.end(part, 1).exit_code
    home = bench.home(part, spec, 1)
    lines = [f"{n}/3 1 a '{{n}} b' {{N}} {{n.x}} {{}}" for n in (1, 2, 3)]
    assert (lines, b"", {}) == (home.logs["stderr"].decode().splitlines(), home.logs["stdout"], home.files)


def test_the_catalogue_is_as_strict_as_a_file(write: Write) -> None:
    """The ready scenarios pass as a file of one's own, and say the same."""
    from importlib.resources import files

    path = write(files("common_compute_mocks").joinpath("scenarios.yaml").read_bytes())
    assert catalogue() == read_scenarios(path)
