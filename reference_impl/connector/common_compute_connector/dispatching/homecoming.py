"""Bring home what has ended, while the cycle goes on, and publish each end once its bytes are ours."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from common_compute_connector.clock import Clock
from common_compute_connector.dispatching.collecting import Harvest, collect_tasks
from common_compute_connector.dispatching.contact import Broken, Contact
from common_compute_connector.dispatching.held import HeldPart
from common_compute_connector.dispatching.leased import LeasedParts
from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.jobs import Task, conclude
from common_compute_connector.protocol import Connector, PartKey
from common_compute_connector.store import Connection, Store
from common_compute_connector.store.results import keep_lists
from common_compute_connector.store.schema import Phase

_log = structlog.get_logger(__name__)

_TRIES_THAT_BREAK = 3
_NOTE_AGAIN = timedelta(seconds=1)  # so often at most is it written that nothing changed


class Homecoming:
    """One collection at a time for a facility."""

    def __init__(
        self, store: Store, connector: Connector, leased: LeasedParts, contact: Contact, clock: Clock
    ) -> None:
        self._store = store
        self._clock = clock
        self._connector = connector
        self._leased = leased
        self._contact = contact
        self._under_way: asyncio.Task[bool] | None = None

    def begin(self) -> None:
        """Start to collect what has ended, unless a collection is under way."""
        if self._under_way is not None:
            return
        ended = [
            held
            for held in self._leased.within(Phase.LIVE)
            if any(task.ending is not None for task in held.tasks.values())
        ]
        # As with submissions: what broke the connector before is collected alone.
        sound = [held for held in ended if not held.failures]
        if batch := sound or ended[:1]:
            self._under_way = asyncio.create_task(self._bring_home(batch))

    async def finished(self) -> bool:
        """Wait for the collection under way; False if there is none or nothing came home."""
        return self._under_way is not None and await self._under_way

    async def stop(self) -> None:
        """Leave a collection to whoever comes next."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)

    async def _bring_home(self, parts: Sequence[HeldPart]) -> bool:
        harvests: list[Harvest] = []
        wanted = [task for held in parts for task in held.ended_tasks]
        answered = False
        try:
            await self._contact.ask(collect_tasks(self._connector, self._store.content, wanted, harvests))
            answered = True
        except Broken as error:
            harvests += self._beyond_hope(parts, harvests, error)
        except FacilityUnavailable:
            pass  # what has come home stands; the rest is asked for again after the pause
        try:
            await self._publish(harvests)
            if answered:
                await self._note_what_is_on_its_way(parts)
        except Exception:
            _log.exception("results could not be kept")
            raise
        finally:
            self._under_way = None
        if answered and harvests:
            self.begin()  # with what has ended meanwhile
        return bool(harvests)

    async def _note_what_is_on_its_way(self, parts: Sequence[HeldPart]) -> None:
        """Note that the facility was asked about tasks whose results it has not given yet."""
        now = self._clock.now()
        waiting: list[tuple[HeldPart, Sequence[Task]]] = []
        for held in parts:
            left = [task for task in held.tasks.values() if task.ending is not None]
            due = held.observed_at is None or held.observed_at + _NOTE_AGAIN <= now
            if left and due and self._leased.get(held.key) is held:
                held.observed_at = now
                waiting.append((held, [replace(task, observed_at=now) for task in left]))
        await self._leased.take(waiting)

    def _beyond_hope(
        self, parts: Sequence[HeldPart], harvests: Sequence[Harvest], error: Broken
    ) -> list[Harvest]:
        """Count the failure, and give up what cannot be read however often it is tried."""
        home = {(harvest.key, harvest.index) for harvest in harvests}
        lost: list[Harvest] = []
        for held in parts:
            left = [task for task in held.ended_tasks if (held.key, task.index) not in home]
            if not left:
                continue
            held.failures += 1
            if held.failures >= _TRIES_THAT_BREAK and len(parts) == 1:
                words = f"results could not be read: {error.detail}"
                required = {
                    task.index: [rule.path for rule in task.outputs if rule.required] for task in left
                }
                lost += [Harvest(held.key, i, missing=paths, lost=[words]) for i, paths in required.items()]
        return lost

    async def _publish(self, harvests: Sequence[Harvest]) -> None:
        ends: dict[PartKey, list[Task]] = {}
        kept: list[Harvest] = []
        for harvest in harvests:
            held = self._leased.get(harvest.key)
            if held is not None and held.tasks[harvest.index].ending is not None:
                end = conclude(held.tasks[harvest.index], harvest.missing, harvest.lost)
                ends.setdefault(harvest.key, []).append(end)
                kept.append(harvest)

        def keep(connection: Connection) -> None:
            keep_lists(
                connection,
                [(harvest.key.job_id, harvest.index) for harvest in kept],
                [result for harvest in kept for result in harvest.results],
                [log for harvest in kept for log in harvest.logs],
            )

        changed = [(held, news) for key, news in ends.items() if (held := self._leased.get(key))]
        await self._leased.take(changed, keep)
