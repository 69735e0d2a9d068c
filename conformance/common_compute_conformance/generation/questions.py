"""Decide of a generated request how it has to be answered: from what it says, not from how it was made.

Chance puts many faults into one request, and the first of them hides the others. So a request keeps one of
them; all else in it is made right, and reaches as deep as it can: with the ids of things that are there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from common_compute_conformance.contract import Contract
from common_compute_conformance.generation.attributions import Fault, accepted_by, refused_by
from common_compute_conformance.generation.claimed import ClaimedContract
from common_compute_conformance.generation.harmless import Harmless
from common_compute_conformance.generation.readings import Reading, Readings, sendable

Pairs = tuple[tuple[str, str], ...]

NOTHING: Any = object()
"""In place of a body: there is none. None is the JSON value null."""

_KEY = "Idempotency-Key"
_TOKEN = "page_token"  # noqa: S105 (no secret)
_JSON_TYPE = {"Content-Type": "application/json"}
_REFUSED = frozenset({422})
# One request of so many asks for what is not there.
_STRANGE = 4
# `validate` is a path of its own, and a dot is no segment.
_NO_ID = frozenset({"", ".", "..", "validate"})
# These would take away what other checks look at, so they ask only for what is not there.
_ENDING = frozenset({"release_job", "delete_credential"})


class Shape(Enum):
    """How a draft departs from what its operation takes: not, by its method or by its Content-Type."""

    REQUEST = "request"
    METHOD = "method"
    MEDIA_TYPE = "media type"


@dataclass(frozen=True)
class Draft:
    """A request as chance made it."""

    operation_id: str
    method: str
    path: Mapping[str, str]
    query: Pairs
    headers: Mapping[str, str]
    body: Any
    shape: Shape = Shape.REQUEST


@dataclass(frozen=True)
class Question:
    """A request as it is sent, the statuses that may answer it, and the requirement that says so.

    No statuses: any will do that its operation knows. A 422 has to name the `fault`. `verdict` is what
    validate_job has to say of the body.
    """

    operation_id: str
    method: str
    path: str
    words: str
    requirement: str = "CC-SVC-004"
    statuses: frozenset[int] = frozenset()
    query: Pairs = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    fault: Fault | None = None
    verdict: bool | None = None

    @property
    def size(self) -> int:
        """How much there is to read in it."""
        parts = [self.path, *(part for pair in self.query for part in pair), *self.headers.values()]
        return len(self.content) + sum(map(len, parts))

    @property
    def likeness(self) -> object:
        """What two requests that ask the same have in common; keys are new each time."""
        headers = {name: value for name, value in self.headers.items() if name != _KEY or self.fault}
        return self.method, self.path, self.query, tuple(sorted(headers.items())), self.content

    @property
    def submits(self) -> bool:
        """Tell whether a job comes of it at a server that accepts it."""
        return self.method == "POST" and self.path == "/jobs" and bool(self.content)

    @property
    def makes_a_job(self) -> bool:
        """Tell whether a job has to come of it."""
        return 201 in self.statuses


class Questions:
    """Make questions of drafts for one target.

    `places` are ids of things that are there, by the parameter of the path: of a plain job that has ended.
    `new_key` gives an idempotency key that nobody used.
    """

    def __init__(
        self,
        contract: Contract,
        claimed: ClaimedContract,
        harmless: Harmless,
        places: Mapping[str, str],
        new_key: Callable[[], str],
    ) -> None:
        self._contract = contract
        self._readings = Readings(claimed)
        self._harmless = harmless
        self._places = places
        self._new_key = new_key

    def of(self, draft: Draft, choice: int) -> Question | None:
        """Return the question that a draft makes, None if there is nothing to ask in it.

        `choice` picks the fault that is kept where there are several, and whether ids are real.
        """
        operation = self._contract.operations[draft.operation_id]
        known = {name: self._places[name] for name in draft.path if name in self._places}
        complete = len(known) == len(draft.path)
        silent = operation.takes_body and draft.body is NOTHING
        ordinary = draft.shape is Shape.REQUEST and not silent
        strange = not complete or choice % _STRANGE == 0 or draft.operation_id in _ENDING
        if ordinary and draft.path and strange:
            return self._stranger(draft, known, choice)
        if not complete:
            return None
        asked = Question(draft.operation_id, draft.method, operation.at(**known), "a right request")
        if draft.shape is Shape.METHOD:
            words = f"a path that has no {draft.method}"
            return replace(asked, words=words, requirement="CC-ERR-004", statuses=frozenset({405}))
        if not ordinary:
            return self._announced_otherwise(draft, asked) if operation.takes_body else None
        if draft.operation_id == "put_credential":
            return self._credential(draft, asked)
        return self._deep(draft, asked, choice)

    def _announced_otherwise(self, draft: Draft, asked: Question) -> Question:
        told = draft.headers.get("Content-Type", "") if draft.shape is Shape.MEDIA_TYPE else ""
        return replace(
            asked,
            words=f"a body announced as {told}" if told else "a request without a body",
            requirement="CC-ERR-006",
            statuses=frozenset({415}),
            headers={"Content-Type": told} if told else {},
            content=_json(self._harmless.valid({})) if told else b"",
        )

    def _stranger(self, draft: Draft, known: Mapping[str, str], choice: int) -> Question | None:
        """Ask for what is not there: one id is the one that chance wrote, all else is right."""
        name = sorted(draft.path)[choice // _STRANGE % len(draft.path)]
        strange = draft.path[name]
        if strange in _NO_ID or "/" in strange or strange == known.get(name):
            return None
        operation = self._contract.operations[draft.operation_id]
        path = operation.at(**{**draft.path, **known, name: strange})
        words = f"{name} {_shown(strange)}, which is not there"
        asked = Question(draft.operation_id, draft.method, path, words, "CC-SVC-012", frozenset({404}))
        return replace(asked, headers=_JSON_TYPE, content=b"{}") if operation.takes_body else asked

    def _credential(self, draft: Draft, asked: Question) -> Question | None:
        """Ask to set up what has to be refused; what may be accepted would change what other checks need."""
        body = draft.body
        if isinstance(body, dict):
            wrong = (name for name in sorted(body) if self._no_credential({name: body[name]}))
            name = next(wrong, None)
            if name is None:
                return None
            body = {name: body[name]}
        content, words = _json(body), f"the body {_shown(body)}"
        asked = replace(asked, words=words, requirement="CC-CRED-003", statuses=_REFUSED)
        return replace(asked, headers=_JSON_TYPE, content=content)

    def _no_credential(self, body: Any) -> bool:
        return bool(self._contract.faults_of("CredentialRequest", body))

    def _deep(self, draft: Draft, asked: Question, choice: int) -> Question:
        """Ask with real ids, and with one fault at most."""
        readings = {name: self._reading(draft, name) for name, _ in draft.query}
        faults = [Fault("query", name) for name, reading in readings.items() if reading is Reading.WRONG]
        faults += self._other_faults(draft, choice)
        if readings.get(_TOKEN) is Reading.RIGHT and not faults and choice % _STRANGE == 0:
            faults.append(Fault("query", _TOKEN))  # of the right form, but the service did not make it
        fault = faults[choice % len(faults)] if faults else None
        kept = {name for name, reading in readings.items() if reading is Reading.RIGHT and name != _TOKEN}
        if fault is None:
            kept |= {name for name, reading in readings.items() if reading is Reading.OPEN}
        elif fault.place == "query":
            kept.add(fault.name)
        asked = replace(
            asked,
            query=tuple(pair for pair in draft.query if pair[0] in kept),
            headers=dict(self._headers(draft, fault)),
            fault=fault,
        )
        if self._contract.operations[draft.operation_id].takes_body:
            asked = self._with_specification(draft, asked, choice)
        if fault is None:
            statuses = _accepting(asked) if Reading.OPEN not in readings.values() else frozenset()
            return replace(asked, requirement=accepted_by(draft.operation_id), statuses=statuses)
        asked = replace(asked, words=_told(asked, fault))
        if draft.operation_id == "validate_job":
            return replace(asked, requirement="CC-VAL-022", statuses=frozenset({200}))
        return replace(asked, requirement=refused_by(fault), statuses=_REFUSED)

    def _reading(self, draft: Draft, name: str) -> Reading:
        values = [value for key, value in draft.query if key == name]
        return self._readings.of(draft.operation_id, "query", name, values)

    def _other_faults(self, draft: Draft, choice: int) -> Iterator[Fault]:
        key = draft.headers.get(_KEY)
        if draft.operation_id == "submit_job" and key is not None and sendable(key):
            reading = self._readings.of(draft.operation_id, "header", _KEY, [key])
            if reading is Reading.WRONG:
                yield Fault("header", _KEY)
        if self._contract.operations[draft.operation_id].takes_body:
            specification = self._harmless.faulty(draft.body, choice)
            if specification is not None:
                yield specification.fault

    def _headers(self, draft: Draft, fault: Fault | None) -> Iterator[tuple[str, str]]:
        for name, value in draft.headers.items():
            if name == _KEY and draft.operation_id == "submit_job":
                # A key that was used with another body would be answered for that.
                yield name, value if fault == Fault("header", name) else self._new_key()
            elif (
                name != _KEY and sendable(value) and self._readings.knows(draft.operation_id, "header", name)
            ):
                yield name, value

    def _with_specification(self, draft: Draft, asked: Question, choice: int) -> Question:
        faulty = asked.fault is not None and asked.fault.place == "body"
        specification = self._harmless.faulty(draft.body, choice) if faulty else None
        body = specification.body if specification is not None else self._harmless.valid(draft.body)
        return replace(
            asked,
            content=_json(body),
            headers={**asked.headers, **_JSON_TYPE},
            verdict=not faulty if draft.operation_id == "validate_job" else None,
        )

    def elsewhere(self, asked: Question, *, validating: bool) -> Question | None:
        """Return what to ask in place of a submission of which no job may come any more, None for nothing."""
        if asked.headers.get("Content-Type") != _JSON_TYPE["Content-Type"]:
            return None
        wrong_body = asked.fault is not None and asked.fault.place == "body"
        if validating and (asked.fault is None or wrong_body):
            return replace(
                asked,
                operation_id="validate_job",
                path=self._contract.operations["validate_job"].path,
                headers=_JSON_TYPE,
                requirement="CC-VAL-022" if wrong_body else "CC-VAL-021",
                statuses=frozenset({200}),
                verdict=not wrong_body,
            )
        body = json.loads(asked.content)
        if isinstance(body, dict) and (asked.fault is None or asked.fault.name != "facility_id"):
            body["facility_id"] = "no-such-facility"
        requirement = asked.requirement if asked.fault else "CC-VAL-009"
        return replace(asked, content=_json(body), requirement=requirement, statuses=_REFUSED)


def _accepting(asked: Question) -> frozenset[int]:
    """Return the statuses that may answer a right request, which asks for something that is there."""
    headers = {name.lower() for name in asked.headers}
    if asked.operation_id == "submit_job":
        return frozenset({201})
    if asked.operation_id == "get_health":
        return frozenset({200, 503})  # a service that is not well says so
    # The job that is asked for is a plain one, with one task.
    if asked.operation_id == "get_log" and any(
        name == "task_index" and int(value) > 0 for name, value in asked.query
    ):
        return frozenset({404})
    conditional = {304} if "if-none-match" in headers else set()
    return frozenset({200} | conditional | ({206, 416} if "range" in headers else set()))


def _told(asked: Question, fault: Fault) -> str:
    """Return in words what is wrong with a request."""
    if fault.place == "query":
        values = [value for name, value in asked.query if name == fault.name]
        return f"the parameter {fault.name} = {' and '.join(map(_shown, values))}"
    if fault.place == "header":
        return f"the header {fault.name}: {_shown(asked.headers[fault.name])}"
    body = json.loads(asked.content)
    if not fault.name:
        return f"the body {_shown(body)}"
    if fault.name not in body:
        return f"a body without {fault.name}"
    return f"the member {fault.name} = {_shown(body[fault.name])}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 120 else f"{text[:120]}... ({len(text)} characters)"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
