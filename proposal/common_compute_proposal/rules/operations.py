"""What every operation has: its problems, an example of every body, and a requirement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common_compute_proposal.places import step
from common_compute_proposal.source import Finding, Source

_PROBLEM = "application/problem+json"


def operations_have_problems(source: Source) -> Iterator[Finding]:
    """Every operation lists its problems in `x-problems`, out of the catalogue, and has a `default`."""
    known = {each["code"] for each in source.version.openapi.get("x-problem-catalogue", ())}
    for name, pointer, operation in source.operations():
        codes = operation.get("x-problems")
        if not isinstance(codes, list):
            yield source.finding(
                "problems",
                pointer,
                f"{name} has no list x-problems: name the codes that are particular to it",
            )
            codes = []
        for number, code in enumerate(codes):
            if code not in known:
                yield source.finding(
                    "problems",
                    f"{pointer}/x-problems/{number}",
                    f"{name} names the problem {code}, which x-problem-catalogue does not have",
                )
        default = source.version.resolved(operation.get("responses", {}).get("default", {}))
        if _PROBLEM not in default.get("content", {}):
            yield source.finding(
                "problems", f"{pointer}/responses", f"{name} has no `default` answer in {_PROBLEM}"
            )


def operations_have_examples(source: Source) -> Iterator[Finding]:
    """Every body that is sent or answered, and every value of a query or a header, has an example."""
    for name, pointer, operation in source.operations():
        for place, what, content in _contents(source, operation):
            for kind, media in content.items():
                if not media.get("examples") and "example" not in media:
                    yield source.finding(
                        "examples", pointer + place, f"{name} shows no example of its {what} in {kind}"
                    )
        for number, parameter in enumerate(map(source.version.resolved, operation["parameters"])):
            if "example" not in parameter and not parameter.get("examples"):
                yield source.finding(
                    "examples",
                    f"{pointer}/parameters/{number}",
                    f"{name} shows no example of its parameter {parameter.get('name')}",
                )


def operations_have_requirements(source: Source) -> Iterator[Finding]:
    """Every operation is named by a requirement that is not about all operations alike."""
    if source.stands_alone:
        return
    names = source.version.operations.keys()
    told = {
        name
        for each in source.version.requirements
        if set(each["operations"]) < names or len(names) == 1
        for name in each["operations"]
    }
    for name, pointer, _ in source.operations():
        if name not in told:
            yield source.finding(
                "requirement", pointer, f"no requirement says what {name} does: add one to requirements.yaml"
            )


def _contents(source: Source, operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    body = source.version.resolved(operation.get("requestBody", {}))
    yield "/requestBody", "body", body.get("content", {})
    for status, answer in operation.get("responses", {}).items():
        content = source.version.resolved(answer).get("content", {})
        yield f"/responses{step(status)}", f"answer {status}", content
