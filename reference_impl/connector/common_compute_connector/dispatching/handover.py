"""Hand waiting parts to the facility so that each gets there exactly once.

The intent is on disk before the submission begins. Whoever finds an intent without an outcome looks at the
facility, and submits again only when a first submission can no longer appear there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from common_compute_connector.clock import Clock
from common_compute_connector.dispatching.contact import Broken, Contact
from common_compute_connector.dispatching.held import HeldPart
from common_compute_connector.dispatching.leased import LeasedParts
from common_compute_connector.jobs import Reason, State, advance, put_off
from common_compute_connector.protocol import Absent, Accepted, Connector, Deferred, Refused, TaskSeen
from common_compute_connector.store import Connection
from common_compute_connector.store import parts as stored
from common_compute_connector.store.schema import Phase

_TRIES_THAT_BREAK = 3
_LONGEST_DEFERRAL_SECONDS = 5.0  # each try is written down twice, and an image may be on its way for an hour


class Handover:
    """The way of one facility's parts from waiting to live."""

    def __init__(self, connector: Connector, leased: LeasedParts, contact: Contact, clock: Clock) -> None:
        self.outcomes: Counter[str] = Counter()
        """How many submissions were accepted, refused, deferred or unknown."""
        self._connector = connector
        self._leased = leased
        self._contact = contact
        self._clock = clock

    async def call_off(self, to_cancel: set[str]) -> bool:
        """End parts that will not be handed over: their job is cancelled, or they break the connector."""
        moved = False
        for held in self._leased.within(Phase.WAITING):
            if held.key.job_id in to_cancel:
                await self._leased.give_up(held, State.CANCELLED, Reason("cancelled-by-user"))
            elif held.failures >= _TRIES_THAT_BREAK:
                detail = "the connector broke whenever it was handed this job"
                await self._leased.give_up(held, State.FAILED, Reason("internal", detail))
            else:
                continue
            moved = True
        return moved

    async def submit(self, to_cancel: set[str]) -> bool:
        """Hand over a batch of what waits."""
        batch = await self._leased.intend(self._ready(to_cancel))
        if not batch:
            return False
        try:
            answers = await self._contact.ask(self._connector.submit([held.submission() for held in batch]))
        except Broken:
            for held in batch:
                held.failures += 1
            raise
        by_key = {answer.key: answer for answer in answers}
        accepted: list[tuple[HeldPart, str]] = []
        deferred: list[tuple[HeldPart, str]] = []
        for held in batch:
            answer = by_key.get(held.key)
            self.outcomes["unknown" if answer is None else type(answer).__name__.lower()] += 1
            if isinstance(answer, Accepted):
                accepted.append((held, answer.handle))
            elif isinstance(answer, Refused):
                await self._leased.give_up(held, State.FAILED, answer.reason)
            elif isinstance(answer, Deferred):
                wait = self._contact.backoff(held.deferrals, _LONGEST_DEFERRAL_SECONDS)
                held.not_before = self._clock.now() + timedelta(seconds=wait)
                held.deferrals += 1
                deferred.append((held, answer.detail))
        await self._accept(accepted)
        await self._put_off(deferred)
        return True

    def hurry(self) -> None:
        """Try at once what was put off: something has happened that may have helped."""
        for held in self._leased.within(Phase.WAITING):
            held.not_before = None
            held.deferrals = 0

    async def find(self) -> bool:
        """Look for parts whose submission was begun and whose outcome nobody knows."""
        doubtful = {held.key: held for held in self._leased.within(Phase.INTENDED)}
        if not doubtful:
            return False
        asked_at = self._clock.now()
        found = await self._contact.ask(self._connector.find([held.part for held in doubtful.values()]))
        accepted = [(doubtful[it.key], it.handle) for it in found if isinstance(it, Accepted)]
        absent = [doubtful[it.key] for it in found if isinstance(it, Absent)]
        free = [held for held in absent if self._cannot_appear(held, asked_at)]
        await self._accept(accepted)
        await self._leased.wait_again(free)
        return bool(accepted or free)

    def _ready(self, to_cancel: set[str]) -> list[HeldPart]:
        now = self._clock.now()
        ready = [
            held
            for held in self._leased.within(Phase.WAITING)
            if held.key.job_id not in to_cancel and (held.not_before is None or held.not_before <= now)
        ]
        # What broke the connector before goes alone, so that it takes nobody with it.
        sound = [held for held in ready if not held.failures]
        return sound[: self._connector.pace.batch] or ready[:1]

    async def _accept(self, accepted: Sequence[tuple[HeldPart, str]]) -> None:
        now = self._clock.now()
        queued = [
            (
                held,
                [
                    advance(task, TaskSeen(task.index, State.QUEUED), now, held.job_created_at)
                    for task in held.tasks.values()
                ],
            )
            for held, _ in accepted
        ]

        def record(connection: Connection) -> None:
            for held, handle in accepted:
                stored.record_accepted(connection, held.key, handle, now)

        await self._leased.take(queued, record)
        for held, handle in accepted:
            held.accept(handle)

    async def _put_off(self, deferred: Sequence[tuple[HeldPart, str]]) -> None:
        await self._leased.wait_again([held for held, _ in deferred])
        told = [(held, [put_off(task, why) for task in held.tasks.values()]) for held, why in deferred]
        # The same words again are no news.
        await self._leased.take([(held, tasks) for held, tasks in told if tasks != [*held.tasks.values()]])

    def _cannot_appear(self, held: HeldPart, asked_at: datetime) -> bool:
        appears_within = timedelta(seconds=self._connector.pace.appears_within_seconds)
        return held.intended_at is None or asked_at >= held.intended_at + appears_within
