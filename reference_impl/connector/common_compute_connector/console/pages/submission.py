"""The form that submits: a body to begin with, an editor, and what the API says of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from common_compute_connector.console import words
from common_compute_connector.console.api import ApiAnswer
from common_compute_connector.console.cases import Case, Offer, cases_for, with_files
from common_compute_connector.console.pointers import line_of, lines_of
from common_compute_connector.console.refusals import RefusedByApi, demanded
from common_compute_connector.console.visit import Reply, Visit, led_to

_KEY = re.compile(r"[0-9a-v]{8,64}", re.ASCII)

Choices = Sequence[tuple[Mapping[str, Any], Sequence[Case]]]
"""What can be begun with: for each facility its cases."""


async def show_form(visit: Visit) -> Reply:
    """Show the form, filled in with the case that was chosen, or with the first."""
    choices = await _choices(visit)
    facility_id, _, name = visit.asked("begin").partition("/")
    wanted = [
        (facility, case)
        for facility, cases in choices
        for case in cases
        if facility["id"] == facility_id and (not name or case.name == name)
    ]
    first = [(facility, case) for facility, cases in choices for case in cases]
    facility, case = next(iter([*wanted, *first]), ({"id": ""}, Case("", "", {})))
    text = words.json_text(case.body)
    return visit.page(
        "submit.html",
        choices=choices,
        begin=f"{facility['id']}/{case.name}",
        case=case.name,
        text=text,
        key=visit.new_id(),
        problem=None,
        faults=[],
        is_valid=False,
    )


async def send_form(visit: Visit) -> Reply:
    """Submit what the form holds, or have it checked; what is wrong is told beside it."""
    text = visit.form.get("specification", "").replace("\r\n", "\n")
    case = visit.form.get("case", "")
    body = await asyncio.to_thread(with_files, text, case)
    if visit.form.get("action") == "check":
        answer = await visit.api.post("jobs", "validate", body=body)
        is_valid = answer.fine and answer.document["valid"]
        problem = None if answer.fine else answer.document
        status = answer.status
    else:
        answer = await _submit(visit, body)
        if answer.fine:
            done = "submit" if answer.status == 201 else "repeat"
            return led_to(f"/console/jobs/{quote(answer.document['id'])}?done={done}")
        if answer.status == 401:
            raise RefusedByApi(answer)
        is_valid, problem, status = False, answer.document, answer.status
    return visit.page(
        "submit.html",
        status,
        choices=await _choices(visit),
        begin=visit.form.get("begin", ""),
        case=case,
        text=text,
        key=visit.form.get("key", ""),
        problem=problem,
        faults=await asyncio.to_thread(_faults, answer.document.get("errors", ()), text),
        is_valid=is_valid,
    )


async def _submit(visit: Visit, body: bytes) -> ApiAnswer:
    """Submit once, however often the same form is sent.

    The key is of this form and this body: a form that was sent twice makes one job, one that was changed
    makes another. Sent again after its job was released, it is meant.
    """
    key = visit.form.get("key", "")
    if not _KEY.fullmatch(key):
        return await visit.api.post("jobs", body=body)
    keyed = [("idempotency-key", f"console-{key}-{sha256(body).hexdigest()[:32]}")]
    answer = await visit.api.post("jobs", body=body, headers=keyed)
    if answer.status == 409 and answer.document["code"] == "job-released":
        return await visit.api.post("jobs", body=body)
    return answer


async def _choices(visit: Visit) -> Choices:
    facilities = demanded(await visit.api.get("facilities")).document["facilities"]
    choices = []
    for facility in facilities:
        software: Sequence[Mapping[str, Any]] = ()
        if "software" in facility["conforms_to"]:
            answer = await visit.api.get("facilities", facility["id"], "software")
            software = answer.document["software"] if answer.fine else ()
        choices.append((facility, cases_for(Offer(facility, software))))
    return choices


def _faults(errors: Sequence[Mapping[str, Any]], text: str) -> list[dict[str, Any]]:
    """Give each fault with the line of the text that its pointer means."""
    lines = lines_of(text)
    return [
        {
            "place": error.get("pointer") or error.get("parameter") or error.get("header") or "the whole",
            "line": line_of(error["pointer"], lines) if "pointer" in error else None,
            "detail": error["detail"],
        }
        for error in errors
    ]
