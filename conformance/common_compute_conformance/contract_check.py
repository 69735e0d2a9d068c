"""Hold a target against requests that are generated from the contract: layer 1 of the kit.

`generator` makes the requests and looks at the form of the answers, `questions` decides what may be answered.
Everything is sent by the kit's own client, which keeps the journal and the account of the jobs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from weakref import WeakKeyDictionary

from common_compute_conformance.client import Client
from common_compute_conformance.errors import Failure, Inconclusive, NotAssessed
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.generation.answers import Deviation, deviations
from common_compute_conformance.generation.attributions import naming
from common_compute_conformance.generation.claimed import ClaimedContract
from common_compute_conformance.generation.generator import generator_of, quiet
from common_compute_conformance.generation.harmless import Harmless
from common_compute_conformance.generation.questions import Draft, Question, Questions
from common_compute_conformance.ledger import Ledger
from common_compute_conformance.trial import Trial

# A target that does not answer is given up: for the operation, and after some more for good.
_MOST_SILENCES, _MOST_SILENCES_IN_ALL = 2, 6
_TIMEOUT_SECONDS = 10.0
_PATIENCE_SECONDS = 10.0
_UNKNOWN_TOKEN = "a-token-that-nobody-gave-out"  # noqa: S105 (it opens nothing, and that is the point)


@dataclass(frozen=True)
class Effort:
    """How many requests go to one operation at most, and for how long, at a target that is slow.

    `systematic` and `random` are how they were made; `intrusions` go without a valid token.
    """

    systematic: int
    random: int
    intrusions: int
    seconds: float


_EFFORTS = {
    "quick": Effort(systematic=40, random=4, intrusions=2, seconds=10),
    "normal": Effort(systematic=300, random=20, intrusions=4, seconds=30),
    "thorough": Effort(systematic=800, random=80, intrusions=10, seconds=120),
}


@dataclass
class Bucket:
    """What generated requests found of one requirement."""

    asked: int = 0
    operations: set[str] = field(default_factory=set)
    deviations: list[Deviation] = field(default_factory=list)

    @property
    def smallest(self) -> Deviation:
        """The deviation of which there is least to read; only where there is one."""
        return min(self.deviations, key=lambda each: each.question.size)


# How many jobs may still come of generated submissions, in all rounds of a certification together.
_JOBS_LEFT: WeakKeyDictionary[Ledger, int] = WeakKeyDictionary()


def examine(trial: Trial, requirement: str, operation_ids: Iterable[str] = ()) -> Bucket:
    """Return what generated requests to these operations, or to all, find of a requirement.

    Each operation is asked once in a round, when the first check wants it. Raises Inconclusive if the target
    stopped answering and nothing was found before.
    """
    shared = trial.workbench.shared("generated requests", lambda: Examination(trial))
    return shared.found(trial, requirement, operation_ids)


class Examination:
    """The generated requests of one round, and what they found."""

    def __init__(self, trial: Trial) -> None:
        self._effort = _EFFORTS[trial.budget.name]
        _JOBS_LEFT.setdefault(trial.ledger, trial.budget.generated_jobs)
        claimed = ClaimedContract(trial.target)
        harmless = Harmless(trial.contract, trial.target, trial.workbench.trivial(), claimed.schemas)
        pace = trial.pace
        self._questions = Questions(
            trial.contract, claimed, harmless, _places(trial), lambda: pace.draw_name("generated")
        )
        self._generator = generator_of(claimed.document, trial.workbench.seed)
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._silences: dict[str, list[str]] = {}
        self._examined: set[str] = set()
        self._accepts_anything = False

    def found(self, trial: Trial, requirement: str, operation_ids: Iterable[str]) -> Bucket:
        """Return what is found of a requirement, after asking those operations that were not asked yet."""
        there = self._generator.operations
        wanted = [each for each in operation_ids or there if each in there]
        found = Bucket()
        for operation_id in wanted:
            if operation_id not in self._examined:
                self._examine(trial, operation_id)
                self._examined.add(operation_id)
            bucket = self._bucket(operation_id, requirement)
            found.asked += bucket.asked
            found.operations |= bucket.operations
            found.deviations += bucket.deviations
        silences = [silence for each in wanted for silence in self._silences.get(each, ())]
        if silences and not found.deviations:
            raise Inconclusive(silences[0])
        return found

    def _examine(self, trial: Trial, operation_id: str) -> None:
        with quiet():
            systematic = self._generator.systematic(operation_id)
            random = self._generator.random(operation_id, self._effort.random)
            seed = trial.workbench.seed
            asked = [
                *self._ask_of(systematic, self._effort.systematic, seed),
                *self._ask_of(random, 2 * self._effort.random, seed),
            ]
            # Right submissions come last, so that the others meet the operation while jobs may still come.
            asked.sort(key=lambda each: each.makes_a_job)
            started = trial.pace.now()
            for question in asked:
                if self._gave_up(operation_id) or trial.pace.now() - started > self._effort.seconds:
                    break
                self._ask(trial, operation_id, question)
        guarded = (
            trial.target.access == "bearer" and trial.contract.operations[operation_id].scope is not None
        )
        if guarded and not self._gave_up(operation_id):
            self._intrude(trial, operation_id, asked)

    def _ask_of(self, drafts: list[Draft], most: int, seed: int) -> list[Question]:
        """Return what there is to ask, each once, and of too many some of every kind."""
        asked: dict[object, Question] = {}
        for choice, draft in enumerate(drafts, start=1):
            question = self._questions.of(draft, choice)
            if question is not None:
                asked.setdefault(question.likeness, question)
        kinds: dict[object, list[Question]] = {}
        for question in asked.values():
            kinds.setdefault((question.requirement, question.fault), []).append(question)
        turned = ([*kind[seed % len(kind) :], *kind[: seed % len(kind)]] for kind in kinds.values())
        in_turns = (each for turn in zip_longest(*turned) for each in turn if each is not None)
        return list(islice(in_turns, most))

    def _ask(self, trial: Trial, operation_id: str, question: Question) -> None:
        if question.submits and _JOBS_LEFT[trial.ledger] <= 0:
            validating = "validate_job" in self._generator.operations
            other = self._questions.elsewhere(question, validating=validating)
            if other is None or (other.submits and self._accepts_anything):
                return
            question = other
        exchange = self._send(trial, trial.client, operation_id, question)
        if exchange is None:
            return
        if question.submits and exchange.status in (200, 201):
            _JOBS_LEFT[trial.ledger] -= 1
            self._accepts_anything |= not question.makes_a_job
        self._count(operation_id, "CC-SVC-004")
        form = [*exchange.faults, *self._generator.faults_of_form(question.operation_id, exchange)]
        if form:
            self._deviates(
                operation_id, "CC-SVC-004", question, exchange, "an answer of the contract", form[0]
            )
        if exchange.status >= 500 and exchange.status not in question.statuses:
            came = f"status {exchange.status}"
            self._deviates(operation_id, "CC-SVC-004", question, exchange, "a status below 500", came)
        if question.statuses:
            self._count(operation_id, question.requirement)
        if exchange.status == 422 and question.fault is not None:
            self._count(operation_id, naming(question.fault))
        for requirement, expected, actual in deviations(question, exchange):
            self._deviates(operation_id, requirement, question, exchange, expected, actual)

    def _intrude(self, trial: Trial, operation_id: str, questions: list[Question]) -> None:
        """Ask some of the same without a token and with an unknown one: each has to be refused for that."""
        method = trial.contract.operations[operation_id].method
        calls = [question for question in questions if question.method == method]
        step = max(1, len(calls) // self._effort.intrusions)
        for call in calls[::step][: self._effort.intrusions]:
            # A submission goes to no facility that is there, lest a job come of it.
            question = self._questions.elsewhere(call, validating=False) if call.submits else call
            for token, words in ((None, "without a token"), (_UNKNOWN_TOKEN, "with an unknown token")):
                if question is not None:
                    self._ask_as(trial, operation_id, token, replace(question, words=words))

    def _ask_as(self, trial: Trial, operation_id: str, token: str | None, question: Question) -> None:
        intruding = replace(question, requirement="CC-ACC-002", statuses=frozenset({401}), verdict=None)
        exchange = self._send(trial, trial.client.as_caller(token), operation_id, intruding)
        if exchange is not None:
            self._count(operation_id, "CC-ACC-002")
            for requirement, expected, actual in deviations(intruding, exchange):
                self._deviates(operation_id, requirement, intruding, exchange, expected, actual)

    def _send(self, trial: Trial, client: Client, operation_id: str, question: Question) -> Exchange | None:
        """Send a question; return None if no answer comes, or only that the target counts requests."""
        try:
            exchange = _exchange(trial, client, question)
        except Inconclusive as silence:
            self._silences.setdefault(operation_id, []).append(str(silence))
            return None
        return exchange if exchange.status != 429 else None

    def _gave_up(self, operation_id: str) -> bool:
        everywhere = sum(len(silences) for silences in self._silences.values())
        here = len(self._silences.get(operation_id, ()))
        return here >= _MOST_SILENCES or everywhere >= _MOST_SILENCES_IN_ALL

    def _bucket(self, operation_id: str, requirement: str) -> Bucket:
        return self._buckets.setdefault((operation_id, requirement), Bucket())

    def _count(self, operation_id: str, requirement: str) -> None:
        bucket = self._bucket(operation_id, requirement)
        bucket.asked += 1
        bucket.operations.add(operation_id)

    def _deviates(
        self,
        operation_id: str,
        requirement: str,
        question: Question,
        exchange: Exchange,
        expected: str,
        actual: str,
    ) -> None:
        deviation = Deviation(question, expected, actual, exchange)
        self._bucket(operation_id, requirement).deviations.append(deviation)


def _places(trial: Trial) -> dict[str, str]:
    try:
        job = trial.workbench.final("plain")
        results = trial.workbench.results("plain")
    except Failure as failure:
        raise NotAssessed(f"it takes a plain job that ended: {failure}") from failure
    return {
        "facility_id": trial.target.facility_id,
        "job_id": str(job["id"]),
        **({"result_id": str(results[0]["id"])} if results else {}),
        "stream": "stdout",
    }


def _exchange(trial: Trial, client: Client, question: Question) -> Exchange:
    """Send a question, once more if the target asks to wait; raises Inconclusive if no answer comes."""
    operation = trial.contract.operations[question.operation_id]

    def exchange() -> Exchange:
        return client.send(
            question.method,
            question.path,
            operation_id=question.operation_id if question.method == operation.method else None,
            query=question.query,
            content=question.content,
            headers=question.headers,
            timeout=_TIMEOUT_SECONDS,
        )

    first = exchange()
    if first.status != 429:
        return first
    told = first.headers.get("retry-after", "")
    trial.pace.sleep(min(_PATIENCE_SECONDS, float(told) if told.isdecimal() else 1.0))
    return exchange()
