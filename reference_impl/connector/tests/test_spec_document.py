"""The contract's document: sound, the same under OpenAPI 3.0 and Draft 7, in agreement with itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator

from common_compute_connector import contract

DOCUMENT = contract.document()
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
GENERAL_STATUSES = {"401", "403", "429"}
LITERALS = ("value", "example", "enum")


def resolve(node: Any) -> Any:
    """Follow a `$ref` of this document."""
    while isinstance(node, dict) and "$ref" in node:
        target = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def walk(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every object of the document with its place, but for those inside examples and enums."""
    if isinstance(node, dict):
        yield path, node
        for name, child in node.items():
            if name not in LITERALS:
                yield from walk(child, f"{path}/{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from walk(child, f"{path}/{index}")


def operations() -> dict[str, dict[str, Any]]:
    """Give the operations by their id; a second one of an id would hide the first."""
    return {operation["operationId"]: operation for operation in every_operation()}


def every_operation() -> list[dict[str, Any]]:
    """Give the operations in the order of the document."""
    return [item[method] for item in DOCUMENT["paths"].values() for method in METHODS if method in item]


def examples() -> list[Any]:
    """Give every example of the document with the schema that it stands beside."""
    found = []
    for path, node in walk(DOCUMENT):
        if "schema" in node and "example" in node:
            found.append(pytest.param(node["schema"], node["example"], id=path))
        if "schema" in node:
            for name, example in node.get("examples", {}).items():
                found.append(pytest.param(node["schema"], resolve(example)["value"], id=f"{path}/{name}"))
    return found


def is_anchored(pattern: str) -> bool:
    """Tell whether a pattern holds for the whole text: `^`, one alternative, `$`."""
    depth = 0
    in_class = False
    for token in re.findall(r"\\.|.", pattern, re.DOTALL):
        if in_class:
            in_class = token != "]"
        elif token == "[":
            in_class = True
        elif token in "()":
            depth += 1 if token == "(" else -1
        elif token == "|" and depth == 0:
            return False
    return pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith("\\$")


def markdown_rows(first_heading: str) -> list[list[str]]:
    """Give the rows of the table in `info.description` whose heading row begins with this cell."""
    lines = DOCUMENT["info"]["description"].splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"| {first_heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_openapi_accepts_the_document() -> None:
    """The document is valid OpenAPI 3.0."""
    assert [] == [error.message for error in OpenAPIV30SpecValidator(DOCUMENT).iter_errors()]


@pytest.mark.parametrize(("schema", "value"), examples())
def test_an_example_is_valid(schema: dict[str, Any], value: Any) -> None:
    """An example is valid against its schema, read as Draft 7."""
    validator = jsonschema_rs.Draft7Validator({"components": DOCUMENT["components"], "allOf": [schema]})

    assert [] == [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]


def test_every_request_and_answer_with_a_body_has_an_example() -> None:
    """A reader sees an example of every body that is sent or answered."""
    bare = [
        path
        for path, node in walk(DOCUMENT)
        if "/content/" in path and "schema" in node and "examples" not in node
    ]

    assert [] == bare


def test_every_example_is_shown() -> None:
    """An example of the components stands beside at least one schema."""
    shown = {
        example["$ref"].removeprefix("#/components/examples/")
        for _, node in walk(DOCUMENT)
        if "schema" in node
        for example in node.get("examples", {}).values()
    }

    assert set(DOCUMENT["components"]["examples"]) == shown


def test_no_two_operations_share_an_id() -> None:
    """An operationId names one operation."""
    assert len(every_operation()) == len(operations())


@pytest.mark.parametrize("name", sorted(operations()))
def test_an_operation_says_whose_class_offers_it(name: str) -> None:
    """An operation names a conformance class that its scope has, and has a default response."""
    operation = operations()[name]
    classes = [entry["name"] for entry in DOCUMENT["x-conformance-classes"][operation["x-class-scope"]]]

    assert operation["x-conformance-class"] in classes
    assert "default" in operation["responses"]


@pytest.mark.parametrize("name", sorted(operations()))
def test_an_operation_needs_a_scope_unless_it_needs_no_token(name: str) -> None:
    """An operation has a scope if and only if it is not open to everybody."""
    operation = operations()[name]

    assert (operation.get("security") == []) != ("x-scope" in operation)


@pytest.mark.parametrize("name", sorted(operations()))
def test_an_operation_lists_the_statuses_of_its_problems(name: str) -> None:
    """The failures that an operation lists are those of its own problem codes, and of access and rate."""
    operation = operations()[name]
    catalogue = {entry["code"]: str(entry["status"]) for entry in DOCUMENT["x-problem-catalogue"]}
    listed = {
        status
        for status, response in operation["responses"].items()
        if "application/problem+json" in resolve(response).get("content", {}) and status != "default"
    }

    assert {catalogue[code] for code in operation["x-problems"]} == listed - GENERAL_STATUSES
    assert ("401" in listed, "403" in listed) == ("x-scope" in operation, "x-scope" in operation)
    assert "429" in listed


@pytest.mark.parametrize("name", sorted(operations()))
def test_an_operation_shows_the_problems_that_it_lists(name: str) -> None:
    """The problem codes of an operation, and no others, have an example among its responses."""
    operation = operations()[name]
    shown = {
        resolve(example)["value"]["code"]
        for status, response in operation["responses"].items()
        if status not in {*GENERAL_STATUSES, "default"}
        for media_type, content in resolve(response).get("content", {}).items()
        if media_type == "application/problem+json"
        for example in content["examples"].values()
    }

    assert set(operation["x-problems"]) == shown


def test_a_problem_example_agrees_with_the_catalogue() -> None:
    """An example of a problem has the type, title, status and retryable that the catalogue gives its code."""
    catalogue = {entry["code"]: entry for entry in DOCUMENT["x-problem-catalogue"]}
    problems = [
        example["value"]
        for example in DOCUMENT["components"]["examples"].values()
        if isinstance(example["value"], dict) and "request_id" in example["value"]
    ]

    assert set(catalogue) == {problem["code"] for problem in problems}
    for problem in problems:
        entry = catalogue[problem["code"]]
        assert f"urn:common-compute:problem:{entry['code']}" == problem["type"]
        assert (entry["title"], entry["status"], entry["retryable"]) == (
            problem["title"],
            problem["status"],
            problem["retryable"],
        )


def test_a_problem_is_answered_with_its_own_status() -> None:
    """An example of a problem stands in a response of its own status."""
    for operation in every_operation():
        for status, response in operation["responses"].items():
            for media_type, content in resolve(response).get("content", {}).items():
                if media_type == "application/problem+json" and status != "default":
                    shown = [resolve(example)["value"] for example in content["examples"].values()]
                    assert {int(status)} == {problem["status"] for problem in shown}


def test_general_problems_are_in_the_catalogue() -> None:
    """The codes that any operation may answer are codes of the catalogue."""
    codes = {entry["code"] for entry in DOCUMENT["x-problem-catalogue"]}

    assert set(DOCUMENT["x-problems-anywhere"]) <= codes


def test_every_response_carries_a_request_id() -> None:
    """`X-Request-Id` is declared on every response, as required."""
    bare = [
        (operation["operationId"], status)
        for operation in every_operation()
        for status, response in operation["responses"].items()
        if not resolve(resolve(response).get("headers", {}).get("X-Request-Id", {})).get("required")
    ]

    assert [] == bare


def test_every_parameter_has_a_type() -> None:
    """The schema of a parameter says its type."""
    untyped = [
        path
        for path, node in walk(DOCUMENT)
        if "in" in node and "name" in node and "schema" in node and "type" not in resolve(node["schema"])
    ]

    assert [] == untyped


def test_every_pattern_is_anchored() -> None:
    """A pattern holds for the whole text, and compiles here as well as in the servers' validator."""
    patterns = {
        value
        for _, node in walk(DOCUMENT)
        for name, value in node.items()
        if name in {"pattern", "x-pattern", "x-key-pattern"} and isinstance(value, str)
    }

    assert patterns
    assert set() == {pattern for pattern in patterns if not is_anchored(pattern)}
    for pattern in patterns:
        re.compile(pattern)
        jsonschema_rs.Draft7Validator({"pattern": pattern})


def test_schemas_mean_the_same_under_draft_7() -> None:
    """No schema has a keyword that OpenAPI 3.0 and Draft 7 read differently, or a neighbour of `$ref`."""
    for path, node in walk(DOCUMENT):
        assert "nullable" not in node, path
        assert not isinstance(node.get("exclusiveMinimum"), bool), path
        assert not isinstance(node.get("exclusiveMaximum"), bool), path
        if isinstance(node.get("$ref"), str):
            assert ["$ref"] == list(node), path


def test_the_document_has_no_null() -> None:
    """No value of the document is null, which would teach its readers to send one."""

    def nulls(node: Any, path: str) -> Iterator[str]:
        if node is None:
            yield path
        if isinstance(node, list):
            node = dict(enumerate(node))
        if isinstance(node, dict):
            for name, child in node.items():
                yield from nulls(child, f"{path}/{name}")

    assert [] == list(nulls(DOCUMENT, ""))


def test_a_request_is_closed_and_an_answer_is_open() -> None:
    """An object of a request says what else it may have; one of answers alone excludes nothing."""
    requests: set[str] = set()
    bodies = DOCUMENT["components"]["requestBodies"].values()
    queue = [body["content"]["application/json"]["schema"] for body in bodies]
    while queue:
        for _, node in walk(queue.pop()):
            reference = node.get("$ref", "")
            if reference and reference not in requests:
                requests.add(reference)
                queue.append(resolve(node))
            if node.get("type") == "object":
                assert "additionalProperties" in node, node
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if f"#/components/schemas/{name}" not in requests:
            assert all(node.get("additionalProperties") is not False for _, node in walk(schema)), name


def test_a_bad_id_in_a_path_breaks_no_schema() -> None:
    """A parameter of a path is any string: one that fits no pattern is not found, not invalid."""
    schemas = [
        node["schema"] for _, node in walk(DOCUMENT["components"]["parameters"]) if node.get("in") == "path"
    ]

    assert schemas
    assert all({"type", "x-pattern"} == set(schema) for schema in schemas)


def test_every_component_is_used() -> None:
    """A component is referred to from somewhere."""
    used = {node["$ref"] for _, node in walk(DOCUMENT) if isinstance(node.get("$ref"), str)}
    used |= {target for _, node in walk(DOCUMENT) for target in node.get("mapping", {}).values()}
    components = {
        f"#/components/{kind}/{name}"
        for kind, entries in DOCUMENT["components"].items()
        if kind != "securitySchemes"
        for name in entries
    }

    assert set() == components - used


def test_every_object_has_a_description() -> None:
    """A reader is told what each operation, parameter, header, schema and member is."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert "description" in schema, name
        for path, node in walk(schema):
            for member, content in node.get("properties", {}).items():
                assert "description" in resolve(content), f"{name}{path}/{member}"


def test_links_lead_to_operations_and_their_parameters() -> None:
    """A link names an operation of the document and gives parameters that the operation has."""
    parameters = {
        item[method]["operationId"]: {
            resolve(entry)["name"] for place in (item, item[method]) for entry in place.get("parameters", [])
        }
        for item in DOCUMENT["paths"].values()
        for method in METHODS
        if method in item
    }

    for name, link in DOCUMENT["components"]["links"].items():
        assert set(link["parameters"]) <= parameters[link["operationId"]], name


def test_the_state_table_is_printed_as_it_is() -> None:
    """The table of states in the description is the one that programs read."""
    table = DOCUMENT["x-state-table"]
    peers = ("uws", "tes", "psij", "execution_broker", "iri")
    printed = {
        state: dict(zip(peers, [cell.split(", ") for cell in cells], strict=True))
        for state, *cells in markdown_rows("Here")
    }

    assert table == printed
    assert DOCUMENT["components"]["schemas"]["JobState"]["enum"] == list(table)


def test_the_classes_are_printed_as_they_are() -> None:
    """The tables of classes in the description are those that programs read."""
    for scope, heading in (("service", "Service class"), ("facility", "Facility class")):
        assert [
            [entry["name"], entry["meaning"]] for entry in DOCUMENT["x-conformance-classes"][scope]
        ] == markdown_rows(heading)


def test_every_extension_is_explained() -> None:
    """An extension that the document uses is one that its description explains."""
    used = {name for _, node in walk(DOCUMENT) for name in node if name.startswith("x-")}

    assert used == {row[0].strip("`") for row in markdown_rows("Extension")}


def test_the_files_of_the_contract_agree() -> None:
    """States and conformance classes are the same in all files of the contract."""
    read = {
        name: yaml.safe_load(files("common_compute_connector").joinpath(name).read_text(encoding="utf-8"))
        for name in ("transitions.yaml", "requirements.yaml")
    }
    classes = {
        scope: [entry["name"] for entry in entries]
        for scope, entries in DOCUMENT["x-conformance-classes"].items()
    }

    assert DOCUMENT["components"]["schemas"]["JobState"]["enum"] == read["transitions.yaml"]["states"]
    assert classes == read["requirements.yaml"]["classes"]
