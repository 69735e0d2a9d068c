"""A generated request keeps one fault at most, does no harm, and is told what may answer it."""

from __future__ import annotations

import json
from functools import cache
from itertools import count
from typing import Any

import pytest

from common_compute_conformance.contract import Document, load_contract
from common_compute_conformance.generation.claimed import ClaimedContract
from common_compute_conformance.generation.harmless import Harmless
from common_compute_conformance.generation.questions import NOTHING, Draft, Question, Questions, Shape
from common_compute_conformance.requirements import load_yaml
from common_compute_conformance.target import Target

CONTRACT = load_contract()
PLACES = {"facility_id": "here", "job_id": "job-1", "result_id": "r1", "stream": "stdout"}
OWN: dict[str, Any] = {
    "facility_id": "here",
    "software": {"kind": "container", "image": "debian:12-slim"},
    "command": ["printf", "%s", "x"],
}


@cache
def _target(*, watch: bool = True) -> Target:
    examples = load_yaml("openapi.yaml")["components"]["examples"]
    info = Document(examples["service-info"]["value"])
    classes = [name for name in ("core", "validation", "watch") if watch or name != "watch"]
    facility = Document(examples["facility-cluster"]["value"])
    return Target("http://x/v1", Document({**info, "conforms_to": classes}), facility, CONTRACT)


@cache
def _claimed(*, watch: bool = True) -> ClaimedContract:
    return ClaimedContract(_target(watch=watch))


def _questions() -> Questions:
    claimed = _claimed()
    harmless = Harmless(CONTRACT, _target(), OWN, claimed.schemas)
    keys = (f"key-{number}" for number in count())
    return Questions(CONTRACT, claimed, harmless, PLACES, lambda: next(keys))


def _draft(operation_id: str, *query: tuple[str, str], body: Any = NOTHING, **more: Any) -> Draft:
    operation = CONTRACT.operations[operation_id]
    path = {name: f"generated-{name}" for name in PLACES if f"{{{name}}}" in operation.path}
    return Draft(
        operation_id, operation.method, more.pop("path", path), query, more.pop("headers", {}), body, **more
    )


def _asked(operation_id: str, *query: tuple[str, str], choice: int = 1, **more: Any) -> Question:
    question = _questions().of(_draft(operation_id, *query, **more), choice)
    assert question is not None
    return question


@pytest.mark.parametrize(
    ("operation_id", "query", "requirement", "statuses"),
    [
        ("list_jobs", [("page_size", "0")], "CC-SVC-017", {422}),
        ("list_jobs", [("page_size", "5"), ("page_size", "5")], "CC-SVC-017", {422}),
        ("list_jobs", [("surprise", "1")], "CC-SVC-015", {422}),
        ("list_jobs", [("label", "no label")], "CC-JOB-044", {422}),
        ("list_jobs", [("state", "running"), ("state", "failed")], "CC-JOB-044", {200}),
        ("list_jobs", [("created_after", "2026-02-30T00:00:00Z")], "CC-JOB-045", {422}),
        ("list_jobs", [("page_size", "007")], "CC-JOB-044", set()),
        ("get_log", [("task_index", "0")], "CC-LOG-001", {200}),
        ("get_log", [("task_index", "7")], "CC-LOG-001", {404}),
        ("get_job", [("wait_seconds", "0")], "CC-SVC-015", {422}),
    ],
)
def test_what_a_query_is_answered(
    operation_id: str, query: list[tuple[str, str]], requirement: str, statuses: set[int]
) -> None:
    """A query is judged by what it says: right, wrong, or a matter of the contract's silence."""
    question = _asked(operation_id, *query)
    assert (requirement, statuses) == (question.requirement, set(question.statuses))


def test_one_fault_is_kept() -> None:
    """Of several faults one is kept, each by another choice, and what is right stays."""
    query = [("page_size", "0"), ("surprise", "1"), ("facility_id", "x"), ("page_token", "of-nobody")]
    asked = [_asked("list_jobs", *query, choice=choice) for choice in (1, 2)]
    kept = [dict(question.query) for question in asked]
    assert [{"surprise": "1", "facility_id": "x"}, {"page_size": "0", "facility_id": "x"}] == kept


def test_a_token_of_nobody_is_a_fault_of_its_own() -> None:
    """A page token of the right form is left out, or is the only fault."""
    query = [("page_size", "5"), ("page_token", "of-nobody")]
    assert [("page_size", "5")] == list(_asked("list_jobs", *query, choice=1).query)
    question = _asked("list_jobs", *query, choice=4)
    assert ("CC-SVC-018", query) == (question.requirement, list(question.query))


def test_ids_are_real_but_for_one() -> None:
    """A path has real ids, or one that is not there and has to be not found."""
    assert "/jobs/job-1/results/r1" == _asked("get_result").path
    strange = _asked("get_result", choice=4)
    assert ("/jobs/job-1/results/generated-result_id", {404}) == (strange.path, set(strange.statuses))


def test_nothing_is_taken_away_from_other_checks() -> None:
    """Releases and deletions ask for what is not there, and a credential is put only to be refused."""
    for operation_id in ("release_job", "delete_credential"):
        assert all({404} == set(_asked(operation_id, choice=choice).statuses) for choice in range(1, 9))
    questions = _questions()
    assert questions.of(_draft("put_credential", body={"account": "anna"}), 1) is None
    wrong = questions.of(_draft("put_credential", body={"account": "anna", "private_key": "x"}), 1)
    assert wrong is not None
    assert ("CC-CRED-003", {"private_key": "x"}) == (wrong.requirement, json.loads(wrong.content))


@pytest.mark.parametrize(
    ("member", "value", "requirement"),
    [
        ("command", [], "CC-VAL-003"),
        ("command", "rm -rf /", "CC-VAL-002"),
        ("environment", {"A": "\0"}, "CC-VAL-004"),
        ("inputs", [{"path": "../x", "source": {"kind": "inline", "content_base64": ""}}], "CC-VAL-005"),
        ("name", "", "CC-VAL-006"),
        ("labels", {"k": "v" * 256}, "CC-VAL-007"),
        ("surprise", 1, "CC-VAL-001"),
        ("array", {"count": 0}, "CC-VAL-002"),
    ],
)
def test_what_a_wrong_body_is_answered(member: str, value: Any, requirement: str) -> None:
    """A body with one wrong member is refused for it, and all else in it is the kit's own."""
    body = {
        "facility_id": "x",
        "software": {"kind": "installed", "name": "x"},
        "command": ["rm"],
        member: value,
    }
    question = _asked("submit_job", body=body)
    sent = json.loads(question.content)
    assert (requirement, {422}) == (question.requirement, set(question.statuses))
    assert {**OWN, member: sent[member]} == sent


def test_words_that_name_a_program_are_replaced() -> None:
    """A command that is kept for its fault names no program but printf, and URLs lead nowhere."""
    command = json.loads(_asked("submit_job", body={**OWN, "command": ["rm", "-rf", 1, "a\0b"]}).content)[
        "command"
    ]
    assert ["printf", "printf", 1, "printf\0"] == command
    source = {"kind": "url", "url": "https://example.org/secret", "surprise": 1}
    sent = json.loads(_asked("submit_job", body={**OWN, "inputs": [{"path": "x", "source": source}]}).content)
    assert "https://example.invalid/nothing" == sent["inputs"][0]["source"]["url"]


def test_a_right_body_keeps_what_anybody_has_to_accept() -> None:
    """Of a right body names, labels, variables, metadata and small files stay; what a facility may lack goes."""
    kept = {
        "name": "größe",
        "labels": {"k": ""},
        "environment": {"A": "x"},
        "metadata": {"": None},
        "inputs": [{"path": "a", "source": {"kind": "inline", "content_base64": "eA=="}}],
        "outputs": [{"path": "*", "required": False}],
    }
    dropped = {"resources": {"gpus": 4}, "array": {"count": 1000}, "project": "p", "backend_parameters": {}}
    question = _asked("submit_job", body={**OWN, **kept, **dropped, "command": ["rm", "-rf", "/"]})
    assert ({201}, {**OWN, **kept}) == (set(question.statuses), json.loads(question.content))


def test_what_is_used_up_goes_elsewhere() -> None:
    """Where no job may come any more, validate_job is asked, or a facility that is not there."""
    questions = _questions()
    asked = questions.of(_draft("submit_job", body=OWN), 1)
    assert asked is not None
    validating = questions.elsewhere(asked, validating=True)
    refused = questions.elsewhere(asked, validating=False)
    assert validating is not None
    assert refused is not None
    assert ("/jobs/validate", True, {200}) == (validating.path, validating.verdict, set(validating.statuses))
    assert ("no-such-facility", {422}) == (json.loads(refused.content)["facility_id"], set(refused.statuses))


def test_other_shapes() -> None:
    """A method that the path does not have is 405, a body announced otherwise 415, and so is none."""
    method = _asked("list_jobs", shape=Shape.METHOD)
    announced = _asked("submit_job", body=OWN, shape=Shape.MEDIA_TYPE, headers={"Content-Type": "text/plain"})
    silent = _asked("submit_job")
    assert [{405}, {415}, {415}] == [set(each.statuses) for each in (method, announced, silent)]
    assert "text/plain" == announced.headers["Content-Type"]


def test_what_is_not_claimed_is_not_asked_for() -> None:
    """Operations and parameters of classes that the target does not claim are no part of its contract."""
    without = _claimed(watch=False)
    assert ("query", "wait_seconds") not in without.parameters["get_job"]
    assert ("query", "wait_seconds") in _claimed().parameters["get_job"]
    assert "put_credential" in without.parameters
