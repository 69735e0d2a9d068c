"""The contract as data: what `spec/` says is read here and nowhere typed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # a PyYAML built without libyaml reads the same, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One line of the problem catalogue."""

    code: str
    status: int
    title: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation; `place` is `path`, `query` or `header`."""

    name: str
    place: str
    schema: Mapping[str, Any]
    required: bool
    conformance_class: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation with all references resolved at its first level; `path` is without the base path."""

    id: str
    method: str
    path: str
    parameters: Sequence[Parameter]
    body: Mapping[str, Any] | None
    """The schema of the JSON body that it takes, None if it takes none."""
    responses: Mapping[str, Mapping[str, Any]]
    """By status; `default` holds for every other."""
    conformance_class: str
    class_is_the_facilitys: bool
    scope: str | None
    """The scope that a token needs; None if none is needed."""

    @property
    def public(self) -> bool:
        """Tell whether no token is needed."""
        return self.scope is None

    @property
    def answers_json(self) -> bool:
        """Tell whether a success of this operation is a JSON document."""
        return any(
            "application/json" in response.get("content", {})
            for status, response in self.responses.items()
            if status.startswith("2")
        )


@cache
def document() -> dict[str, Any]:
    """Give the OpenAPI document."""
    return cast("dict[str, Any]", _read("openapi.yaml"))


def text(name: str = "openapi.yaml") -> str:
    """Give a file of the contract as it is written."""
    return files("common_compute_connector").joinpath(name).read_text(encoding="utf-8")


@cache
def base_path() -> str:
    """Give the path under which the operations lie, `/v1`."""
    return str(document()["servers"][0]["url"])


@cache
def problem_kinds() -> Mapping[str, ProblemKind]:
    """Give the problem catalogue, by code."""
    return {
        entry["code"]: ProblemKind(entry["code"], entry["status"], entry["title"], entry["retryable"])
        for entry in document()["x-problem-catalogue"]
    }


@cache
def operations() -> Mapping[str, Operation]:
    """Give the operations, by operationId, in the document's order."""
    found: dict[str, Operation] = {}
    for path, item in document()["paths"].items():
        shared = item.get("parameters", [])
        for method in _METHODS:
            if method in item:
                operation = _operation(path, method, item[method], shared)
                if operation.id in found:
                    raise ValueError(f"openapi.yaml has the operationId {operation.id} twice")
                found[operation.id] = operation
    return found


@cache
def default_page_size() -> int:
    """Give the number of entries that a page has where the request does not say it."""
    return int(_page_size()["default"])


@cache
def largest_page() -> int:
    """Give the most entries that a page may have."""
    return int(_page_size()["maximum"])


def _page_size() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = document()["components"]["parameters"]["page_size"]["schema"]
    return schema


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a `$ref` within the document, if the node is one."""
    while "$ref" in node:
        target: Any = document()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


@cache
def requirements() -> list[dict[str, Any]]:
    """Give the normative statements, in the order of their file."""
    read = _read("requirements.yaml")
    return cast("list[dict[str, Any]]", read["requirements"] if isinstance(read, dict) else read)


@cache
def terminal_states() -> frozenset[str]:
    """Give the states that no step leaves."""
    return frozenset(_transitions()["terminal"])


@cache
def legal_steps(*, attempt_raised: bool) -> frozenset[tuple[str, str]]:
    """Give the pairs (from, to) that a task's history may show, with the attempt raised or as it was."""
    name = "steps_with_higher_attempt" if attempt_raised else "steps"
    return frozenset((step["from"], step["to"]) for step in _transitions()[name])


@cache
def _transitions() -> dict[str, Any]:
    return cast("dict[str, Any]", _read("transitions.yaml"))


def _operation(
    path: str, method: str, item: Mapping[str, Any], shared: Sequence[Mapping[str, Any]]
) -> Operation:
    body = resolved(item["requestBody"])["content"]["application/json"] if "requestBody" in item else None
    return Operation(
        id=item["operationId"],
        method=method.upper(),
        path=path,
        parameters=[_parameter(resolved(entry)) for entry in [*shared, *item.get("parameters", [])]],
        body=None if body is None else body["schema"],
        responses={status: resolved(response) for status, response in item["responses"].items()},
        conformance_class=item["x-conformance-class"],
        class_is_the_facilitys=item["x-class-scope"] == "facility",
        scope=item.get("x-scope"),
    )


def _parameter(entry: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=entry["name"],
        place=entry["in"],
        schema=resolved(entry["schema"]),
        required=entry.get("required", False),
        conformance_class=entry.get("x-conformance-class"),
    )


def _read(name: str) -> Any:
    return yaml.load(text(name), Loader=_Loader)
