"""Hold every response against the contract, from this kit's own reading of `openapi.yaml`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import jsonschema_rs

from common_compute_conformance.errors import Failure
from common_compute_conformance.requirements import load_yaml

_METHODS = ("get", "put", "post", "delete")


@dataclass(frozen=True)
class Operation:
    """One operation: how it is called, which class it belongs to, and what it may answer."""

    id: str
    method: str
    path: str
    conformance_class: str
    class_scope: str
    scope: str | None
    takes_body: bool
    responses: Mapping[str, Any]

    def at(self, **parameters: str) -> str:
        """Return the path with its parameters filled in, each as one segment."""
        return self.path.format(**{name: quote(value, safe="") for name, value in parameters.items()})


@dataclass(frozen=True)
class ProblemKind:
    """One entry of the problem catalogue."""

    code: str
    status: int
    retryable: bool


class Contract:
    """The operations, their answers' schemas (Draft 7, compiled once) and the catalogue of problems."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._components = document["components"]
        self._validators: dict[str, jsonschema_rs.Draft7Validator] = {}
        self.version: str = document["info"]["version"]
        self.operations = {operation.id: operation for operation in self._read_operations()}
        self.problems = {
            entry["code"]: ProblemKind(entry["code"], entry["status"], entry["retryable"])
            for entry in document["x-problem-catalogue"]
        }
        classes = document["x-conformance-classes"]
        self.classes: dict[str, tuple[str, ...]] = {
            scope: tuple(entry["name"] for entry in classes[scope]) for scope in ("service", "facility")
        }
        self.reason_codes = frozenset(entry["code"] for entry in document["x-reason-codes"])

    def _read_operations(self) -> Iterator[Operation]:
        for path, item in self._document["paths"].items():
            for method in _METHODS:
                if method not in item:
                    continue
                entry = item[method]
                yield Operation(
                    id=entry["operationId"],
                    method=method.upper(),
                    path=path,
                    conformance_class=entry["x-conformance-class"],
                    class_scope=entry["x-class-scope"],
                    scope=entry.get("x-scope"),
                    takes_body="requestBody" in entry,
                    responses=entry["responses"],
                )

    def _resolve(self, node: Any) -> Any:
        while isinstance(node, Mapping) and "$ref" in node:
            target: Any = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def _validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Draft7Validator:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {"allOf": [schema], "components": {"schemas": self._components["schemas"]}}
            self._validators[key] = jsonschema_rs.Draft7Validator(whole, validate_formats=True)
        return self._validators[key]

    def faults_of(self, schema: str, value: Any) -> list[str]:
        """Return what of a value does not fit the component schema of this name."""
        return self._faults({"$ref": f"#/components/schemas/{schema}"}, value)

    def members_of(self, schema: str) -> frozenset[str]:
        """Return the members that a component schema names."""
        return frozenset(self._components["schemas"][schema]["properties"])

    def _faults(self, schema: Mapping[str, Any], value: Any) -> list[str]:
        errors = self._validator(schema).iter_errors(value)
        return [f"{_pointer(error.instance_path) or 'the body'}: {error.message[:300]}" for error in errors]

    def faults_of_response(
        self, operation_id: str | None, method: str, status: int, headers: Mapping[str, str], content: bytes
    ) -> list[str]:
        """Return what of a response its operation does not allow; empty if it conforms.

        Without an operation (an unknown path, a method that a path lacks) only a problem document will do.
        """
        if operation_id is None:
            if status < 400:
                return []
            answer = self._components["responses"]["AnyProblem"]
        else:
            responses = self.operations[operation_id].responses
            if str(status) not in responses and status < 400:
                return [f"status {status} is not one of {operation_id}'s: {', '.join(responses)}"]
            answer = self._resolve(responses.get(str(status), responses["default"]))
        faults = list(self._faults_of_headers(answer, headers))
        if method == "HEAD" or status in (204, 304):
            return faults + (["this answer must not have a body"] if content else [])
        return faults + list(self._faults_of_body(answer, headers, content))

    def _faults_of_headers(self, answer: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[str]:
        for name, reference in answer.get("headers", {}).items():
            header = self._resolve(reference)
            if name not in headers:
                if header.get("required"):
                    yield f"the header {name} is missing"
                continue
            schema = self._resolve(header["schema"])
            if schema.get("type") == "string":
                yield from (f"header {name}: {fault}" for fault in self._faults(schema, headers[name]))

    def _faults_of_body(
        self, answer: Mapping[str, Any], headers: Mapping[str, str], content: bytes
    ) -> Iterator[str]:
        declared = answer.get("content", {})
        if not declared:
            if content:
                yield "this answer must not have a body"
            return
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in declared and "*/*" not in declared:
            yield f"the Content-Type is {media_type or 'missing'}, not {' or '.join(declared)}"
            return
        schema = declared.get(media_type, declared.get("*/*"))["schema"]
        if self._resolve(schema).get("format") == "binary":
            return
        try:
            value = parse_json(content)
        except ValueError as error:
            yield f"the body is no JSON: {error}"
            return
        yield from self._faults(schema, value)


class Document(dict[str, Any]):
    """A JSON object of the target's: a member that it left out is the target's failure, not the check's."""

    def __missing__(self, member: str) -> Any:
        raise Failure(f"the member {member!r} is missing in {json.dumps(self)[:300]}")


def parse_json(content: bytes) -> Any:
    """Parse strict JSON, objects as Documents; raises ValueError for NaN, bad UTF-8 and anything else."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(content.decode("utf-8"), parse_constant=refuse, object_hook=Document)


def instant(text: str) -> datetime:
    """Return the moment that a time of the contract tells."""
    return datetime.fromisoformat(text)


def _pointer(path: list[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


@cache
def load_contract() -> Contract:
    """Read the contract that this kit carries."""
    return Contract(load_yaml("openapi.yaml"))


@cache
def load_transitions() -> Transitions:
    """Read the legal steps of jobs and tasks that this kit carries."""
    return Transitions(load_yaml("transitions.yaml"))


class Transitions:
    """The legal steps of a job, and what a history must look like."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.states: tuple[str, ...] = tuple(document["states"])
        self.initial: str = document["initial"]
        self.terminal = frozenset(document["terminal"])
        self._steps = {(step["from"], step["to"]) for step in document["steps"]}
        self._steps_up = {(step["from"], step["to"]) for step in document["steps_with_higher_attempt"]}

    def allow(self, before: tuple[str, int], after: tuple[str, int]) -> bool:
        """Tell whether (state, attempt) `after` may directly follow `before` in a history."""
        (old_state, old_attempt), (new_state, new_attempt) = before, after
        if new_attempt == old_attempt:
            return (old_state, new_state) in self._steps
        return new_attempt > old_attempt and (old_state, new_state) in self._steps_up
