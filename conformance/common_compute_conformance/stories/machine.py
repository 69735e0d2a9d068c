"""Tell random stories of several jobs and callers, and shorten one that breaks something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, reject, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from common_compute_conformance.client import Client
from common_compute_conformance.errors import Finding
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.specimens.lasting import lasting_seconds
from common_compute_conformance.stories.tale import Broken, Tale, TaleJob
from common_compute_conformance.trial import Trial

_COLORS = ("red", "blue")
_LISTED = "page"
_TO_SHORTEN = 40
"""How many jobs more a story may take while it is shortened: it was seen to break something by then."""


@dataclass
class Stories:
    """What came of all stories: how often each requirement was called upon, and what broke."""

    told: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    broken: Broken | None = None
    steps: list[str] = field(default_factory=list)
    conversation: list[Exchange] = field(default_factory=list)

    def keep(self, broken: Broken, tale: Tale, conversation: list[Exchange]) -> None:
        """Keep a story that broke something if none that is as short was kept."""
        if self.broken is None or len(tale.steps) < len(self.steps):
            self.broken, self.steps, self.conversation = broken, list(tale.steps), conversation


def tell_stories(trial: Trial) -> Stories:
    """Tell as many stories as the budget says, from the seed; never more jobs than it has left."""
    stories = Stories()
    stage = _Stage(trial, stories, [trial.client, *([trial.other] if trial.other is not None else [])])
    jobs_left = trial.jobs_left(trial.budget.story_jobs)
    machine = seed(trial.workbench.seed)(_machine(stage, jobs_left))
    told = settings(
        max_examples=trial.budget.stories + 1,  # the first is the simplest there is, of one step
        stateful_step_count=trial.budget.story_steps,
        database=None,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(machine, settings=told)
    except (Broken, HypothesisException) as ended:
        # Without jobs left a story that is being shortened cannot be told again to its end: that is no news.
        if stories.broken is None and isinstance(ended, Broken):
            raise
    finally:
        stage.clear()
    return stories


@dataclass
class _Stage:
    """What stories are told with: hypothesis keeps their class for good, and this is let go."""

    trial: Any
    stories: Any
    callers: list[Client]

    def clear(self) -> None:
        """Let go of everything."""
        self.trial = self.stories = None
        self.callers = []


def _machine(stage: _Stage, jobs_left: int) -> type[RuleBasedStateMachine]:
    callers = list(range(len(stage.callers)))
    allowance = Counter(jobs=jobs_left)

    class Story(RuleBasedStateMachine):
        jobs: Any = Bundle("jobs")

        def __init__(self) -> None:
            super().__init__()
            self.tale = Tale(stage.trial.transitions)
            self.mark = stage.trial.pace.draw_name("story")
            self.begun = len(stage.trial.journal.exchanges)
            stage.stories.told += 1

        def check(self, step: Callable[[], None]) -> None:
            """Do a step; what it breaks is kept, and ends the story."""
            try:
                step()
            except Broken as broken:
                if stage.stories.broken is None:
                    allowance["jobs"] += _TO_SHORTEN
                stage.stories.keep(broken, self.tale, stage.trial.journal.exchanges[self.begun :])
                raise
            except Finding:
                reject()  # the server's own trouble is for the checks that look for it

        def client(self, job: TaleJob) -> Client:
            return stage.callers[job.caller]

        @initialize(target=jobs, caller=st.integers(0, len(callers) - 1), color=st.sampled_from(_COLORS))
        def begin(self, caller: int, color: str) -> Any:
            if allowance["jobs"] <= 0:
                return multiple()
            return self.submit(caller, color, keyed=True, lasting=False)

        @precondition(lambda _: allowance["jobs"] > 0)
        @rule(
            target=jobs,
            caller=st.integers(0, len(callers) - 1),
            color=st.sampled_from(_COLORS),
            keyed=st.booleans(),
            lasting=st.booleans(),
        )
        def submit(self, caller: int, color: str, keyed: bool, lasting: bool) -> TaleJob:
            allowance["jobs"] -= 1
            # Never two that last: a facility may have one place.
            lasting = lasting and not any(job.lasting and job.lives for job in self.tale.jobs)
            body = stage.trial.workbench.trivial(labels={"story": self.mark, "color": color})
            if lasting:
                body["command"] = ["sleep", str(lasting_seconds(stage.trial.occasion))]
            key = stage.trial.pace.draw_name("story") if keyed else None
            number = len(self.tale.jobs) + 1
            kind = "a lasting" if lasting else "a short"
            self.tale.tell(
                f"caller {caller} submits {kind} {color} job {number}" + (" under a key" if keyed else "")
            )
            made: list[TaleJob] = []

            def step() -> None:
                sent = stage.callers[caller].call("submit_job", body=body, headers=_key(key))
                document = self.tale.holds("CC-JOB-001", sent, 201)
                job = TaleJob(number, str(document["id"]), caller, body, key, lasting)
                self.tale.calls["CC-IDEM-007"] += 1
                if job.id in {each.id for each in self.tale.jobs}:
                    raise Broken("CC-IDEM-007", f"job {number} has the id of another job, {job.id}")
                self.tale.jobs.append(job)
                made.append(job)
                self.tale.looked(job, document)
                found = self.tale.holds(
                    "CC-JOB-002", stage.callers[caller].call("get_job", job_id=job.id), 200
                )
                self.tale.looked(job, found)
                self.end(job)

            self.check(step)
            return made[0]

        @rule(job=jobs)
        def repeat(self, job: TaleJob) -> None:
            if job.key is None:
                return
            self.tale.tell(f"caller {job.caller} submits job {job.number} again under its key")

            def step() -> None:
                again = self.client(job).call("submit_job", body=job.body, headers=_key(job.key))
                if job.released:
                    self.tale.holds("CC-IDEM-008", again, 409, code="job-released")
                    return
                document = self.tale.holds("CC-IDEM-001", again, 200)
                if document.get("id") != job.id:
                    raise Broken(
                        "CC-IDEM-001", f"the repeated submission of job {job.number} gave another job"
                    )

            self.check(step)

        @rule(job=jobs)
        def reuse(self, job: TaleJob) -> None:
            if job.key is None:
                return
            self.tale.tell(f"caller {job.caller} submits another body under the key of job {job.number}")
            body = {**job.body, "name": "Another"}
            self.check(
                lambda: _nothing(
                    self.tale.holds(
                        "CC-IDEM-008" if job.released else "CC-IDEM-003",
                        self.client(job).call("submit_job", body=body, headers=_key(job.key)),
                        422,
                        code="idempotency-key-reused",
                    )
                )
            )

        @rule(job=jobs)
        def look(self, job: TaleJob) -> None:
            self.tale.tell(f"caller {job.caller} looks at job {job.number}")
            self.check(lambda: self.seen(job))

        def seen(self, job: TaleJob) -> None:
            exchange = self.client(job).call("get_job", job_id=job.id)
            if job.released:
                self.tale.holds("CC-JOB-039", exchange, 404, code="not-found")
                return
            self.tale.looked(job, self.tale.holds("CC-JOB-002", exchange, 200))

        @precondition(lambda _: len(callers) > 1)
        @rule(job=jobs, operation=st.sampled_from(("get_job", "cancel_job", "release_job", "list_results")))
        def pry(self, job: TaleJob, operation: str) -> None:
            stranger = 1 - job.caller
            self.tale.tell(f"caller {stranger} calls {operation} of job {job.number}, which is another's")

            def step() -> None:
                exchange = stage.callers[stranger].call(operation, job_id=job.id)
                self.tale.holds("CC-ACC-004", exchange, 404, code="not-found")
                self.seen(job)

            self.check(step)

        @rule(job=jobs)
        def cancel(self, job: TaleJob) -> None:
            self.tale.tell(f"caller {job.caller} cancels job {job.number}")

            def step() -> None:
                exchange = self.client(job).call("cancel_job", job_id=job.id)
                if job.released:
                    self.tale.holds("CC-JOB-039", exchange, 404, code="not-found")
                elif job.terminal is not None:
                    self.tale.looked(job, self.tale.holds("CC-JOB-036", exchange, 200))
                else:
                    document = self.tale.holds("CC-JOB-035", exchange, 202, 200)
                    job.cancelled = job.cancelled or exchange.status == 202
                    if exchange.status == 200 and document["state"] not in stage.trial.transitions.terminal:
                        raise Broken(
                            "CC-JOB-035", f"200 to the cancel of job {job.number}, {document['state']}"
                        )
                    self.tale.looked(job, document)
                    self.end(job)

            self.check(step)

        @rule(job=jobs)
        def release(self, job: TaleJob) -> None:
            self.tale.tell(f"caller {job.caller} releases job {job.number}")

            def step() -> None:
                self.seen(job)
                exchange = self.client(job).call("release_job", job_id=job.id)
                if job.released:
                    self.tale.holds("CC-JOB-039", exchange, 404, code="not-found")
                elif job.terminal is not None:
                    self.tale.holds("CC-JOB-039", exchange, 204)
                    job.released = True
                elif job.lasting and not job.cancelled:
                    self.tale.holds("CC-JOB-040", exchange, 409, code="job-not-terminal")
                else:  # it may have ended between the two calls
                    self.tale.holds("CC-JOB-040", exchange, 409, 204)
                    job.released = exchange.status == 204

            self.check(step)

        @rule(job=jobs)
        def settle(self, job: TaleJob) -> None:
            if not job.lives or self.is_held_up():
                return
            self.tale.tell(f"caller {job.caller} waits for the end of job {job.number}")
            self.check(lambda: self.end(job))

        def is_held_up(self) -> bool:
            """Tell whether a job may have to wait behind one that lasts: a facility may have one place."""
            return any(job.lasting and job.lives and not job.cancelled for job in self.tale.jobs)

        def end(self, job: TaleJob) -> None:
            """Watch a job to its end, where it can come to one.

            So a story is the same when it is told again, however long its jobs take this time.
            """
            if not job.lives or self.is_held_up():
                return
            grace = stage.trial.target.cancel_grace_seconds if job.cancelled else 0
            for _ in stage.trial.pace.polls(stage.trial.pace.job_patience + grace):
                self.seen(job)
                if job.terminal is not None:
                    return
            stage.trial.pace.waited_in_vain()
            requirement = "CC-JOB-037" if job.cancelled else "CC-JOB-016"
            raise Broken(requirement, f"job {job.number} did not end")

        @rule(job=jobs)
        def read(self, job: TaleJob) -> None:
            self.tale.tell(f"caller {job.caller} lists the results of job {job.number}")

            def step() -> None:
                known = job.terminal is not None
                exchange = self.client(job).call("list_results", job_id=job.id)
                if job.released:
                    self.tale.holds("CC-JOB-039", exchange, 404, code="not-found")
                elif known:
                    self.tale.holds("CC-JOB-026", exchange, 200)
                elif job.lasting and not job.cancelled:
                    self.tale.holds("CC-RES-001", exchange, 409, code="results-not-ready")
                else:
                    self.tale.holds("CC-RES-001", exchange, 409, 200)

            self.check(step)

        @precondition(lambda self: self.tale.jobs and not self.tale.steps[-1].endswith(_LISTED))
        @rule(
            caller=st.integers(0, len(callers) - 1),
            color=st.sampled_from((None, *_COLORS)),
            size=st.integers(1, 3),
        )
        def list_jobs(self, caller: int, color: str | None, size: int) -> None:
            self.tale.tell(f"caller {caller} lists the {color or 'story'} jobs, {size} to a {_LISTED}")
            query = [("label", f"story={self.mark}"), ("page_size", str(size))]
            query += [("label", f"color={color}")] if color else []

            def step() -> None:
                found: list[str] = []
                page: list[tuple[str, str]] = []
                for _ in range(len(self.tale.jobs) + 2):
                    answer = stage.callers[caller].call("list_jobs", query=[*query, *page])
                    document = self.tale.holds("CC-SVC-016", answer, 200)
                    found += [str(each["id"]) for each in document["jobs"]]
                    if "next_page_token" not in document:
                        break
                    page = [("page_token", str(document["next_page_token"]))]
                self.tale.listed(caller, color, found)

            self.check(step)

        def teardown(self) -> None:
            """Leave no job behind that goes on: a facility may have one place."""
            stage.stories.calls += self.tale.calls
            for job in self.tale.jobs:
                if job.lasting and job.lives:
                    self.client(job).call("cancel_job", job_id=job.id)

    return Story


def _key(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}


def _nothing(_: object) -> None:
    """Take a value that is of no use."""
