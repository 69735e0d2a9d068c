"""Keep the specimens: submit each job once, watch it, read its results for all checks that look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from common_compute_conformance import specimens
from common_compute_conformance.client import Client, Query
from common_compute_conformance.contract import Document, Transitions
from common_compute_conformance.errors import Failure, Finding, NotApplicable, NotAssessed
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.specimen import Specimen
from common_compute_conformance.specimens import Occasion

T = TypeVar("T")

_LONGEST_WAIT_SECONDS = 10
_NEAR_ITS_END_SECONDS = 30.0


class Workbench:
    """The specimens of one certification, made on demand and each once."""

    def __init__(
        self, client: Client, occasion: Occasion, transitions: Transitions, seed: int | None = None
    ) -> None:
        self.seed = occasion.pace.seed if seed is None else seed
        self._client = client
        self.occasion = occasion
        self._target = occasion.target
        self._transitions = transitions
        self._pace = occasion.pace
        self._shared: dict[str, Any] = {}
        self._specimens: dict[str, Specimen] = {}
        self._troubles: dict[str, tuple[Finding, Exchange | None]] = {}
        self._contents: dict[tuple[str, str], Exchange] = {}

    @property
    def run_name(self) -> str:
        """The value of the label `run` of the specimens, by which they are told from all other jobs."""
        return self.occasion.run_name

    @property
    def all(self) -> tuple[Specimen, ...]:
        """The specimens made so far."""
        return tuple(self._specimens.values())

    def prepare(self, names: Iterable[str]) -> None:
        """Submit these specimens, so that they run side by side; trouble is told to whoever asks for one.

        Those that last until they are cancelled have to wait: a facility may have few places. So have those
        that are to arrive later.
        """
        for name in names:
            if name in specimens.LASTING or name in specimens.ARRIVING:
                continue
            try:
                self.specimen(name)
            except Finding:
                continue

    def specimen(self, name: str) -> Specimen:
        """Return a specimen, submitted now if it was not before.

        Raises NotApplicable where the facility has no place for it, and what its submission raised.
        """
        self._tell_again(name)
        if name in self._specimens and self._fades(self._specimens[name]):
            self._forget(name)
        if name not in self._specimens:
            if name in specimens.LASTING:
                self._make_room()
            try:
                body = specimens.write(name, self.occasion)
                self._specimens[name] = self.begin(name, body, self._key(name))
            except Finding as trouble:
                self._remember(name, trouble)
                raise
        found = self._specimens[name]
        self._client.recall(found.submitted)
        return found

    def _fades(self, specimen: Specimen) -> bool:
        """Tell whether an ended job comes near the time at which its results expire."""
        retention = float(self._target.limits["result_retention_seconds"])
        margin = min(_NEAR_ITS_END_SECONDS, retention / 2)
        return specimen.final is not None and self._pace.now() > specimen.ended + retention - margin

    def _forget(self, name: str) -> None:
        del self._specimens[name]
        self._contents = {key: found for key, found in self._contents.items() if key[0] != name}

    def _make_room(self) -> None:
        for specimen in self._specimens.values():
            if specimen.final is None and specimen.name not in specimens.LASTING:
                self.settle(specimen, self._pace.job_patience)

    def _remember(self, name: str, trouble: Finding) -> None:
        """Keep what kept a job from being of use, and where it was seen, for whoever asks for it next."""
        self._troubles[name] = (trouble, self._client.latest)

    def _tell_again(self, name: str) -> None:
        if name in self._troubles:
            trouble, exchange = self._troubles[name]
            if exchange is not None:
                self._client.recall(exchange)
            raise type(trouble)(str(trouble))

    def _key(self, name: str) -> dict[str, str]:
        if name not in specimens.KEYED:
            return {}
        return {"Idempotency-Key": f"{self.run_name}-{specimens.KEYED[name]}"}

    def begin(self, name: str, body: dict[str, Any], headers: Mapping[str, str]) -> Specimen:
        """Submit a job and look whether it is there at once; raises Failure if it is not accepted."""
        begun = self._pace.now()
        submitted = self._client.call("submit_job", body=body, headers=headers).expect(201)
        job_id = str(submitted.document()["id"])
        specimen = Specimen(name, body, headers, submitted, begun=begun)
        specimen.at_once = self._client.call("list_jobs", query=self._newest(body))
        found = self._client.call("get_job", job_id=job_id)
        if found.status == 200:
            specimen.looks.append(found)
        return specimen

    @staticmethod
    def _newest(body: dict[str, Any]) -> Query:
        run = body.get("labels", {}).get("run")
        return [("page_size", "50"), *([("label", f"run={run}")] if run else [])]

    def adopt(self, name: str, specimen: Specimen) -> None:
        """Keep under a name a job that a check submitted in a way of its own."""
        self._specimens[name] = specimen

    @property
    def shelf(self) -> list[Specimen]:
        """The specimens that are on the shelf now, in the order of their submission."""
        return [each for each in self.all if each.body.get("labels", {}).get("shelf") == "one"]

    def shared(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` gave for the first check that asked for it, or raise what it raised then."""
        self._tell_again(name)
        if name not in self._shared:
            try:
                self._shared[name] = make()
            except Finding as trouble:
                self._remember(name, trouble)
                raise
        found: T = self._shared[name]
        return found

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
            specimen.ended = self._pace.now()
            self._look_into(specimen)
        return document

    def _look_into(self, specimen: Specimen) -> None:
        """Ask for everything that a terminal job promises, as soon as it is seen to be terminal."""
        task = [("task_index", "0")] if "array" in specimen.body else []
        listed = self._client.call("list_results", job_id=specimen.id, query=task)
        specimen.at_end.append(listed)
        for stream in ("stdout", "stderr"):
            log = self._client.call("get_log", job_id=specimen.id, stream=stream, query=task)
            specimen.at_end.append(log)
        results = listed.document().get("results") if listed.status == 200 else None
        if results:
            result = self._client.call("get_result", job_id=specimen.id, result_id=str(results[0]["id"]))
            specimen.at_end.append(result)

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
        if specimen.name in specimens.LASTING:  # it ends because it is cancelled
            patience += self._target.cancel_grace_seconds
        if specimen.final is None:
            self.settle(specimen, patience)
        if specimen.final is None:
            raise self._gave_up(specimen, f"did not end in {patience:.0f} s")
        self._client.recall(self.last_look(specimen))
        return specimen.final

    @staticmethod
    def last_look(specimen: Specimen) -> Exchange:
        """Return the answer that first showed a specimen terminal."""
        return next(look for look in specimen.looks if look.document() == specimen.final)

    def _gave_up(self, specimen: Specimen, what: str) -> Failure:
        """Return the failure, which is then told at once to whoever asks for this specimen again."""
        self._pace.waited_in_vain()
        failure = Failure(f"the job {specimen.id} ({specimen.name}) {what}")
        if self._specimens.get(specimen.name) is specimen:
            self._remember(specimen.name, failure)
        return failure

    def settle(self, specimen: Specimen, patience: float) -> Document | None:
        """Watch a specimen until it is terminal or `patience` seconds are over; return its job if it is."""
        for document in self._looks(specimen, patience):
            if document["state"] in self._transitions.terminal:
                return document
        return None

    def follow(self, specimen: Specimen) -> None:
        """Look at a specimen as often as its facility's pace allows, until it ends."""
        end = self._pace.now() + self._pace.job_patience
        while specimen.final is None and self._pace.now() < end:
            self.look(specimen)
            self._pace.sleep(self._pace.blink)

    def unfinished(self, name: str) -> Specimen:
        """Return a specimen that has not ended, running if it is seen to: a facility may skip that state.

        Raises NotAssessed if it ended before it was looked at.
        """
        specimen = self.shared(f"{name}, unfinished", lambda: self._watch_begin(name))
        self._client.recall(specimen.submitted)
        if specimen.final is not None:
            raise NotAssessed(f"the job {specimen.id} ({name}) has ended already")
        return specimen

    def _watch_begin(self, name: str) -> Specimen:
        specimen = self.specimen(name)
        # No waiting for a change here: one that came just before would be missed, and the next is far away.
        for _ in self._pace.polls(self._pace.job_patience):
            document = self.look(specimen)
            if document["state"] == "running" or document["state"] in self._transitions.terminal:
                return specimen
        self._pace.waited_in_vain()
        return specimen

    def running(self, name: str) -> Specimen:
        """Return a specimen that was seen running; raises NotApplicable where a job is never seen to."""
        specimen = self.unfinished(name)
        if not any(look.document()["state"] == "running" for look in specimen.looks):
            raise NotApplicable(f"the job {specimen.id} ({name}) was never seen running")
        return specimen

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
            self._contents[key] = self.fetch(self.specimen(name), found[0])
        self._client.recall(self._contents[key])
        return self._contents[key].content

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
            specimens.write(name, self.occasion)
        except NotApplicable:
            return False
        return True
