"""Show a certificate as one offline HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from common_compute_conformance.reporting.rendering import render

AREAS = {
    "SVC": "The service",
    "FAC": "Facilities and their software",
    "JOB": "Jobs",
    "TASK": "Array jobs",
    "RES": "Results",
    "LOG": "Logs",
    "ERR": "Errors",
    "IDEM": "Idempotency",
    "ACC": "Callers",
    "CRED": "Credentials",
    "STAGE": "Staging",
    "VAL": "Validation",
}
# Each outcome has a sign of its own, since a colour alone tells nothing to those who do not see it.
SIGNS = {
    "passed": "✓",
    "failed": "✗",
    "error": "!",
    "flaky": "≈",
    "not-applicable": "·",
    "not-assessed": "○",
}
WORDS = {outcome: outcome.replace("-", " ") for outcome in SIGNS}
VERDICTS = {
    "certified": "Certified",
    "refused": "Not certified",
    "partial-passed": "Partial run: all that was asked for passed",
    "partial-failed": "Partial run: not all that was asked for passed",
}
_RED = ("failed", "error", "flaky")
_LONGEST_MESSAGE = 4000


def page(document: Mapping[str, Any]) -> bytes:
    """Return the page of a certificate's document."""
    entries, stopped = document["requirements"], "stopped" in document
    return render(
        "report.html.jinja",
        certificate=document,
        name=name_of(document),
        verdict=VERDICTS[document["verdict"]],
        signs=SIGNS,
        words=WORDS,
        classes=document["classes"],
        findings=[_finding(entry) for entry in entries if entry["claimed"] and entry["outcome"] in _RED],
        unassessed=[entry for entry in entries if _is_unassessed(entry) and not stopped],
        deciding=[entry for entry in entries if _stands_against_it(entry) and not stopped],
        areas=_areas(entries),
        elsewhere=[entry for entry in entries if entry["verified_by"] != "http"],
        documents=_documents(document["target"]),
    )


def name_of(document: Mapping[str, Any]) -> str:
    """Return what the target calls itself, its URL where it could not tell."""
    target = document["target"]
    name = target.get("service_info", {}).get("name")
    return name if isinstance(name, str) and name else str(target["url"])


def _stands_against_it(entry: Mapping[str, Any]) -> bool:
    return bool(entry["decides"]) and entry["outcome"] not in ("passed", "not-applicable")


def _is_unassessed(entry: Mapping[str, Any]) -> bool:
    return bool(entry["decides"]) and entry["outcome"] == "not-assessed"


def _finding(entry: Mapping[str, Any]) -> dict[str, Any]:
    checks = [check for check in entry["checks"] if check["outcome"] in _RED]
    return {
        **entry,
        "checks": [
            {**check, "message": check.get("message", "")[:_LONGEST_MESSAGE], "lines": _lines(check)}
            for check in checks
        ],
    }


def _lines(check: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the conversation, each exchange as the two messages that it is."""
    return [
        {
            "title": f"{exchange['method']} {exchange['url']}",
            "status": exchange["status"],
            "request": _message(
                f"{exchange['method']} {exchange['url']}",
                exchange["request_headers"],
                exchange["request_body"],
            ),
            "answer": _message(str(exchange["status"]), exchange["headers"], exchange["body"]),
            "faults": exchange["faults"],
        }
        for exchange in check["evidence"]
    ]


def _message(first: str, headers: Mapping[str, str], body: str) -> str:
    head = "\n".join([first, *(f"{name}: {value}" for name, value in headers.items())])
    return f"{head}\n\n{body}" if body else head


def _areas(entries: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    areas: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        areas.setdefault(entry["id"].split("-")[1], []).append(entry)
    return [
        {
            "id": area,
            "title": AREAS.get(area, area),
            "entries": mine,
            "passed": sum(entry["outcome"] == "passed" for entry in mine),
            "seen": sum(entry["verified_by"] == "http" for entry in mine),
        }
        for area, mine in areas.items()
    ]


def _documents(target: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (title, json.dumps(target[member], indent=2, ensure_ascii=False))
        for member, title in (("service_info", "service-info"), ("facility", "facility document"))
        if member in target
    ]
