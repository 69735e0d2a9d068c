"""Watch what a facility has: one question for all live parts, and the wish to cancel passed on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from common_compute_connector.clock import Clock
from common_compute_connector.dispatching.contact import Contact
from common_compute_connector.dispatching.held import HeldPart
from common_compute_connector.dispatching.leased import LeasedParts
from common_compute_connector.facilities import KnownFacility
from common_compute_connector.jobs import Reason, State, Task, advance, give_up
from common_compute_connector.protocol import Observation
from common_compute_connector.store import Store
from common_compute_connector.store import parts as stored
from common_compute_connector.store.schema import Phase

_CANCEL_AGAIN = timedelta(seconds=5)  # a facility may answer that it cancelled and have done nothing
_NOTE_AGAIN = timedelta(seconds=1)  # so often at most is it written that nothing changed


class Watching:
    """The live parts of one facility."""

    def __init__(
        self, store: Store, known: KnownFacility, leased: LeasedParts, contact: Contact, clock: Clock
    ) -> None:
        self._store = store
        self._known = known
        self._leased = leased
        self._contact = contact
        self._clock = clock

    async def cancel(self, to_cancel: set[str]) -> bool:
        """Pass the callers' wishes on, again and again until the facility confirms."""
        now = self._clock.now()
        due = [
            (held, live)
            for held in self._leased.within(Phase.LIVE)
            if held.key.job_id in to_cancel
            and (live := held.live_part) is not None
            and (held.cancel_asked_at is None or held.cancel_asked_at + _CANCEL_AGAIN <= now)
        ]
        if not due:
            return False
        await self._contact.ask(self._known.connector.cancel([live for _, live in due]))
        for held, _ in due:
            held.cancel_asked_at = now
        return True

    async def observe(self) -> bool:
        """Ask for the state of everything alive, and take in what changed."""
        watched = [live for held in self._leased.within(Phase.LIVE) if (live := held.live_part)]
        if not watched:
            return False
        answers = await self._contact.ask(self._known.connector.observe(watched))
        now = self._clock.now()
        changed: list[tuple[HeldPart, Sequence[Task]]] = []
        same: list[str] = []
        for answer in answers:
            held = self._leased.get(answer.key)
            news = self._news(held, answer, now) if held is not None else []
            if held is None or not news:
                continue
            due = held.observed_at is None or held.observed_at + _NOTE_AGAIN <= now
            if any(map(held.differs, news)):
                changed.append((held, news))
            elif due and held.is_whole_job:
                same.append(held.key.job_id)
            elif due:  # the job's `observed_at` is the oldest of all its parts' tasks
                changed.append((held, news))
            else:
                continue
            held.observed_at = now
        if same:
            await self._store.write(lambda connection: stored.record_observed(connection, same, now))
        moved = any(held.differs(task) for held, news in changed for task in news)
        await self._leased.take(changed)
        return moved

    def _news(self, held: HeldPart, answer: Observation, now: datetime) -> list[Task]:
        if answer.known:
            held.unknown_since = None
            return [
                advance(held.tasks[seen.index], seen, now, held.job_created_at)
                for seen in answer.tasks
                if seen.index in held.tasks
            ]
        held.unknown_since = held.unknown_since or now
        patience = self._known.limits.get("lost_after_seconds")
        if patience is None or now - held.unknown_since < timedelta(seconds=patience):
            return []
        reason = Reason("lost", f"the facility answers and has not known this job for {patience} s")
        return [
            give_up(task, State.FAILED, reason, now, complete=held.promises_nothing)
            for task in held.tasks.values()
            if task.live
        ]
