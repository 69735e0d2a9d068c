"""One facility's cycle: claim, call off, submit, find, cancel, observe, collect, release."""

from __future__ import annotations

from datetime import datetime, timedelta

from common_compute_connector.clock import Clock
from common_compute_connector.dispatching.contact import Contact
from common_compute_connector.dispatching.handover import Handover
from common_compute_connector.dispatching.homecoming import Homecoming
from common_compute_connector.dispatching.leased import LeasedParts
from common_compute_connector.dispatching.watching import Watching
from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.facilities import KnownFacility
from common_compute_connector.store import Store
from common_compute_connector.store import parts as stored
from common_compute_connector.store.replicas import Replica
from common_compute_connector.store.schema import Phase

_PAUSES_PER_LOOK, _LONGEST_PAUSE = 3, 3
"""At many tasks a look costs the facility much: the pause after it is so many times as long, up to so many
intervals."""


class FacilityCycle:
    """All that this process does for one facility."""

    def __init__(
        self, store: Store, known: KnownFacility, clock: Clock, replica: Replica, lease: timedelta
    ) -> None:
        connector = known.connector
        self.known = known
        self.cycles = 0
        self._store = store
        self._clock = clock
        self._observed_at: datetime | None = None
        self._look_lasted = timedelta()
        self._saw_news = False
        host = replica.host if connector.bound_to_host else None
        claimant = stored.Claimant(known.id, replica.id, host)
        self._contact = Contact(known, clock)
        self._leased = LeasedParts(store, known, clock, claimant, lease)
        self._handover = Handover(connector, self._leased, self._contact, clock)
        self._watching = Watching(store, known, self._leased, self._contact, clock)
        self._homecoming = Homecoming(store, connector, self._leased, self._contact, clock)

    @property
    def outcomes(self) -> dict[str, int]:
        """How many submissions were accepted, refused, deferred or unknown."""
        return dict(self._handover.outcomes)

    @property
    def idle(self) -> bool:
        """Tell whether there is nothing to look after."""
        return not len(self._leased)

    @property
    def pause(self) -> timedelta:
        """How long after one look the next one comes, if nothing else happens."""
        every = timedelta(seconds=self.known.connector.pace.observe_every_seconds)
        return max(every, min(_PAUSES_PER_LOOK * self._look_lasted, _LONGEST_PAUSE * every))

    async def to_quiescence(self) -> None:
        """Repeat the cycle until nothing moves any more at this time."""
        while await self._once(look_again=True) or await self._homecoming.finished():
            pass

    async def run(self) -> None:
        """Repeat the cycle until nothing moves any more but what the next look will show, in its time."""
        while await self._once(look_again=False):
            pass

    async def _once(self, *, look_again: bool) -> bool:
        """Run one cycle, and tell whether anything moved; a collection goes on beside it.

        Only with `look_again` news are a reason to ask for more news at once.
        """
        self.cycles += 1
        moved = await self._leased.claim()
        to_cancel = await self._store.read(lambda held: stored.jobs_to_cancel(held, self.known.id))
        moved |= await self._handover.call_off(to_cancel)
        if self._contact.paused:
            return moved
        if not self._leased.within(Phase.LIVE):
            # Nothing has been out of sight: what is handed over now is looked at when its time has come.
            self._observed_at, self._look_lasted = self._clock.now(), timedelta()
        try:
            moved |= await self._handover.submit(to_cancel)
            moved |= await self._handover.find()
            moved |= await self._watching.cancel(to_cancel)
            # While jobs come in droves, a look after each batch would keep the rest of them waiting.
            looked_just_now = self._saw_news and not look_again
            if self._observation_is_due() or not (moved or looked_just_now):
                moved |= await self._look()
            else:
                self._saw_news = False
            self._homecoming.begin()
            moved |= await self._release()
        except FacilityUnavailable:
            return moved
        return moved

    def hurry(self) -> None:
        """Wait no longer with what the facility did not take yet."""
        self._handover.hurry()

    async def keep_leased(self) -> None:
        """Let go of what another process has taken over."""
        await self._leased.keep_leased()

    async def stop(self) -> None:
        """Leave what is under way to whoever comes next."""
        await self._homecoming.stop()
        self._leased.forget_all()

    def _observation_is_due(self) -> bool:
        return self._observed_at is None or self._clock.now() >= self._observed_at + self.pause

    async def _look(self) -> bool:
        begun = self._clock.now()
        self._observed_at = begun
        self._saw_news = await self._watching.observe()
        self._observed_at = self._clock.now()
        self._look_lasted = self._observed_at - begun
        return self._saw_news

    async def _release(self) -> bool:
        """Remove from the facility, and from our own keeping, what nobody may ask for any more."""
        leaving = self._leased.within(Phase.RELEASING)
        if not leaving:
            return False
        for held in leaving:
            self._store.content.drop(held.key.job_id)
        # A part that was never handed over left nothing; the facility need not be asked.
        removed = [held.key for held in leaving if held.part.handle is None and held.intended_at is None]
        left = [held.part for held in leaving if held.part.handle is not None or held.intended_at is not None]
        if left:
            removed += await self._contact.ask(self.known.connector.release(left))
        if not removed:
            return False
        await self._store.write(lambda connection: stored.record_removed(connection, removed))
        self._leased.forget(removed)
        return True
