"""One facility's cycle: what is asked of its connector, and what the answers make of parts and tasks.

Each verb of the connector has one step here. Parts are held in memory while they are leased, so that a
cycle in which nothing happens reads and writes next to nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from common_compute_connector.clock import Clock
from common_compute_connector.collecting import Harvest, collect_tasks
from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.facilities import KnownFacility
from common_compute_connector.held import HeldPart
from common_compute_connector.jobs import Reason, State, Task, advance, conclude, give_up
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Deferred,
    Observation,
    PartKey,
    Refused,
    TaskSeen,
)
from common_compute_connector.store import Store
from common_compute_connector.store import parts as stored
from common_compute_connector.store.jobs import take_tasks
from common_compute_connector.store.results import keep_task_content
from common_compute_connector.store.schema import Phase

T = TypeVar("T")
_log = structlog.get_logger(__name__)

_CLAIM = 1000
_OBSERVED_EVERY_SECONDS = 1.0
_CANCEL_AGAIN_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 60.0
_GIVE_UP_AFTER_FAILURES = 3


class FacilityCycle:
    """All that this process does for one facility."""

    def __init__(
        self, store: Store, known: KnownFacility, clock: Clock, replica: str, lease: timedelta
    ) -> None:
        self.known = known
        self.outcomes: Counter[str] = Counter()
        """How many submissions were accepted, refused, deferred or unknown."""
        self.cycles = 0
        self._store = store
        self._connector = known.connector
        self._clock = clock
        self._replica = replica
        self._lease = lease
        self._held: dict[PartKey, HeldPart] = {}
        self._collecting: asyncio.Task[None] | None = None
        self._pause_until: datetime | None = None
        self._pauses = 0

    @property
    def idle(self) -> bool:
        """Tell whether there is nothing to look after."""
        return not self._held

    async def to_quiescence(self) -> None:
        """Repeat the cycle until nothing moves any more at this time."""
        while True:
            if await self.once():
                continue
            if self._collecting is None:
                return
            await self._collecting

    async def once(self) -> bool:
        """Run one cycle, and tell whether anything moved."""
        self.cycles += 1
        moved = await self._claim()
        to_cancel = await self._store.read(lambda held: stored.jobs_to_cancel(held, self.known.id))
        moved |= await self._call_off(to_cancel)
        if self._pause_until is not None and self._clock.now() < self._pause_until:
            return moved
        try:
            moved |= await self._submit(to_cancel)
            moved |= await self._find()
            moved |= await self._cancel(to_cancel)
            moved |= await self._observe()
            moved |= self._collect()
            moved |= await self._release()
        except FacilityUnavailable:
            return moved
        return moved

    async def stop(self) -> None:
        """Leave what is under way to whoever comes next."""
        if self._collecting is not None:
            self._collecting.cancel()
            await asyncio.gather(self._collecting, return_exceptions=True)
        self._held.clear()

    async def keep_leased(self) -> None:
        """Let go of parts whose lease this process lost."""
        leased = await self._store.read(lambda held: stored.leased_parts(held, self._replica))
        for key in [key for key in self._held if key not in leased]:
            del self._held[key]

    # ------------------------------------------------------------------ steps

    async def _claim(self) -> bool:
        now = self._clock.now()
        claimed = await self._store.read(lambda held: stored.any_to_claim(held, self.known.id, now))
        if not claimed:
            return False
        new = await self._store.write(
            lambda held: stored.claim_parts(
                held, self.known.id, self._replica, now, now + self._lease, _CLAIM
            )
        )
        self._held |= {part.part.key: HeldPart.of(part) for part in new}
        return bool(new)

    async def _call_off(self, to_cancel: set[str]) -> bool:
        """End the tasks of cancelled jobs that were never handed over."""
        never_went = [
            held
            for held in self._in(Phase.WAITING)
            if held.key.job_id in to_cancel or held.failures >= _GIVE_UP_AFTER_FAILURES
        ]
        for held in never_went:
            cancelled = held.key.job_id in to_cancel
            await self._give_up(
                held,
                State.CANCELLED if cancelled else State.FAILED,
                Reason("cancelled-by-user")
                if cancelled
                else Reason("internal", "the connector broke whenever it was handed this job"),
            )
        return bool(never_went)

    async def _submit(self, to_cancel: set[str]) -> bool:
        now = self._clock.now()
        ready = [
            held
            for held in self._in(Phase.WAITING)
            if held.key.job_id not in to_cancel and (held.not_before is None or held.not_before <= now)
        ]
        # What broke the connector before goes alone, so that it takes nobody with it.
        alone = [held for held in ready if held.failures]
        batch = alone[:1] or ready[: self._connector.pace.batch]
        if not batch:
            return False
        keys = [held.key for held in batch]
        go = set(
            await self._store.write(
                lambda held: stored.record_intents(held, self._replica, keys, self._clock.now())
            )
        )
        batch = [held for held in batch if held.key in go]
        for held in batch:
            held.phase = Phase.INTENDED
            held.intended_at = self._clock.now()
        if not batch:
            return False
        try:
            answers = await self._ask(self._connector.submit([held.submission() for held in batch]))
        except _Broken:
            for held in batch:
                held.failures += 1
            raise
        by_key = {answer.key: answer for answer in answers}
        for held in batch:
            answer = by_key.get(held.key)
            self.outcomes[type(answer).__name__.lower() if answer else "unknown"] += 1
            if isinstance(answer, Accepted):
                await self._accept(held, answer.handle)
            elif isinstance(answer, Refused):
                await self._give_up(held, State.FAILED, answer.reason)
            elif isinstance(answer, Deferred):
                held.not_before = self._clock.now() + timedelta(seconds=self._backoff(0))
                await self._wait_again([held])
        return True

    async def _find(self) -> bool:
        """Look for parts whose submission was begun and whose outcome nobody knows."""
        doubtful = self._in(Phase.INTENDED)
        if not doubtful:
            return False
        asked_at = self._clock.now()
        found = await self._ask(self._connector.find([held.part for held in doubtful]))
        moved = False
        for answer in found:
            held = self._held[answer.key]
            if isinstance(answer, Accepted):
                await self._accept(held, answer.handle)
                moved = True
            elif isinstance(answer, Absent) and self._cannot_appear(held, asked_at):
                await self._wait_again([held])
                moved = True
        return moved

    async def _cancel(self, to_cancel: set[str]) -> bool:
        now = self._clock.now()
        again = now - timedelta(seconds=_CANCEL_AGAIN_SECONDS)
        asked = []
        for held in self._in(Phase.LIVE):
            live = held.live_part
            if live is None or held.key.job_id not in to_cancel:
                continue
            if held.cancel_asked_at is None or held.cancel_asked_at <= again:
                asked.append((held, live))
        if not asked:
            return False
        await self._ask(self._connector.cancel([live for _, live in asked]))
        for held, _ in asked:
            held.cancel_asked_at = now
        return True

    async def _observe(self) -> bool:
        watched = [live for held in self._in(Phase.LIVE) if (live := held.live_part)]
        if not watched:
            return False
        observations = await self._ask(self._connector.observe(watched))
        now = self._clock.now()
        changed: list[tuple[HeldPart, list[Task]]] = []
        same: list[str] = []
        for observation in observations:
            held = self._held[observation.key]
            news = self._news(held, observation, now)
            due = held.observed_at is None or held.observed_at <= now - timedelta(
                seconds=_OBSERVED_EVERY_SECONDS
            )
            if any(_differs(task, held.tasks[task.index]) for task in news) or (
                due and news and not held.is_whole_job
            ):
                changed.append((held, news))
            elif due and news:
                same.append(held.key.job_id)
            else:
                continue
            held.observed_at = now
        if same:
            await self._store.write(lambda connection: stored.record_observed(connection, same, now))
        await self._take(changed)
        return bool(changed)

    def _collect(self) -> bool:
        """Begin to bring home what has ended; the cycle goes on meanwhile."""
        if self._collecting is not None:
            return False
        ended = [held for held in self._in(Phase.LIVE) if any(task.ending for task in held.tasks.values())]
        if not ended:
            return False
        self._collecting = asyncio.create_task(self._bring_home(ended))
        return False

    async def _bring_home(self, ended: Sequence[HeldPart]) -> None:
        harvests: list[Harvest] = []
        try:
            await self._ask(
                collect_tasks(
                    self._connector,
                    self._store.content,
                    [task for held in ended for task in held.ended_tasks],
                    harvests,
                )
            )
        except FacilityUnavailable:
            pass  # what has come home stands; the rest is asked for again after the pause
        finally:
            try:
                await self._publish(harvests)
            finally:
                self._collecting = None

    async def _publish(self, harvests: Sequence[Harvest]) -> None:
        by_part: dict[PartKey, list[Harvest]] = {}
        for harvest in harvests:
            by_part.setdefault(harvest.key, []).append(harvest)
        changed = []
        for key, some in by_part.items():
            held = self._held.get(key)
            if held is None:
                continue
            ends = [
                conclude(held.tasks[h.index], h.missing, h.lost)
                for h in some
                if held.tasks[h.index].ending is not None
            ]
            changed.append((held, ends))

        def keep(connection: Connection) -> None:
            for harvest in harvests:
                keep_task_content(
                    connection, harvest.key.job_id, harvest.index, harvest.results, harvest.logs
                )

        await self._take(changed, keep)

    async def _release(self) -> bool:
        leaving = self._in(Phase.RELEASING)
        if not leaving:
            return False
        for held in leaving:
            self._store.content.drop(held.key.job_id)
        # A part that was never handed over left nothing; the facility need not be asked.
        removed = [held.key for held in leaving if held.part.handle is None and held.intended_at is None]
        left = [held.part for held in leaving if held.key not in set(removed)]
        if left:
            removed += await self._ask(self._connector.release(left))
        if not removed:
            return False
        await self._store.write(lambda connection: stored.record_removed(connection, removed))
        self._forget(removed)
        return True

    # ------------------------------------------------------- what the steps share

    def _news(self, held: HeldPart, observation: Observation, now: datetime) -> list[Task]:
        if not observation.known:
            held.unknown_since = held.unknown_since or now
            limit = self.known.limits.get("lost_after_seconds")
            if limit is None or now - held.unknown_since < timedelta(seconds=limit):
                return []
            detail = f"the facility has not known this job for {limit} s"
            reason = Reason("lost", detail)
            return [
                give_up(task, State.FAILED, reason, now, complete=held.promises_nothing)
                for task in held.tasks.values()
                if task.live
            ]
        held.unknown_since = None
        return [
            advance(held.tasks[seen.index], seen, now, held.job_created_at)
            for seen in observation.tasks
            if seen.index in held.tasks
        ]

    async def _accept(self, held: HeldPart, handle: str) -> None:
        now = self._clock.now()
        held.accept(handle)
        queued = [
            advance(task, TaskSeen(task.index, State.QUEUED), now, held.job_created_at)
            for task in held.tasks.values()
        ]
        await self._take(
            [(held, queued)],
            lambda connection: stored.record_accepted(connection, held.key, handle, now),
        )

    async def _wait_again(self, parts: Sequence[HeldPart]) -> None:
        await self._store.write(
            lambda connection: stored.record_waiting(connection, [held.key for held in parts])
        )
        for held in parts:
            held.phase = Phase.WAITING
            held.intended_at = None

    async def _give_up(self, held: HeldPart, state: State, reason: Reason) -> None:
        now = self._clock.now()
        ends = [
            give_up(task, state, reason, now, complete=held.promises_nothing)
            for task in held.tasks.values()
            if not task.state.terminal
        ]
        await self._take([(held, ends)])

    async def _take(
        self,
        changed: Sequence[tuple[HeldPart, list[Task]]],
        also: Callable[[Connection], None] | None = None,
    ) -> None:
        """Write news of tasks, and end the parts of which nothing is live any more."""
        if not changed and also is None:
            return
        now = self._clock.now()
        retention = timedelta(seconds=self.known.limits.get("result_retention_seconds", 0))
        for held, news in changed:
            held.tasks |= {task.index: task for task in news}
        done = [held.key for held, _ in changed if held.done]

        def write(connection: Connection) -> None:
            if also is not None:
                also(connection)
            for held, news in changed:
                take_tasks(connection, held.key.job_id, news, now, retention)
            for key in done:
                stored.record_ended(connection, key)

        await self._store.write(write)
        self._forget(done)

    async def _ask(self, call: Awaitable[T]) -> T:
        """Await an answer of the connector's, and note what it tells of the facility."""
        try:
            answer = await call
        except FacilityUnavailable as error:
            self._pause(error.detail, error.retry_after_seconds)
            raise
        except Exception as error:
            _log.exception("connector failed", facility_id=self.known.id)
            self._pause(f"the connector failed: {type(error).__name__}", None)
            raise _Broken(self.known.id, str(error)) from error
        self._pauses = 0
        self._pause_until = None
        self.known.answered(self._clock.now())
        return answer

    def _pause(self, detail: str, retry_after: float | None) -> None:
        seconds = retry_after if retry_after is not None else self._backoff(self._pauses)
        self._pauses += 1
        self._pause_until = self._clock.now() + timedelta(seconds=seconds)
        self.known.failed(detail)
        _log.warning("facility unavailable", facility_id=self.known.id, detail=detail, seconds=seconds)

    def _backoff(self, tries: int) -> float:
        longest = min(
            self._connector.pace.observe_every_seconds * 2.0 ** min(tries, 20), _LONGEST_PAUSE_SECONDS
        )
        return longest * (0.5 + self._clock.chance() / 2)

    def _cannot_appear(self, held: HeldPart, asked_at: datetime) -> bool:
        appears_within = timedelta(seconds=self._connector.pace.appears_within_seconds)
        return held.intended_at is None or asked_at >= held.intended_at + appears_within

    def _in(self, phase: Phase) -> list[HeldPart]:
        return [held for held in self._held.values() if held.phase is phase]

    def _forget(self, keys: Iterable[PartKey]) -> None:
        for key in keys:
            self._held.pop(key, None)


class _Broken(FacilityUnavailable):
    """The connector raised what it does not promise to raise."""


def _differs(task: Task, before: Task) -> bool:
    return replace(task, observed_at=None) != replace(before, observed_at=None)
