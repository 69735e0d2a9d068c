"""Say under which requirement of the contract it is told that a generated request was answered wrongly."""

from __future__ import annotations

from typing import NamedTuple

# A right request was not accepted.
_ACCEPTED_BY = {
    "get_service_info": "CC-SVC-001",
    "get_health": "CC-SVC-002",
    "list_facilities": "CC-FAC-001",
    "get_facility": "CC-FAC-001",
    "list_software": "CC-FAC-009",
    "get_credential": "CC-CRED-001",
    "submit_job": "CC-JOB-001",
    "validate_job": "CC-VAL-021",
    "list_jobs": "CC-JOB-044",
    "get_job": "CC-JOB-002",
    "cancel_job": "CC-JOB-036",
    "list_tasks": "CC-TASK-007",
    "list_results": "CC-RES-012",
    "get_result": "CC-RES-002",
    "get_log": "CC-LOG-001",
}
# A wrong one was not refused, by what was wrong with it.
_REFUSED_BY = {
    ("query", "page_size"): "CC-SVC-017",
    ("query", "page_token"): "CC-SVC-018",
    ("query", "label"): "CC-JOB-044",
    ("query", "state"): "CC-JOB-044",
    ("query", "created_after"): "CC-JOB-045",
    ("query", "updated_after"): "CC-JOB-045",
    ("query", ""): "CC-SVC-015",
    ("header", ""): "CC-IDEM-006",
    ("body", "command"): "CC-VAL-003",
    ("body", "environment"): "CC-VAL-004",
    ("body", "inputs"): "CC-VAL-005",
    ("body", "outputs"): "CC-VAL-005",
    ("body", "name"): "CC-VAL-006",
    ("body", "project"): "CC-VAL-006",
    ("body", "labels"): "CC-VAL-007",
    ("body", ""): "CC-VAL-002",
}


class Fault(NamedTuple):
    """Where a request is wrong: in its `query`, a `header` or its `body`, and in what there.

    `name` is the parameter, the header or the member of the body, empty where the body as a whole is none.
    `kind` is `unknown` for a member that the contract does not know, there or further inside, `type` for a
    value of a wrong type or one that is missing, and empty for all else.
    """

    place: str
    name: str
    kind: str = ""


def accepted_by(operation_id: str) -> str:
    """Return the requirement by which a right request is accepted."""
    return _ACCEPTED_BY[operation_id]


def refused_by(fault: Fault) -> str:
    """Return the requirement by which a request with this fault is refused."""
    if fault.kind:
        return "CC-VAL-001" if fault.kind == "unknown" else "CC-VAL-002"
    return _REFUSED_BY.get((fault.place, fault.name), _REFUSED_BY[(fault.place, "")])


def naming(fault: Fault) -> str:
    """Return the requirement by which a refusal names what is wrong."""
    return "CC-ERR-011" if fault.place == "body" else "CC-ERR-010"
