"""Know what must hold of the jobs of a story: the model against which the stateful layer holds a target."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from common_compute_conformance.contract import Document, Transitions
from common_compute_conformance.errors import Failure
from common_compute_conformance.exchange import Exchange


class Broken(Exception):
    """Tell which requirement a story broke, and how."""

    def __init__(self, requirement: str, how: str, *, expected: str = "", actual: str = "") -> None:
        super().__init__(f"{requirement}: {how}")
        self.requirement = requirement
        self.how = how
        self.expected = expected
        self.actual = actual


@dataclass
class TaleJob:
    """A job of a story, as the model knows it."""

    number: int
    id: str
    caller: int
    body: dict[str, Any]
    key: str | None
    lasting: bool
    seen: tuple[str, int] = ("pending", 1)
    terminal: Document | None = None
    cancelled: bool = False
    released: bool = False

    @property
    def color(self) -> str:
        """The label by which the lists of a story select."""
        return str(self.body["labels"]["color"])

    @property
    def lives(self) -> bool:
        """Tell whether it may still go on by itself."""
        return self.terminal is None and not self.released


@dataclass
class Tale:
    """The jobs of one story and what was done with them, each step in words."""

    transitions: Transitions
    jobs: list[TaleJob] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)

    def tell(self, step: str) -> None:
        """Add a step to the story."""
        self.steps.append(step)

    def holds(
        self, requirement: str, exchange: Exchange, *statuses: int, code: str | None = None
    ) -> Document:
        """Go on if the answer has one of these statuses, and this code; return its body."""
        self.calls[requirement] += 1
        if exchange.status not in statuses:
            wanted = " or ".join(map(str, statuses))
            how = f"expected {wanted}, got {exchange}"
            raise Broken(requirement, how, expected=f"status {wanted}", actual=f"status {exchange.status}")
        if exchange.status == 204:
            return Document()
        try:
            document = exchange.document()
        except Failure as failure:
            raise Broken(requirement, str(failure)) from failure
        if code is not None and document.get("code") != code:
            told = str(document.get("code"))
            how = f"expected code {code}, got {told} from {exchange}"
            raise Broken(requirement, how, expected=code, actual=told)
        return document

    def looked(self, job: TaleJob, document: Document) -> None:
        """Take in what get_job, or another answer with the job, shows of it."""
        if document.get("id") != job.id:
            raise Broken("CC-JOB-002", f"job {job.number} has the id {document.get('id')}, not {job.id}")
        now = (str(document["state"]), int(document["attempt"]))
        if job.terminal is not None:
            self.calls["CC-JOB-029"] += 1
            if document != job.terminal:
                changed = sorted(
                    name
                    for name in {*document, *job.terminal}
                    if document.get(name) != job.terminal.get(name)
                )
                raise Broken("CC-JOB-029", f"job {job.number} had ended, and changed in {', '.join(changed)}")
            return
        self.calls["CC-JOB-023"] += 1
        if now != job.seen and not self._reachable(job.seen, now):
            raise Broken("CC-JOB-023", f"job {job.number} went from {job.seen} to {now}")
        job.seen = now
        if now[0] in self.transitions.terminal:
            job.terminal = document
            self._ended(job)

    def _reachable(self, before: tuple[str, int], after: tuple[str, int]) -> bool:
        """Tell whether legal steps lead there; not every one of them need have been seen."""
        if self.transitions.allow(before, after):
            return True
        return after[1] > before[1] and before[0] not in self.transitions.terminal

    def _ended(self, job: TaleJob) -> None:
        wanted = set() if job.lasting else {"succeeded"}
        if job.cancelled:
            wanted |= {"cancelled", "failed"}
        if job.seen[0] not in wanted:
            told = "was cancelled" if job.cancelled else "was not cancelled"
            length = "sleeps long" if job.lasting else "is short"
            requirement = "CC-JOB-037" if job.cancelled else "CC-JOB-016"
            raise Broken(requirement, f"job {job.number}, which {length} and {told}, ended as {job.seen[0]}")

    def listed(self, caller: int, color: str | None, found: list[str]) -> None:
        """Hold a whole walk through the caller's list against the jobs that belong there."""
        self.calls.update(("CC-JOB-002", "CC-JOB-042", "CC-JOB-044", "CC-JOB-039", "CC-SVC-016"))
        mine = [
            job
            for job in self.jobs
            if job.caller == caller and not job.released and color in (None, job.color)
        ]
        by_id = {job.id: job for job in self.jobs}
        if twice := [each for each, count in Counter(found).items() if count > 1]:
            raise Broken("CC-SVC-016", f"the list shows {twice[0]} more than once")
        for job_id in found:
            job = by_id.get(job_id)
            if job is None:
                raise Broken("CC-JOB-044", f"the list shows {job_id}, which has not its labels")
            if job.caller != caller:
                raise Broken("CC-ACC-003", f"caller {caller} finds job {job.number} of caller {job.caller}")
            if job.released:
                raise Broken("CC-JOB-039", f"the list shows job {job.number}, which was released")
            if job not in mine:
                raise Broken(
                    "CC-JOB-044", f"the list of {color} shows job {job.number}, which is {job.color}"
                )
        for job in mine:
            if job.id not in found:
                raise Broken("CC-JOB-002", f"the list does not show job {job.number}")
        if found != [job.id for job in reversed(mine)]:
            raise Broken("CC-JOB-042", "the list does not show the newest job first")
