"""What changes between two versions of the contract is told, and breaks are told from additions."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from common_compute_proposal.changes import Weight, changes_between
from common_compute_proposal.versions import NoContract, Version, read_version

SPEC = Path(__file__).parents[2] / "spec"
CONTRACT = read_version(SPEC)


def schemas(version: Version) -> dict[str, Any]:
    return version.openapi["components"]["schemas"]


def operation(version: Version, path: str, method: str) -> dict[str, Any]:
    return version.openapi["paths"][path][method]


def parameter(**members: Any) -> dict[str, Any]:
    return {"name": "shape", "in": "query", "schema": {"type": "string"}, **members}


Edit = Callable[[Version], object]
BREAKS: dict[str, tuple[Edit, str, str]] = {
    "an operation goes": (
        lambda v: v.openapi["paths"].pop("/jobs/{job_id}/cancel"),
        "cancel_job",
        "the operation is gone",
    ),
    "a parameter goes": (
        lambda v: operation(v, "/jobs", "get")["parameters"].pop(0),
        "list_jobs",
        "the parameter is gone",
    ),
    "a required parameter comes": (
        lambda v: operation(v, "/jobs", "get")["parameters"].append(parameter(required=True)),
        "list_jobs",
        "the parameter is new, and required",
    ),
    "less may be sent": (
        lambda v: schemas(v)["JobSpec"]["properties"]["command"].update(maxItems=10),
        "submit_job",
        "maxItems nothing becomes 10",
    ),
    "more has to be sent": (
        lambda v: schemas(v)["JobSpec"]["required"].append("name"),
        "submit_job",
        "name becomes required",
    ),
    "a member of a request goes": (
        lambda v: schemas(v)["JobSpec"]["properties"].pop("project"),
        "submit_job",
        "the member is gone",
    ),
    "a member of an answer goes": (
        lambda v: schemas(v)["JobSummary"]["properties"].pop("owner"),
        "list_jobs",
        "the member is gone",
    ),
    "a member of an answer may be left out": (
        lambda v: schemas(v)["JobSummary"]["required"].remove("stale"),
        "list_jobs",
        "stale may be left out",
    ),
    "an answer may say something else": (
        lambda v: schemas(v)["JobState"]["enum"].append("paused"),
        "get_job",
        "enum paused is new",
    ),
    "another answer may come": (
        lambda v: operation(v, "/jobs", "get")["responses"].update({"418": {"description": "x"}}),
        "list_jobs",
        "418 may come",
    ),
    "a success comes no more": (
        lambda v: operation(v, "/jobs", "post")["responses"].pop("201"),
        "submit_job",
        "201 does not come any more",
    ),
}
ADDITIONS: dict[str, tuple[Edit, str, str]] = {
    "an operation comes": (
        lambda v: v.openapi["paths"].update({"/new": {"get": {"operationId": "new", "responses": {}}}}),
        "new",
        "the operation is new",
    ),
    "a parameter comes": (
        lambda v: operation(v, "/jobs", "get")["parameters"].append(parameter()),
        "list_jobs",
        "the parameter is new",
    ),
    "more may be sent": (
        lambda v: schemas(v)["JobSpec"]["properties"].update(mood={"type": "string"}),
        "submit_job",
        "the member is new",
    ),
    "a member of an answer comes": (
        lambda v: schemas(v)["Native"]["properties"].update(queue={"type": "string"}),
        "get_job",
        "the member is new",
    ),
    "an answer always has a member": (
        lambda v: schemas(v)["Native"].update(required=["id"]),
        "get_job",
        "id becomes required",
    ),
}


def _changed(edit: Edit) -> Version:
    new = copy.deepcopy(CONTRACT)
    edit(new)
    return new


def test_nothing_has_changed() -> None:
    """The contract beside itself has no changes, whatever refers to what in it."""
    assert [] == changes_between(CONTRACT, copy.deepcopy(CONTRACT))


@pytest.mark.parametrize("what", BREAKS)
def test_what_breaks(what: str) -> None:
    """What is refused now, comes now, or is relied on in vain, is a break of its operation."""
    edit, subject, words = BREAKS[what]
    found = [
        each
        for each in changes_between(CONTRACT, _changed(edit))
        if (each.subject, each.words) == (subject, words)
    ]
    assert Weight.BREAK in {each.weight for each in found}


@pytest.mark.parametrize("what", ADDITIONS)
def test_what_is_added(what: str) -> None:
    """What may be left alone is an addition, and nothing beside it is a break."""
    edit, subject, words = ADDITIONS[what]
    changes = changes_between(CONTRACT, _changed(edit))
    assert (subject, words, Weight.ADDITION) in {(each.subject, each.words, each.weight) for each in changes}
    assert {Weight.ADDITION} == {each.weight for each in changes}


def test_a_loosened_bound_breaks_whoever_reads_it() -> None:
    """The same change is an addition for who sends a value, and a break for who is answered it."""
    new = _changed(lambda v: schemas(v)["ShortText"].update(maxLength=4000))
    weights = {(each.subject, each.place.split()[0]): each.weight for each in changes_between(CONTRACT, new)}
    assert Weight.ADDITION is weights["submit_job", "body"]
    assert Weight.BREAK is weights["get_job", "answer"]


def test_statements() -> None:
    """A statement that falls or gets weaker is a break; a new or stronger one is an addition; words are words."""
    first, second, third = CONTRACT.requirements[:3]
    strong = next(each for each in CONTRACT.requirements if each["level"] == "SHOULD")
    edited = (
        {**second, "level": "SHOULD"},
        {**third, "sentence": "Another sentence."},
        {**strong, "level": "MUST"},
        {**first, "id": "CC-SVC-999"},
    )
    known = {each["id"]: each for each in CONTRACT.requirements} | {each["id"]: each for each in edited}
    del known[first["id"]]
    new = Version(CONTRACT.openapi, tuple(known.values()), CONTRACT.steps)
    expected = {
        first["id"]: Weight.BREAK,
        second["id"]: Weight.BREAK,
        third["id"]: Weight.WORDS,
        strong["id"]: Weight.ADDITION,
        "CC-SVC-999": Weight.ADDITION,
    }
    assert expected == {each.subject: each.weight for each in changes_between(CONTRACT, new)}


def test_steps_of_a_job() -> None:
    """A step that becomes possible is a break: a client may see what could not be."""
    more = Version(CONTRACT.openapi, CONTRACT.requirements, CONTRACT.steps | {("failed", "running")})
    assert [Weight.BREAK] == [each.weight for each in changes_between(CONTRACT, more)]
    assert [Weight.ADDITION] == [each.weight for each in changes_between(more, CONTRACT)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("[", "no YAML"),
        ("a: 1", "no paths"),
        ("paths: {}", "does not say its version"),
    ],
)
def test_what_is_no_contract(tmp_path: Path, text: str | None, words: str) -> None:
    """A folder without a contract is told so, with what was looked for."""
    if text is not None:
        (tmp_path / "openapi.yaml").write_text(text)
    with pytest.raises(NoContract, match=words):
        read_version(tmp_path)


def diff(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "common_compute_cli", "spec", "diff", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Give a version of the contract that has no cancel_job."""
    for name in ("openapi.yaml", "requirements.yaml", "transitions.yaml"):
        shutil.copy(SPEC / name, tmp_path)
    document = yaml.safe_load((tmp_path / "openapi.yaml").read_text())
    del document["paths"]["/jobs/{job_id}/cancel"]
    (tmp_path / "openapi.yaml").write_text(yaml.safe_dump(document))
    return tmp_path


def test_the_command_fails_on_a_break(broken: Path) -> None:
    """A break ends with 1, an addition with 0; the decision record that names the break lets it pass."""
    told = diff(SPEC, broken)
    assert (1, True) == (
        told.returncode,
        "No decision record that was given names cancel_job." in told.stdout,
    )
    back = diff(broken, SPEC)
    assert (0, True) == (back.returncode, bool(re.search(r"addition +cancel_job", back.stdout)))
    record = broken / "0099-no-cancel.md"
    record.write_text("# Nothing is cancelled\n\n`cancel_job` goes, because ...\n")
    assert 0 == diff(SPEC, broken, "--allowed-by", record).returncode


def test_the_command_says_what_it_cannot_read(tmp_path: Path) -> None:
    """A path without a contract is a wrong argument."""
    told = diff(SPEC, tmp_path / "none")
    assert (2, True) == (told.returncode, "cannot be read" in told.stderr)
