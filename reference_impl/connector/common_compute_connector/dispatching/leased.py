"""The parts of one facility that this process holds, and the one way in which their news reach the store.

They stay in memory while they are leased, so that a cycle in which nothing happens costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from common_compute_connector.clock import Clock
from common_compute_connector.dispatching.held import HeldPart
from common_compute_connector.facilities import KnownFacility
from common_compute_connector.jobs import Reason, State, Task, give_up
from common_compute_connector.protocol import PartKey
from common_compute_connector.store import Connection, Store
from common_compute_connector.store import parts as stored
from common_compute_connector.store.progress import take_tasks
from common_compute_connector.store.schema import Phase

_AT_ONCE = 1000


class LeasedParts:
    """Parts under lease, by key."""

    def __init__(
        self, store: Store, known: KnownFacility, clock: Clock, claimant: stored.Claimant, lease: timedelta
    ) -> None:
        self._store = store
        self._known = known
        self._clock = clock
        self._claimant = claimant
        self._lease = lease
        self._held: dict[PartKey, HeldPart] = {}

    def __len__(self) -> int:
        """Count the parts held."""
        return len(self._held)

    def get(self, key: PartKey) -> HeldPart | None:
        """Give a part by its key, if it is held."""
        return self._held.get(key)

    def within(self, phase: Phase) -> list[HeldPart]:
        """Give the parts of one phase, the oldest first."""
        return [held for held in self._held.values() if held.phase is phase]

    def forget(self, keys: Iterable[PartKey]) -> None:
        """Hold these no longer."""
        for key in keys:
            self._held.pop(key, None)

    def forget_all(self) -> None:
        """Hold nothing."""
        self._held.clear()

    async def claim(self) -> bool:
        """Lease parts that nobody works on, and tell whether there were any."""
        now = self._clock.now()
        # The look without a lock comes first: in most cycles there is nothing new.
        if not await self._store.read(lambda held: stored.any_to_claim(held, self._claimant, now)):
            return False
        until = now + self._lease
        claimed = await self._store.write(
            lambda held: stored.claim_parts(held, self._claimant, now, until, _AT_ONCE)
        )
        self._held |= {part.part.key: HeldPart.of(part) for part in claimed}
        return bool(claimed)

    async def keep_leased(self) -> None:
        """Let go of parts whose lease another process has taken."""
        leased = await self._store.read(lambda held: stored.leased_parts(held, self._claimant.replica))
        self.forget([key for key in self._held if key not in leased])

    async def intend(self, parts: Sequence[HeldPart]) -> list[HeldPart]:
        """Record that these parts are about to be submitted, and give those that may."""
        if not parts:
            return []
        now = self._clock.now()
        keys = [held.key for held in parts]
        go = await self._store.write(
            lambda connection: stored.record_intents(connection, self._claimant.replica, keys, now)
        )
        may = set(go)
        going = [held for held in parts if held.key in may]
        for held in going:
            held.phase = Phase.INTENDED
            held.intended_at = now
        return going

    async def wait_again(self, parts: Sequence[HeldPart]) -> None:
        """Record that these parts are certainly not at the facility."""
        if not parts:
            return
        keys = [held.key for held in parts]
        await self._store.write(lambda connection: stored.record_waiting(connection, keys))
        for held in parts:
            held.phase = Phase.WAITING
            held.intended_at = None

    async def give_up(self, held: HeldPart, state: State, reason: Reason) -> None:
        """End all tasks of a part from which nothing will come home."""
        now = self._clock.now()
        ends = [
            give_up(task, state, reason, now, complete=held.promises_nothing)
            for task in held.tasks.values()
            if not task.state.terminal
        ]
        await self.take([(held, ends)])

    async def take(
        self,
        changed: Sequence[tuple[HeldPart, Sequence[Task]]],
        also: Callable[[Connection], None] | None = None,
    ) -> None:
        """Write news of tasks, with what else belongs into that transaction; let ended parts go."""
        if not changed:
            return
        now = self._clock.now()
        retention = timedelta(seconds=self._known.limits.get("result_retention_seconds", 0))
        merged = [(held, held.tasks | {task.index: task for task in news}) for held, news in changed]
        done = [held.key for held, tasks in merged if all(task.state.terminal for task in tasks.values())]

        def write(connection: Connection) -> None:
            if also is not None:
                also(connection)
            for (held, news), (_, tasks) in zip(changed, merged, strict=True):
                job_id = held.key.job_id
                # Of the store that others share nobody knows all tasks without reading them.
                if self._store.is_shared or not held.is_whole_job:
                    take_tasks(connection, job_id, news, now, retention)
                    continue
                told = [task for task in news if held.differs(task)]
                take_tasks(
                    connection, job_id, told, now, retention, [tasks[index] for index in sorted(tasks)]
                )
                if len(told) < len(news):
                    stored.record_observed(connection, [job_id], now)
            for key in done:
                stored.record_ended(connection, key)

        await self._store.write(write)
        for held, tasks in merged:
            held.tasks = tasks
        self.forget(done)
