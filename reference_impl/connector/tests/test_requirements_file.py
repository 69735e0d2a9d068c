"""The data beside the contract agree with it: requirements, legal steps, and what became of the wishes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from common_compute_connector import contract

ROOT = Path(__file__).parents[3]
DOCUMENT = contract.document()
REQUIREMENTS = contract.requirements()
FILE: dict[str, Any] = yaml.safe_load((ROOT / "spec" / "requirements.yaml").read_text())
TRANSITIONS: dict[str, Any] = yaml.safe_load((ROOT / "spec" / "transitions.yaml").read_text())
WISHES: list[dict[str, Any]] = yaml.safe_load((ROOT / "docs" / "decisions" / "wishes.yaml").read_text())
OPERATIONS = {
    operation["operationId"]: operation
    for path in DOCUMENT["paths"].values()
    for operation in path.values()
    if isinstance(operation, dict) and "operationId" in operation
}
PROBLEM = re.compile(r"\b([45]\d\d) `([a-z-]+)`")
REASON = re.compile(r"the reason `([a-z-]+)`")
HEDGE = re.compile(
    r"\b(should|may|might|must|shall|ought|normally|usually|typically|preferably|possibly)\b", re.I
)


def ids_where(broken: Callable[[dict[str, Any]], object]) -> list[str]:
    """Give the ids of the requirements of which something holds that must not."""
    return [entry["id"] for entry in REQUIREMENTS if broken(entry)]


def test_requirements_are_well_formed() -> None:
    """A requirement has the members that the file's head explains, a `why` unless it is verified by http."""
    members = {"id", "class", "level", "section", "operations", "verified_by", "sentence"}

    assert [] == ids_where(
        lambda entry: set(entry) != members | (set() if entry["verified_by"] == "http" else {"why"})
    )
    assert [] == ids_where(lambda entry: not re.fullmatch(r"CC-[A-Z]+-\d{3}", entry["id"]))
    assert [] == ids_where(lambda entry: entry["level"] not in {"MUST", "SHOULD"})
    assert [] == ids_where(lambda entry: entry["verified_by"] not in {"http", "harness", "inspection"})


def test_requirements_name_known_operations() -> None:
    """A requirement is about operations of the contract, at least one, and its subject is among them."""
    assert [] == ids_where(
        lambda entry: not entry["operations"] or set(entry["operations"]) - set(OPERATIONS)
    )
    assert [] == ids_where(
        lambda entry: entry["sentence"].split()[0] in set(OPERATIONS) - set(entry["operations"])
    )


def test_requirements_are_one_plain_sentence() -> None:
    """A requirement states in one sentence what is so: no word in it leaves open whether it has to be."""
    assert [] == ids_where(lambda entry: not entry["sentence"].endswith("."))
    assert [] == ids_where(lambda entry: re.search(r"\. [A-Z]", entry["sentence"]))
    assert [] == ids_where(lambda entry: HEDGE.search(entry["sentence"]))


def test_requirements_name_problems_by_their_status() -> None:
    """A problem that a requirement names with its status is in the contract's catalogue with that status."""
    catalogue = {(str(problem["status"]), problem["code"]) for problem in DOCUMENT["x-problem-catalogue"]}
    named = {entry["id"]: set(PROBLEM.findall(entry["sentence"])) for entry in REQUIREMENTS}

    assert any(named.values())
    assert [] == ids_where(lambda entry: named[entry["id"]] - catalogue)


def test_requirements_name_known_reasons() -> None:
    """A reason that a requirement names is one of the contract's reason codes."""
    codes = {reason["code"] for reason in DOCUMENT["x-reason-codes"]}
    named = {entry["id"]: set(REASON.findall(entry["sentence"])) for entry in REQUIREMENTS}

    assert any(named.values())
    assert [] == ids_where(lambda entry: named[entry["id"]] - codes)


def test_requirement_ids_are_unique_and_ordered() -> None:
    """No id is given twice, and within its area each is above the one before."""
    ids = [entry["id"] for entry in REQUIREMENTS]

    assert [] == [name for name, count in Counter(ids).items() if count > 1]
    assert [] == [
        (before, after)
        for before, after in pairwise(ids)
        if before.rpartition("-")[0] == after.rpartition("-")[0] and before > after
    ]


def test_requirements_are_as_many_as_a_person_can_read() -> None:
    """The contract stands in 120 to 200 requirements, and each area has some."""
    assert 120 <= len(REQUIREMENTS) <= 200
    assert set(FILE["areas"]) == {entry["id"].split("-")[1] for entry in REQUIREMENTS}


def test_requirement_classes_are_the_contracts() -> None:
    """The classes of services and of facilities are the contract's, and each has requirements."""
    classes = {
        scope: [entry["name"] for entry in entries]
        for scope, entries in DOCUMENT["x-conformance-classes"].items()
    }

    assert classes == FILE["classes"]
    assert {name for names in classes.values() for name in names} == {
        entry["class"] for entry in REQUIREMENTS
    }


def test_every_operation_has_requirements_of_its_own() -> None:
    """Each operation has a requirement verified by http that is about few operations, it among them."""
    groups = {tuple(group) for group in FILE["groups"].values()}
    own = {
        name
        for entry in REQUIREMENTS
        if entry["verified_by"] == "http" and tuple(entry["operations"]) not in groups
        for name in entry["operations"]
    }

    assert set(OPERATIONS) == set(FILE["groups"]["every"])
    assert set(OPERATIONS) == own


def test_states_are_the_contracts() -> None:
    """The states of the legal steps are those of JobState, in its order, and a job begins in the first."""
    states = DOCUMENT["components"]["schemas"]["JobState"]["enum"]

    assert states == TRANSITIONS["states"]
    assert states[0] == TRANSITIONS["initial"]
    assert ["succeeded", "failed", "cancelled"] == TRANSITIONS["terminal"]


def test_steps_go_forward() -> None:
    """Without a higher attempt every step from a live state to a later one is legal, and no other."""
    states, terminal = TRANSITIONS["states"], TRANSITIONS["terminal"]
    forward = {
        (a, b) for a in states for b in states if a not in terminal and states.index(a) < states.index(b)
    }

    assert forward == contract.legal_steps(attempt_raised=False)


def test_steps_with_a_higher_attempt_may_fall_back() -> None:
    """A higher attempt makes legal, beside the steps forward, only to fall back to queued and to stay."""
    live = [state for state in TRANSITIONS["states"] if state not in TRANSITIONS["terminal"]]
    more = contract.legal_steps(attempt_raised=True) - contract.legal_steps(attempt_raised=False)

    assert contract.legal_steps(attempt_raised=False) <= contract.legal_steps(attempt_raised=True)
    assert {(state, state) for state in live} | {("running", "queued")} == more


def test_array_rules_name_known_states() -> None:
    """The rules of an array's state name each state as an outcome exactly once, and no unknown one."""
    rules = TRANSITIONS["array"]
    conditions = {
        state for rule in rules for value in rule.values() if isinstance(value, list) for state in value
    }

    assert sorted(TRANSITIONS["states"]) == sorted(rule["state"] for rule in rules)
    assert set() == conditions - set(TRANSITIONS["states"])


def test_wishes_say_what_became_of_them() -> None:
    """A wish is answered, postponed or declined, and says why unless it is answered."""
    assert [] == [
        wish["id"] for wish in WISHES if wish["status"] not in {"answered", "postponed", "declined"}
    ]
    assert [] == [wish["id"] for wish in WISHES if wish["status"] != "answered" and not wish.get("note")]


def test_wishes_point_to_what_exists() -> None:
    """A wish points to operations, schemas and their members, requirements or use cases that are there."""
    schemas = DOCUMENT["components"]["schemas"]
    known = set(OPERATIONS) | set(schemas) | {entry["id"] for entry in REQUIREMENTS}
    known |= {f"{name}.{member}" for name, schema in schemas.items() for member in members(schema)}
    known |= {f"use_cases/{page.parent.name}" for page in (ROOT / "spec" / "use_cases").glob("*/README.md")}

    assert [] == [wish["id"] for wish in WISHES if not wish["where"]]
    assert [] == [
        (wish["id"], pointer) for wish in WISHES for pointer in wish["where"] if pointer not in known
    ]


def test_wishes_are_numbered() -> None:
    """The wishes are numbered from W-01 on without a gap."""
    assert [f"W-{number:02d}" for number in range(1, len(WISHES) + 1)] == [wish["id"] for wish in WISHES]


def members(schema: dict[str, Any]) -> set[str]:
    """Give the names of a schema's own members, also of those that it takes over by allOf."""
    parts = [schema, *schema.get("allOf", [])]
    parts += [
        DOCUMENT["components"]["schemas"][part["$ref"].rpartition("/")[2]] for part in parts if "$ref" in part
    ]
    return {name for part in parts for name in part.get("properties", {})}
