"""Keep the specimens: submit each job once, watch it, read its results for all checks that look at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from common_compute_conformance import specimens
from common_compute_conformance.client import Client, Exchange, Query
from common_compute_conformance.contract import Document, Transitions
from common_compute_conformance.errors import Failure, Finding, NotApplicable, NotAssessed
from common_compute_conformance.pace import Pace
from common_compute_conformance.target import Target

_LONGEST_WAIT_SECONDS = 10


@dataclass
class Specimen:
    """A job under the glass: what was sent, the answer, every look since, and the last once terminal."""

    name: str
    body: dict[str, Any]
    submitted: Exchange
    looks: list[Exchange] = field(default_factory=list)
    final: Document | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.submitted.document()["id"])


class Workbench:
    """The specimens of one certification, made on demand and each once."""

    def __init__(self, client: Client, target: Target, transitions: Transitions, pace: Pace) -> None:
        self._client = client
        self._target = target
        self._transitions = transitions
        self._pace = pace
        self._specimens: dict[str, Specimen] = {}
        self._troubles: dict[str, Finding] = {}
        self._contents: dict[tuple[str, str], bytes] = {}

    @property
    def all(self) -> tuple[Specimen, ...]:
        """The specimens made so far."""
        return tuple(self._specimens.values())

    def prepare(self, names: Iterable[str]) -> None:
        """Submit these specimens, so that they run side by side; trouble is told to whoever asks for one.

        Those that last until they are cancelled have to wait: a facility may have few places.
        """
        for name in names:
            if name in specimens.LASTING:
                continue
            try:
                self.specimen(name)
            except Finding:
                continue

    def specimen(self, name: str) -> Specimen:
        """Return a specimen, submitted now if it was not before.

        Raises NotApplicable where the facility has no place for it, and what its submission raised.
        """
        if name in self._troubles:
            raise type(self._troubles[name])(str(self._troubles[name]))
        if name not in self._specimens:
            if name in specimens.LASTING:
                self._make_room()
            try:
                body = specimens.write(name, self._target, self._pace)
                self._specimens[name] = Specimen(name, body, self.submit(body))
            except Finding as trouble:
                self._troubles[name] = trouble
                raise
        return self._specimens[name]

    def _make_room(self) -> None:
        for specimen in self._specimens.values():
            if specimen.final is None and specimen.name not in specimens.LASTING:
                self.settle(specimen, self._pace.job_patience)

    def once(self, body: dict[str, Any], headers: dict[str, str] | None = None) -> Specimen:
        """Submit a job that one check alone looks at."""
        return Specimen("once", body, self.submit(body, headers))

    def submit(self, body: dict[str, Any], headers: dict[str, str] | None = None) -> Exchange:
        """Submit a body that is to be accepted; raises Failure if it is not."""
        exchange = self._client.call("submit_job", body=body, headers=headers).expect(201)
        exchange.document()["id"]
        return exchange

    def trivial(self, **members: Any) -> dict[str, Any]:
        """Return the body of a job that does next to nothing."""
        return specimens.job(self._target, "printf", "%s", "x", **members)

    def look(self, specimen: Specimen, query: Query = ()) -> Document:
        """Look at a specimen once more."""
        exchange = self._client.call("get_job", job_id=specimen.id, query=query).expect(200)
        specimen.looks.append(exchange)
        document = exchange.document()
        if document["state"] in self._transitions.terminal and specimen.final is None:
            specimen.final = document
        return document

    def _looks(self, specimen: Specimen, patience: float) -> Iterator[Document]:
        ceiling = int(self._target.service_info["limits"]["max_wait_seconds"])
        for left in self._pace.polls(patience):
            wait = min(ceiling, _LONGEST_WAIT_SECONDS, int(left))
            waiting = self._target.claims("watch") and wait >= 1
            yield self.look(specimen, [("wait_seconds", str(wait))] if waiting else [])

    def final(self, name: str) -> Document:
        """Return a specimen's job once it is terminal.

        Raises Failure if it does not end within the facility's pace.
        """
        return self.ended(self.specimen(name))

    def ended(self, specimen: Specimen) -> Document:
        """Return a specimen's job once it is terminal; raises Failure if it does not end in time."""
        patience = self._pace.job_patience
        if specimen.final is None:
            self.settle(specimen, patience)
        if specimen.final is None:
            raise self._gave_up(specimen, f"did not end in {patience:.0f} s")
        return specimen.final

    def _gave_up(self, specimen: Specimen, what: str) -> Failure:
        """Return the failure, which is then told at once to whoever asks for this specimen again."""
        self._pace.waited_in_vain()
        failure = Failure(f"the job {specimen.id} ({specimen.name}) {what}")
        if self._specimens.get(specimen.name) is specimen:
            self._troubles[specimen.name] = failure
        return failure

    def settle(self, specimen: Specimen, patience: float) -> Document | None:
        """Watch a specimen until it is terminal or `patience` seconds are over; return its job if it is."""
        for document in self._looks(specimen, patience):
            if document["state"] in self._transitions.terminal:
                return document
        return None

    def running(self, name: str) -> Specimen:
        """Return a specimen once it runs; raises NotAssessed if it was never seen running."""
        specimen = self.specimen(name)
        # No waiting for a change here: one that came just before would be missed, and the next is far away.
        patience = self._pace.job_patience
        for _ in self._pace.polls(patience):
            document = self.look(specimen)
            if document["state"] == "running":
                return specimen
            if document["state"] in self._transitions.terminal:
                raise NotAssessed(f"the job {specimen.id} ({name}) ended before it was seen running")
        raise self._gave_up(specimen, f"did not run in {patience:.0f} s")

    def succeeded(self, name: str) -> Document:
        """Return a specimen's job once it succeeded; raises Failure if it ended otherwise."""
        document = self.final(name)
        if document["state"] != "succeeded":
            reason = document.get("reason")
            raise Failure(
                f"the job {document['id']} ({name}) ended as {document['state']}, not succeeded: {reason}"
            )
        return document

    def walk(
        self, operation_id: str, member: str, query: Iterable[tuple[str, str]] = (), **path: str
    ) -> list[Document]:
        """Return all entries of a list, page by page; raises Failure on a page token that comes twice."""
        entries: list[Document] = []
        seen: set[str] = set()
        page: list[tuple[str, str]] = []
        operation = self._target.contract.operations[operation_id]
        while True:
            exchange = self._client.send(
                "GET", operation.at(**path), operation_id=operation_id, query=[*query, *page]
            )
            document = exchange.expect(200).document()
            entries += document[member]
            token = document.get("next_page_token")
            if token is None:
                return entries
            if token in seen:
                raise Failure(f"{operation_id} gave the page token {token!r} twice: the walk never ends")
            seen.add(token)
            page = [("page_token", token)]

    def results(self, name: str) -> list[Document]:
        """Return a terminal specimen's results."""
        return self.walk("list_results", "results", job_id=str(self.final(name)["id"]))

    def content(self, name: str, path: str, task_index: int | None = None) -> bytes:
        """Return the bytes of the result of this path; raises Failure if there is none."""
        key = (name, f"{path}#{task_index}")
        if key not in self._contents:
            found = [
                result
                for result in self.results(name)
                if result["path"] == path and (task_index is None or result.get("task_index") == task_index)
            ]
            if len(found) != 1:
                raise Failure(
                    f"{len(found)} results of the job {self.specimen(name).id} ({name}) are {path!r}"
                )
            self._contents[key] = self.fetch(self.specimen(name), found[0]).content
        return self._contents[key]

    def fetch(self, specimen: Specimen, result: Document, headers: dict[str, str] | None = None) -> Exchange:
        """Get a result's bytes."""
        exchange = self._client.call(
            "get_result", job_id=specimen.id, result_id=str(result["id"]), headers=headers
        )
        return exchange if headers else exchange.expect(200)

    def log(self, name: str, stream: str, query: Query = ()) -> bytes:
        """Return the bytes of a specimen's log."""
        job_id = self.specimen(name).id
        return self._client.call("get_log", job_id=job_id, stream=stream, query=query).expect(200).content

    def applies(self, name: str) -> bool:
        """Tell whether the facility has a place for this specimen."""
        try:
            specimens.write(name, self._target, self._pace)
        except NotApplicable:
            return False
        return True
