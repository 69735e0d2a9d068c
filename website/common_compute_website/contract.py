"""The contract as the pages refer to it: operations, schemas, requirements, and the addresses of each."""

from __future__ import annotations

from functools import cache
from typing import Any

from common_compute_proposal.versions import Version, read_version
from common_compute_website import places
from common_compute_website.markdown import link

Node = dict[str, Any]
SCHEMAS_PAGE = "reference/schemas.md"
PROBLEMS_PAGE = "reference/problems.md"


@cache
def version() -> Version:
    """Give the contract."""
    return read_version(places.SPEC)


def operations() -> dict[str, Node]:
    """Give the operations by id."""
    return version().operations


def schemas() -> dict[str, Node]:
    """Give the schemas by name."""
    return dict(version().openapi["components"]["schemas"])


@cache
def requirements() -> dict[str, Node]:
    """Give the normative statements by id."""
    return {each["id"]: each for each in version().requirements}


def operation_page(operation: str) -> str:
    """Give the address of an operation."""
    return f"reference/{operations()[operation]['tags'][0]}.md#{operation}"


def schema_page(name: str) -> str:
    """Give the address of a schema, or of a member of it."""
    return f"{SCHEMAS_PAGE}#{name.partition('.')[0].lower()}"


def requirement_page(name: str) -> str:
    """Give the permanent address of a requirement."""
    return f"requirements/{name.split('-')[1].lower()}.md#{name.lower()}"


def problem_page(code: str) -> str:
    """Give the address of a problem."""
    return f"{PROBLEMS_PAGE}#{code}"


def linked(from_page: str, name: str) -> str:
    """Give a link to an operation, a schema or a member of one, or a requirement.

    Raises:
        KeyError: the contract has no such thing.
    """
    if name in requirements():
        return f"[{name}]({link(from_page, requirement_page(name))})"
    if name in operations():
        return f"[`{name}`]({link(from_page, operation_page(name))})"
    if name.partition(".")[0] in schemas():
        return f"[`{name}`]({link(from_page, schema_page(name))})"
    raise KeyError(name)
