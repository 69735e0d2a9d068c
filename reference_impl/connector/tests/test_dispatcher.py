"""The dispatcher against a facility that can be cut off, and a process that can be killed, at every point."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.dispatcher import Dispatcher
from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.facilities import Facilities
from common_compute_connector.jobs import Native, Reason, State
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Collected,
    Deferred,
    LogBytes,
    Observation,
    Pace,
    Refused,
    ResultBytes,
    ResultSent,
    TaskSeen,
    Unknown,
)
from common_compute_connector.store import Store
from common_compute_connector.store import jobs as stored_jobs
from common_compute_connector.store.results import find_log, list_results
from common_compute_connector.store.tasks import all_tasks


class Killed(BaseException):
    """The process is gone: nothing after this point happens."""


@dataclass
class World:
    """What outlives our process: the facility's own record, and how often it ran each part."""

    parts: dict = field(default_factory=dict)
    runs: Counter = field(default_factory=Counter)
    removed: list = field(default_factory=list)
    points: int = 0
    fault_at: int | None = None
    fault: BaseException | None = None
    submits: list = field(default_factory=list)
    down: bool = False

    def point(self) -> None:
        """Pass a point at which the chosen fault may strike."""
        self.points += 1
        if self.points == self.fault_at:
            raise self.fault


class TinyFacility:
    """A facility whose tasks succeed two seconds after their submission, unless `ends` says otherwise."""

    facility_id = "tiny"
    pace = Pace(appears_within_seconds=5, observe_every_seconds=1)
    max_tasks_per_part = 2
    bound_to_host = False
    shares_server_account = False

    def __init__(self, world: World, clock: HeldClock) -> None:
        self.world, self.clock = world, clock
        self.answers: dict = {}
        self.ends: dict = {}
        self.on_their_way: set[str] = set()
        self.limits = {"result_retention_seconds": 100, "stale_after_seconds": 30, "lost_after_seconds": 20}

    async def describe(self):
        return {"id": "tiny", "limits": self.limits}

    async def list_software(self):
        return []

    async def submit(self, batch):
        self._up()
        self.world.submits.append([submission.part.key for submission in batch])
        answers = []
        for submission in batch:
            key = submission.part.key
            answer = self.answers.get(key.job_id)
            if answer == "boom":
                raise RuntimeError("a bug")
            if answer is not None:
                answers.append(answer(key))
                continue
            self.world.point()
            self.world.parts[key] = self.clock.now()
            self.world.runs[key] += 1
            self.world.point()
            answers.append(Accepted(key, f"native-{key.number}"))
        return answers

    async def find(self, parts):
        self._up()
        self.world.point()
        return [
            Accepted(p.key, f"native-{p.key.number}") if p.key in self.world.parts else Absent(p.key)
            for p in parts
        ]

    async def observe(self, parts):
        self._up()
        self.world.point()
        return [self._seen(live) for live in parts]

    def _seen(self, live):
        key = live.part.key
        if key not in self.world.parts:
            return Observation(key, known=False)
        ended = self.clock.now() - self.world.parts[key] >= timedelta(seconds=2)
        state = State.SUCCEEDED if ended else State.RUNNING
        seen = TaskSeen(0, state, native=Native(id="n", state=str(state)), exit_code=0 if ended else None)
        ends = self.ends.get(key.job_id)
        return Observation(key, [ends(i) if ends else _at(seen, i) for i in live.live])

    async def cancel(self, parts):
        self._up()
        for live in parts:
            self.ends[live.part.key.job_id] = lambda i: TaskSeen(
                i, State.CANCELLED, reason=Reason("cancelled-by-user")
            )

    async def collect(self, ended) -> AsyncIterator:
        self._up()
        for task in ended:
            self.world.point()
            if task.part.key.job_id in self.on_their_way:
                continue
            for stream in ("stdout", "stderr"):
                yield LogBytes(task.part.key, task.index, stream, _once(stream.encode()))
            for rule in task.outputs:
                if rule.destination_url is not None:
                    where = "https://elsewhere/x"
                    yield ResultSent(task.part.key, task.index, rule.path, 5, "f" * 64, where)
                elif "*" not in rule.path:
                    yield ResultBytes(task.part.key, task.index, rule.path, _once(b"bytes"))
            self.world.point()
            yield Collected(task.part.key, task.index)

    async def release(self, parts):
        self._up()
        self.world.point()
        self.world.removed += [part.key for part in parts]
        return [part.key for part in parts]

    async def close(self):
        pass

    def _up(self) -> None:
        if self.world.down:
            raise FacilityUnavailable("tiny", "nobody answers")


def _at(seen: TaskSeen, index: int) -> TaskSeen:
    return TaskSeen(index, seen.state, native=seen.native, exit_code=seen.exit_code)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


class Service:
    """One process after the other over the same store and the same world."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock = HeldClock()
        self.world = World()
        self.store = Store.open(f"sqlite:///{tmp_path}/jobs.db", tmp_path / "content", self.clock)
        self.facility = TinyFacility(self.world, self.clock)
        self.dispatcher: Dispatcher | None = None

    async def start(self) -> None:
        """Begin a new process; the one before it is simply gone."""
        self.dispatcher = Dispatcher(self.store, Facilities([self.facility], self.clock), self.clock)
        await self.dispatcher.open()

    async def submit(self, job_id: str, **spec) -> None:
        parts = [range(1)]
        if "array" in spec:
            count = spec["array"]["count"]
            parts = [range(at, min(at + 2, count)) for at in range(0, count, 2)]
        spec = {"facility_id": "tiny", "command": ["x"], **spec}
        job = stored_jobs.NewJob(job_id, "me", "tiny", spec, None, self.clock.now(), parts)
        assert await self.store.write_together(stored_jobs.insert_jobs, job) is not None

    async def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            await self.dispatcher.step()
            self.clock.advance(1)
        await self.dispatcher.step()

    async def job(self, job_id: str):
        return await self.store.read(lambda held: stored_jobs.find_job(held, "me", job_id))

    async def tasks(self, job_id: str):
        return await self.store.read(lambda held: all_tasks(held, job_id))


@pytest.fixture
def run(tmp_path):
    """Run a coroutine function that takes a started service."""

    def go(story):
        async def main():
            service = Service(tmp_path)
            try:
                await service.start()
                return await story(service)
            finally:
                await service.store.close()

        return asyncio.run(main())

    return go


def test_a_job_goes_from_pending_to_succeeded_with_its_bytes_kept(run):
    """A job's states appear in order and its end is published with logs and results in our keeping."""

    async def story(service):
        await service.submit("a", outputs=[{"path": "out.txt"}])
        await service.pass_time(1)
        running = await service.job("a")
        assert State.RUNNING == running.state
        await service.pass_time(3)
        job = await service.job("a")
        assert [State.PENDING, State.QUEUED, State.RUNNING, State.SUCCEEDED] == [e.state for e in job.history]
        assert (0, True) == (job.exit_code, job.complete)
        (result,) = await service.store.read(lambda held: list_results(held, "a", None, None, 10))
        kept = b"".join(service.store.content.read("a", result.content_name, 0, result.size_bytes))
        assert b"bytes" == kept
        log = await service.store.read(lambda held: find_log(held, "a", 0, "stderr"))
        assert 6 == log.size_bytes

    run(story)


def test_a_result_that_was_sent_elsewhere_is_told_with_its_place(run):
    """A result with a destination has its length, its digest and its place, satisfies the output, and no bytes here."""

    async def story(service):
        await service.submit(
            "a", outputs=[{"path": "out.csv", "destination": {"url": "https://elsewhere/x?k=1"}}]
        )
        await service.pass_time(4)
        job = await service.job("a")
        assert (State.SUCCEEDED, True) == (job.state, job.complete)
        (result,) = await service.store.read(lambda held: list_results(held, "a", None, None, 10))
        assert ("out.csv", 5, "f" * 64, "text/csv", "https://elsewhere/x") == (
            result.path,
            result.size_bytes,
            result.sha256,
            result.media_type,
            result.location,
        )
        with pytest.raises(FileNotFoundError):
            service.store.content.read("a", result.content_name, 0, 1)

    run(story)


def test_results_on_their_way_hold_up_their_own_job_alone(run):
    """A job of which the facility gives nothing yet keeps its state, is not stale, and holds up no other job."""

    async def story(service):
        service.facility.on_their_way = {"a"}
        await service.submit("a", outputs=[{"path": "x"}])
        await service.submit("b")
        await service.pass_time(100)
        job = await service.job("a")
        assert [State.RUNNING, State.SUCCEEDED] == [job.state, (await service.job("b")).state]
        assert timedelta(seconds=1) >= service.clock.now() - job.observed_at
        service.facility.on_their_way = set()
        await service.pass_time(1)
        assert State.SUCCEEDED == (await service.job("a")).state

    run(story)


async def _three_jobs(service) -> None:
    await service.submit("a", outputs=[{"path": "out.txt"}])
    await service.submit("b", array={"count": 5})
    await service.submit("c")


async def _live_through(service, fault: BaseException) -> None:
    for _ in range(40):
        try:
            await service.dispatcher.step()
        except Killed:
            await service.start()
        service.clock.advance(1)
        if all([(await service.job(job_id)).state.terminal for job_id in "abc"]):
            break
    states = {job_id: (await service.job(job_id)).state for job_id in "abc"}
    assert dict.fromkeys("abc", State.SUCCEEDED) == states, fault
    assert {1} == set(service.world.runs.values()), fault
    assert 5 == len(service.world.runs)


@pytest.mark.parametrize("kind", ["killed", "cut off"])
def test_every_part_runs_once_wherever_it_is_cut(run, tmp_path, kind):
    """Killed or cut off at any point of submission, looking, observing or collecting, each part runs once."""

    async def count(service):
        await _three_jobs(service)
        await _live_through(service, Killed())
        return service.world.points

    points = run(count)
    assert points > 20
    for point in range(1, points + 1):
        fault = Killed() if kind == "killed" else FacilityUnavailable("tiny", "cut off")

        async def story(service, fault=fault, point=point):
            service.world.fault_at, service.world.fault = point, fault
            await _three_jobs(service)
            await _live_through(service, fault)
            assert service.world.points >= point

        for leftover in tmp_path.glob("jobs.db*"):
            leftover.unlink()
        run(story)


@pytest.mark.parametrize("when", ["before", "after"])
def test_every_part_runs_once_wherever_a_commit_is_cut(run, tmp_path, when):
    """Killed just before or just after any commit, each part still runs once."""
    for point in range(1, 40):

        async def story(service, point=point):
            write, seen = service.store.write, Counter()

            async def cut(work):
                seen["writes"] += 1
                if seen["writes"] == point and when == "before":
                    raise Killed
                answer = await write(work)
                if seen["writes"] == point:
                    raise Killed
                return answer

            await _three_jobs(service)
            service.store.write = cut
            await _live_through(service, Killed())

        for leftover in tmp_path.glob("jobs.db*"):
            leftover.unlink()
        run(story)


def test_a_refused_part_fails_and_the_others_go_on(run):
    """One part's refusal is its own job's failure, in the facility's words."""

    async def story(service):
        service.facility.answers["a"] = lambda key: Refused(key, Reason("submission-rejected", "too big"))
        await _three_jobs(service)
        await service.pass_time(4)
        refused = await service.job("a")
        assert (State.FAILED, Reason("submission-rejected", "too big")) == (refused.state, refused.reason)
        assert not refused.complete
        assert State.SUCCEEDED == (await service.job("c")).state

    run(story)


def test_a_task_that_does_not_change_is_seen_with_one_that_does(run):
    """Of an array the look that shows one task's end is the last one at the other tasks as well."""

    async def story(service):
        begun = service.clock.now()

        def ends(index):
            ended = index == 0 and service.clock.now() >= begun + timedelta(seconds=3)
            state = State.SUCCEEDED if ended else State.RUNNING
            return TaskSeen(index, state, native=Native(id="n"), exit_code=0 if ended else None)

        service.facility.ends["a"] = ends
        await service.submit("a", array={"count": 2})
        await service.pass_time(3)
        first, second = await service.tasks("a")
        assert (State.SUCCEEDED, State.RUNNING) == (first.state, second.state)
        assert service.clock.now() == second.observed_at
        job = await service.job("a")
        assert (1, 1) == (job.task_counts["succeeded"], job.task_counts["running"])
        assert service.clock.now() == job.observed_at

    run(story)


def test_an_unknown_outcome_is_looked_up_before_anything_is_submitted_again(run):
    """Without an outcome a part stays pending until the facility can no longer show a first submission."""

    async def story(service):
        service.facility.answers["a"] = lambda key: Unknown(key, "the line broke")
        await service.submit("a")
        await service.pass_time(3)
        service.facility.answers.clear()
        assert State.PENDING == (await service.job("a")).state
        assert 1 == len(service.world.submits)
        await service.pass_time(6)
        assert 2 == len(service.world.submits)
        assert State.SUCCEEDED == (await service.job("a")).state

    run(story)


def test_a_deferred_part_is_tried_again(run):
    """A part that has certainly not been submitted is handed over again, without looking first."""

    async def story(service):
        service.facility.answers["a"] = lambda key: Deferred(key, "busy")
        await service.submit("a")
        await service.pass_time(2)
        service.facility.answers.clear()
        await service.pass_time(6)
        assert State.SUCCEEDED == (await service.job("a")).state
        assert 1 == service.world.runs["a", 0]

    run(story)


def test_a_job_that_is_put_off_says_why(run):
    """Why a pending job waits is shown in the facility's words, until the facility has it or it is called off."""

    async def story(service):
        service.facility.answers["a"] = lambda key: Deferred(key, "its image is on its way")
        service.facility.answers["b"] = lambda key: Deferred(key, "its image is on its way")
        await service.submit("a")
        await service.submit("b")
        await service.pass_time(2)
        first = await service.job("a")
        assert (State.PENDING, Native(detail="its image is on its way")) == (first.state, first.native)
        await service.pass_time(30)
        assert first.updated_at == (await service.job("a")).updated_at
        await service.store.write(
            lambda held: stored_jobs.request_cancel(held, "me", "b", service.clock.now())
        )
        del service.facility.answers["a"]
        await service.pass_time(6)
        assert (State.SUCCEEDED, "n", None) == (
            (job := await service.job("a")).state,
            job.native.id,
            job.native.detail,
        )
        assert (State.CANCELLED, None) == ((job := await service.job("b")).state, job.native)

    run(story)


def test_what_is_put_off_again_and_again_is_tried_more_rarely(run):
    """The waits double up to some seconds, so that who waits for an hour is not written down a thousand times."""

    async def story(service):
        service.facility.answers["a"] = lambda key: Deferred(key, "its image is on its way")
        await service.submit("a")
        await service.pass_time(60)
        tries = len(service.world.submits)
        assert 60 / 5 <= tries <= 60 / 2.5 + 3, tries
        assert State.PENDING == (await service.job("a")).state

    run(story)


def test_who_wakes_the_dispatcher_has_what_was_put_off_tried_at_once(run):
    """Something has happened, and it may have been what a part was waiting for."""

    async def story(service):
        service.facility.answers["a"] = lambda key: Deferred(key, "its image is on its way")
        await service.submit("a")
        await service.pass_time(30)
        before = len(service.world.submits)
        await service.dispatcher.step()
        assert before == len(service.world.submits)
        service.facility.answers.clear()
        service.dispatcher.start()
        for _ in range(1000):
            service.dispatcher.wake("tiny")
            await asyncio.sleep(0.002)
            if len(service.world.submits) > before:
                break
        await service.dispatcher.stop()
        assert 1 == service.world.runs["a", 0]

    run(story)


def test_a_job_that_breaks_the_connector_fails_alone(run):
    """What a connector cannot bear is given up after three tries, and nobody else waits for it for ever."""

    async def story(service):
        service.facility.answers["b"] = "boom"
        await _three_jobs(service)
        await service.pass_time(120)
        assert State.FAILED == (await service.job("b")).state
        assert "internal" == (await service.job("b")).reason.code
        assert [State.SUCCEEDED] * 2 == [(await service.job(job_id)).state for job_id in "ac"]
        assert {1} == set(service.world.runs.values())

    run(story)


def test_nothing_fails_while_a_facility_is_away(run):
    """Lost contact changes no state, and everything goes on when the facility is back."""

    async def story(service):
        await _three_jobs(service)
        await service.pass_time(1)
        service.world.down = True
        await service.pass_time(100)
        job = await service.job("a")
        assert State.RUNNING == job.state
        assert job.observed_at < service.clock.now() - timedelta(seconds=90)
        service.world.down = False
        await service.pass_time(61)
        assert State.SUCCEEDED == (await service.job("a")).state

    run(story)


def test_a_cancelled_pending_job_never_reaches_the_facility(run):
    """A wish to cancel that comes before the submission ends the job here, also while the facility is away."""

    async def story(service):
        service.world.down = True
        await service.submit("a")
        await service.store.write(
            lambda held: stored_jobs.request_cancel(held, "me", "a", service.clock.now())
        )
        await service.pass_time(1)
        job = await service.job("a")
        assert (State.CANCELLED, "cancelled-by-user") == (job.state, job.reason.code)
        service.world.down = False
        await service.pass_time(70)
        assert [] == service.world.submits

    run(story)


def test_a_live_job_is_cancelled_when_the_facility_confirms(run):
    """The wish is passed on, and the state changes with the facility's word."""

    async def story(service):
        await service.submit("a", array={"count": 3})
        await service.pass_time(1)
        await service.store.write(
            lambda held: stored_jobs.request_cancel(held, "me", "a", service.clock.now())
        )
        await service.pass_time(1)
        job = await service.job("a")
        assert State.CANCELLED == job.state
        assert {"total": 3, "cancelled": 3} == {name: n for name, n in job.task_counts.items() if n}

    run(story)


def test_a_missing_required_output_fails_a_job_that_exited_with_0(run):
    """Exit code 0 with a required output that matches nothing is `output-missing`, and incomplete."""

    async def story(service):
        await service.submit("a", outputs=[{"path": "*.csv"}, {"path": "*.txt", "required": False}])
        await service.pass_time(4)
        job = await service.job("a")
        assert (State.FAILED, "output-missing", 0) == (job.state, job.reason.code, job.exit_code)
        assert not job.complete

    run(story)


def test_a_job_that_the_facility_forgot_is_lost_only_after_a_while(run):
    """A facility that answers without knowing the job is given its time before the job is `lost`."""

    async def story(service):
        await service.submit("a")
        await service.pass_time(1)
        service.world.parts.clear()
        await service.pass_time(15)
        assert State.RUNNING == (await service.job("a")).state
        await service.pass_time(10)
        assert "lost" == (await service.job("a")).reason.code

    run(story)


def test_a_second_attempt_falls_back_to_queued_with_the_attempt_raised(run):
    """A requeue is in the history as (queued, 2), and a stale first attempt changes nothing afterwards."""

    async def story(service):
        await service.submit("a")
        await service.pass_time(1)
        service.facility.ends["a"] = lambda i: TaskSeen(i, State.QUEUED, attempt=2)
        await service.pass_time(1)
        service.facility.ends["a"] = lambda i: TaskSeen(i, State.RUNNING, attempt=1)
        await service.pass_time(1)
        job = await service.job("a")
        assert (State.QUEUED, 2) == (job.state, job.attempt)
        assert [1, 1, 1, 2] == [entry.attempt for entry in job.history]

    run(story)


def test_a_released_job_is_removed_from_the_facility_also_when_it_was_away(run):
    """Release is at once for the caller and later for the facility; its bytes here go too."""

    async def story(service):
        await service.submit("a", outputs=[{"path": "out.txt"}])
        await service.pass_time(4)
        service.world.down = True
        assert await service.store.write(
            lambda held: stored_jobs.release_job(held, "me", "a", service.clock.now())
        )
        await service.pass_time(2)
        assert await service.job("a") is None
        assert [] == service.world.removed
        service.world.down = False
        await service.pass_time(61)
        assert [("a", 0)] == service.world.removed
        assert not service.store.content.path("a", "x").parent.exists()

    run(story)


def test_results_expire_and_the_job_follows_after_twice_the_retention(run):
    """Who never releases loses the bytes first and the job later."""

    async def story(service):
        await service.submit("a", outputs=[{"path": "out.txt"}])
        await service.pass_time(4)
        service.clock.advance(101)
        await service.pass_time(11)
        job = await service.job("a")
        assert job.results_expired
        assert [] == await service.store.read(lambda held: list_results(held, "a", None, None, 10))
        assert not service.store.content.path("a", "x").parent.exists()
        service.clock.advance(101)
        await service.pass_time(11)
        assert await service.job("a") is None

    run(story)
