"""Our own rules of the contract: it keeps them, and each of them is seen to find what it is there for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from common_compute_proposal.lint import RULES, Rule, findings_of
from common_compute_proposal.rules.history import nothing_breaks, versions_agree, what_was_released_stays
from common_compute_proposal.rules.instances import examples_are_valid, reserved_values_are_refused
from common_compute_proposal.rules.operations import (
    operations_have_examples,
    operations_have_problems,
    operations_have_requirements,
)
from common_compute_proposal.rules.statements import (
    ids_are_known,
    normative_words_have_ids,
    requirements_have_operations,
)
from common_compute_proposal.source import FILES, read_source
from common_compute_proposal.versions import NoContract

SPEC = Path(__file__).parents[2] / "spec"
RECORD = "docs/decisions/0099-no-cancel.md"

Folder = Path
Fault = Callable[[Folder], object]


def replaced(name: str, old: str, new: str) -> Fault:
    """Make a fault that is another text in one place of a file."""

    def make(folder: Folder) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text, old
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return make


def edited(name: str, edit: Callable[[dict[str, Any]], object]) -> Fault:
    """Make a fault in the data of a file."""

    def make(folder: Folder) -> None:
        document = yaml.load((folder / name).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        edit(document)
        (folder / name).write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False))

    return make


def operation(edit: Callable[[dict[str, Any]], object], path: str = "/jobs", method: str = "post") -> Fault:
    """Make a fault in an operation."""
    return edited("openapi.yaml", lambda document: edit(document["paths"][path][method]))


def schema(name: str, edit: Callable[[dict[str, Any]], object]) -> Fault:
    """Make a fault in a schema."""
    return edited("openapi.yaml", lambda document: edit(document["components"]["schemas"][name]))


def renumbered(number: str) -> Fault:
    """Give the contract another version everywhere, with an entry in its changelog."""

    def make(folder: Folder) -> None:
        old = read_source(folder).version.number
        for name in ("openapi.yaml", "CHANGELOG.md"):
            text = (folder / name).read_text(encoding="utf-8")
            (folder / name).write_text(text.replace(f"version: {old}", f"version: {number}"))
        replaced("CHANGELOG.md", "## [", f"## [{number}] - not released yet\n\n## [")(folder)
        if old not in {each.name for each in (folder / "released").iterdir()}:
            (folder / "CHANGELOG.md").write_text(
                "\n".join(
                    line
                    for line in (folder / "CHANGELOG.md").read_text().splitlines()
                    if not line.startswith(f"## [{old}]")
                )
            )

    return make


def released(folder: Folder) -> None:
    """Release the contract as it is."""
    place = folder / "released" / read_source(folder).version.number
    place.mkdir(exist_ok=True)
    for name in FILES:
        shutil.copy(folder / name, place)


def after(*steps: Fault) -> Fault:
    """Do one after another."""

    def make(folder: Folder) -> None:
        for each in steps:
            each(folder)

    return make


def allowing(subject: str, record: str = f"../../{RECORD}") -> Fault:
    """Let something break in the present version."""

    def make(folder: Folder) -> None:
        entry = {"version": read_source(folder).version.number, "subject": subject, "record": record}
        (folder / "released" / "allowed_breaks.yaml").write_text(yaml.safe_dump([entry]))

    return make


NO_CANCEL = edited("openapi.yaml", lambda document: document["paths"].pop("/jobs/{job_id}/cancel"))
NO_CANCELLING = edited(
    "requirements.yaml",
    lambda document: document.update(
        requirements=[
            {**each, "operations": [name for name in each["operations"] if name != "cancel_job"]}
            for each in document["requirements"]
        ]
    ),
)
FIRST = "  - id: CC-SVC-001\n"

FAULTS: dict[str, tuple[Rule, Fault, str]] = {
    "no list of problems": (
        operations_have_problems,
        operation(lambda o: o.pop("x-problems")),
        "submit_job has no list",
    ),
    "an unknown problem": (
        operations_have_problems,
        operation(lambda o: o["x-problems"].append("bad-mood")),
        "submit_job names the problem bad-mood",
    ),
    "no answer for all other problems": (
        operations_have_problems,
        operation(lambda o: o["responses"].pop("default")),
        "submit_job has no `default` answer",
    ),
    "an answer without an example": (
        operations_have_examples,
        operation(lambda o: o["responses"]["201"]["content"]["application/json"].pop("examples")),
        "submit_job shows no example of its answer 201",
    ),
    "a body without an example": (
        operations_have_examples,
        edited(
            "openapi.yaml",
            lambda d: [
                media.pop("examples")
                for body in d["components"]["requestBodies"].values()
                for media in body["content"].values()
            ],
        ),
        "submit_job shows no example of its body",
    ),
    "a parameter without an example": (
        operations_have_examples,
        edited("openapi.yaml", lambda d: d["components"]["parameters"]["created_after"].pop("example")),
        "list_jobs shows no example of its parameter created_after",
    ),
    "an operation without a requirement": (
        operations_have_requirements,
        edited(
            "openapi.yaml",
            lambda d: d["paths"].update(
                {"/mood": {"get": {**d["paths"]["/health"]["get"], "operationId": "get_mood"}}}
            ),
        ),
        "no requirement says what get_mood does",
    ),
    "MUST without an id": (
        normative_words_have_ids,
        replaced("openapi.yaml", "It MUST be there (CC-FAC-002)", "It MUST be there"),
        "MUST without the id of its requirement",
    ),
    "MUST NOT without an id": (
        normative_words_have_ids,
        replaced("openapi.yaml", "Always `container`.", "It MUST NOT be anything else."),
        "MUST NOT without the id",
    ),
    "SHALL without an id": (
        normative_words_have_ids,
        replaced("openapi.yaml", "Always `container`.", "It SHALL be this."),
        "SHALL without the id",
    ),
    "REQUIRED without an id": (
        normative_words_have_ids,
        replaced("openapi.yaml", "Always `container`.", "It is REQUIRED."),
        "REQUIRED without the id",
    ),
    "SHOULD where the requirement is a MUST": (
        normative_words_have_ids,
        replaced("openapi.yaml", "again MUST let", "again SHOULD let"),
        "SHOULD here, and MUST in CC-SVC-010",
    ),
    "an id in prose that is no requirement": (
        ids_are_known,
        replaced("openapi.yaml", "(CC-FAC-002)", "(CC-FAC-999)"),
        "CC-FAC-999 is no requirement",
    ),
    "an id in the changelog that is no requirement": (
        ids_are_known,
        replaced("CHANGELOG.md", "CC-SVC-009", "CC-SVC-999"),
        "CC-SVC-999 is no requirement",
    ),
    "an id that is given twice": (
        ids_are_known,
        replaced("requirements.yaml", "  - id: CC-SVC-002\n", FIRST),
        "CC-SVC-001 is given 2 times",
    ),
    "a requirement of an unknown operation": (
        requirements_have_operations,
        replaced("requirements.yaml", "operations: [get_service_info]", "operations: [get_mood]"),
        "is about get_mood, which the document does not have",
    ),
    "a requirement of no operation": (
        requirements_have_operations,
        replaced("requirements.yaml", "operations: [get_service_info]", "operations: []"),
        "CC-SVC-001 is about no operation",
    ),
    "an example that is not valid": (
        examples_are_valid,
        replaced("openapi.yaml", "example: [campaign=2008, source=crab]", "example: [campaign]"),
        "the example is not valid",
    ),
    "an example whose time is none": (
        examples_are_valid,
        replaced("openapi.yaml", "example: '2026-03-01T12:00:00Z'", "example: '2026-03-41T12:00:00Z'"),
        "the example is not valid",
    ),
    "an example with a key that no map takes": (
        examples_are_valid,
        edited(
            "openapi.yaml",
            lambda d: next(
                each["value"]
                for each in d["components"]["examples"].values()
                if isinstance(each["value"], dict) and "environment" in each["value"]
            )["environment"].update({"CC_X": "1"}),
        ),
        "the example is not valid",
    ),
    "reserved in words alone": (
        reserved_values_are_refused,
        schema("SoftwareRequest", lambda s: s.pop("x-reserved")),
        "no x-reserved beside it",
    ),
    "a reserved kind that is taken": (
        reserved_values_are_refused,
        schema(
            "InstalledSoftware",
            lambda s: (
                s["properties"]["kind"].update(enum=["installed", "repository"]),
                s.update(required=["kind"]),
            ),
        ),
        "submit_job takes what is reserved at /software",
    ),
    "a reserved variable that is taken": (
        reserved_values_are_refused,
        schema("Environment", lambda s: s.update({"x-key-pattern": "^[A-Za-z_]+$"})),
        "submit_job takes what is reserved at /environment",
    ),
    "something reserved that nobody can send": (
        reserved_values_are_refused,
        schema("Health", lambda s: s.update({"x-reserved": [{}]})),
        "Health reserves values, and no example of a request has a place for them",
    ),
    "an example of another version": (
        versions_agree,
        replaced(
            "openapi.yaml", "artifact: common-compute, version: ", "artifact: common-compute, version: 9."
        ),
        "the example says version 9.",
    ),
    "a version that is none": (
        versions_agree,
        edited("openapi.yaml", lambda d: d["info"].update(version="1.0")),
        "1.0 is no semantic version",
    ),
    "a version that the changelog does not tell": (
        versions_agree,
        edited("openapi.yaml", lambda d: d["info"].update(version="1.9.0")),
        "and the document is 1.9.0: tell what is new",
    ),
    "a version in the changelog that never was": (
        versions_agree,
        replaced("CHANGELOG.md", "## [1.0.0]", "## [1.0.0-beta]\n\n## [1.0.0]"),
        "1.0.0-beta is told, and released/1.0.0-beta is not there",
    ),
    "a changelog that is out of order": (
        versions_agree,
        replaced("CHANGELOG.md", "## [1.0.0]", "## [0.9.0]\n\n## [1.0.0]"),
        "1.0.0 stands below 0.9.0",
    ),
    "a release that is not told": (
        versions_agree,
        replaced("CHANGELOG.md", "## [1.0.0]", "## The beginning"),
        "1.0.0 was released, and is not told",
    ),
    "a release that says another version": (
        versions_agree,
        replaced("released/1.0.0/openapi.yaml", "version: 1.0.0", "version: 1.0.7"),
        "the document in released/1.0.0 says that it is 1.0.7",
    ),
    "a released version that was edited": (
        what_was_released_stays,
        after(released, replaced("requirements.yaml", "get_service_info answers", "get_service_info gives")),
        "which was released: give a new version",
    ),
    "a version below a released one": (
        what_was_released_stays,
        renumbered("0.9.0"),
        "and 1.0.0 was released",
    ),
    "an addition that raises words alone": (
        what_was_released_stays,
        after(
            released,
            schema("Native", lambda s: s["properties"].update(mood={"type": "string", "description": "x"})),
            renumbered("1.0.99"),
        ),
        "so this is at least 1.1.0, not 1.0.99",
    ),
    "a break": (
        nothing_breaks,
        after(NO_CANCEL, NO_CANCELLING, renumbered("1.1.0")),
        "cancel_job breaks: the operation is gone",
    ),
    "a requirement that falls": (
        nothing_breaks,
        after(
            edited("requirements.yaml", lambda d: d["requirements"].pop(4)),
            renumbered("1.1.0"),
        ),
        "CC-SVC-005 breaks: is gone",
    ),
    "a break that is allowed by no file": (
        nothing_breaks,
        after(NO_CANCEL, NO_CANCELLING, renumbered("1.1.0"), allowing("cancel_job", "../none.md")),
        "none.md, is not there",
    ),
    "a break that its record does not name": (
        nothing_breaks,
        after(NO_CANCEL, NO_CANCELLING, renumbered("1.1.0"), allowing("list_jobs")),
        "0099-no-cancel.md does not name list_jobs",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Give a copy of the contract beside a decision record."""
    shutil.copytree(SPEC, tmp_path / "spec", ignore=shutil.ignore_patterns("lint"))
    record = tmp_path / RECORD
    record.parent.mkdir(parents=True)
    record.write_text(
        "# Nothing is cancelled\n\n`cancel_job` goes, and re-list_jobs-like words are no names.\n"
    )
    return tmp_path / "spec"


def test_the_contract_keeps_our_rules() -> None:
    """No rule finds anything in the contract; its breaks and its changelog are among what is looked at."""
    assert [] == findings_of(read_source(SPEC))


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_found(what: str, folder: Folder) -> None:
    """A made fault is found by its rule, in a file and on a line that are there."""
    rule, make, words = FAULTS[what]
    make(folder)
    findings = list(rule(read_source(folder)))
    found = [each for each in findings if words in each.words]
    assert found, findings
    for each in found:
        if each.file.is_file():
            assert 1 <= each.line <= len(each.file.read_text(encoding="utf-8").splitlines())


def test_every_rule_has_a_made_fault() -> None:
    """Each rule is seen to find something above."""
    assert set(RULES) == {rule for rule, _, _ in FAULTS.values()}


def test_a_lost_reference_is_found(folder: Folder) -> None:
    """A reference that leads nowhere is found alone, since no other rule can follow it."""
    replaced("openapi.yaml", "$ref: '#/components/schemas/Health'", "$ref: '#/components/schemas/Healt'")(
        folder
    )
    assert {"reference"} == {each.rule for each in findings_of(read_source(folder))}


def test_a_line_is_the_one_that_is_meant(folder: Folder) -> None:
    """A finding in folded prose names the line on which the word stands."""
    replaced("openapi.yaml", "It MUST be there (CC-FAC-002)", "It MUST be there")(folder)
    (found,) = findings_of(read_source(folder))
    assert "It MUST be there" in found.file.read_text(encoding="utf-8").splitlines()[found.line - 1]


def test_a_break_that_was_decided_on_is_let_through(folder: Folder) -> None:
    """A break that a record names, and the file of allowed breaks names the record, is no finding."""
    after(NO_CANCEL, NO_CANCELLING, renumbered("1.1.0"), allowing("cancel_job"))(folder)
    assert [] == [each for each in findings_of(read_source(folder)) if "cancel_job" in each.words]


def test_a_new_major_version_may_break(folder: Folder) -> None:
    """With another first number nothing is compared with what was released before."""
    after(NO_CANCEL, renumbered("2.0.0"))(folder)
    assert set() == {each.rule for each in findings_of(read_source(folder))} & {"break", "released"}


def test_an_addition_that_says_so_is_found_nothing_of(folder: Folder) -> None:
    """A member that comes with a higher second number keeps all rules."""
    schema("Native", lambda s: s["properties"].update(mood={"type": "string", "description": "x"}))(folder)
    edited(
        "openapi.yaml",
        lambda d: [
            each["value"]["type"].update(version="1.1.0")
            for name, each in d["components"]["examples"].items()
            if name.startswith("service-info")
        ],
    )(folder)
    renumbered("1.1.0")(folder)
    assert [] == findings_of(read_source(folder))


def test_a_document_alone_is_held_against_what_applies(tmp_path: Path) -> None:
    """Without requirements and releases beside it the document is held against the other rules."""
    shutil.copy(SPEC / "openapi.yaml", tmp_path)
    replaced("openapi.yaml", "Always `container`.", "It MUST be this.")(tmp_path)
    assert ["normative-id"] == [each.rule for each in findings_of(read_source(tmp_path / "openapi.yaml"))]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("requirements.yaml", "a: 1\n", "has no list of requirements"),
        ("requirements.yaml", "requirements: [{id: CC-A-1}]\n", "requirement number 1 has no class"),
        ("transitions.yaml", "a: 1\n", "has no list of steps"),
        ("released/allowed_breaks.yaml", "a: 1\n", "is not a list of entries"),
        ("openapi.yaml", "[", "no YAML"),
        ("CHANGELOG.md", None, "CHANGELOG.md cannot be read"),
    ],
)
def test_files_that_are_no_contract(folder: Folder, name: str, text: str | None, words: str) -> None:
    """What cannot be read as a part of the contract is named."""
    (folder / name).unlink() if text is None else (folder / name).write_text(text)
    with pytest.raises(NoContract, match=words):
        findings_of(read_source(folder))


def lint(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "common_compute_cli", "spec", "lint"]
    return subprocess.run([*program, *arguments], check=False, capture_output=True, text=True)


def test_the_command_tells_where_and_what(folder: Folder) -> None:
    """It ends with 0, or with 1 and a line for each finding; what is no contract is a wrong argument."""
    assert (0, "") == ((right := lint(folder)).returncode, right.stdout)
    assert "18 operations, 200 requirements" in right.stderr
    replaced("openapi.yaml", "(CC-FAC-002)", "(CC-FAC-999)")(folder)
    wrong = lint(folder)
    assert (1, 1) == (wrong.returncode, wrong.stdout.count("\n"))
    assert wrong.stdout.startswith(f"{folder / 'openapi.yaml'}:")
    assert ": orphan-id: CC-FAC-999 is no requirement" in wrong.stdout
    (told,) = json.loads(lint(folder, "--json").stdout)
    assert {"file", "line", "pointer", "rule", "words"} == set(told)
    none = lint(folder / "none")
    assert (2, True) == (none.returncode, "cannot be read" in none.stderr)


def test_the_command_looks_at_its_own_contract() -> None:
    """Without an argument the contract that the program carries is looked at; the rules can be listed."""
    assert 0 == lint().returncode
    assert len(RULES) + 1 == len(lint("--rules").stdout.splitlines())
