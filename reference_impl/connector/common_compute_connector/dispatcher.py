"""The loop that brings facilities and the store together: it is only sleep and `step`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from common_compute_connector.clock import Clock
from common_compute_connector.dispatching import FacilityCycle
from common_compute_connector.facilities import Facilities, KnownFacility
from common_compute_connector.store import Store
from common_compute_connector.store import parts as stored
from common_compute_connector.store.replicas import SINGLE, Replica, join, leave, stay
from common_compute_connector.store.retention import expire_results, purge_jobs

_log = structlog.get_logger(__name__)

_LEASE = timedelta(seconds=60)
_RENEW_EVERY = timedelta(seconds=15)
_DESCRIBE_EVERY = timedelta(seconds=30)
_RETENTION_EVERY = timedelta(seconds=10)
_IDLE_SECONDS = 1.0


class Dispatcher:
    """Hands accepted jobs to facilities, watches them, brings their results home and cleans up.

    Each facility has a loop of its own, so that one that hangs holds up no other.
    """

    def __init__(self, store: Store, facilities: Facilities, clock: Clock, replica: Replica = SINGLE) -> None:
        self._store = store
        self._clock = clock
        self._replica = replica
        self._cycles = {known.id: FacilityCycle(store, known, clock, replica, _LEASE) for known in facilities}
        self._facilities = facilities
        self._wakes = {facility_id: asyncio.Event() for facility_id in self._cycles}
        self._renewed_at: datetime | None = None
        self._retained_at: datetime | None = None
        self._loops: list[asyncio.Task[None]] = []

    def __iter__(self) -> Iterator[FacilityCycle]:
        """Go through the facilities' cycles, for whoever counts what they did."""
        return iter(self._cycles.values())

    async def open(self) -> None:
        """Join the processes that share the store; where there is only one, take over what it left leased.

        Raises:
            ConfigurationError: another one that is alive runs on another configuration.
        """
        self._store.listen()
        until = self._clock.now() + _LEASE
        if self._store.is_shared:
            await self._store.write(lambda held: join(held, self._replica, self._clock.now(), until))
        else:
            await self._store.write(stored.drop_leases)
        await self._facilities.describe()

    async def step(self) -> None:
        """Run one cycle of every facility to quiescence, and what is due of leases and retention."""
        await self._keep_house()
        for cycle in self._cycles.values():
            await self._refresh(cycle.known)
            await cycle.to_quiescence()

    def start(self) -> None:
        """Run until `stop`."""
        self._loops = [asyncio.create_task(self._run_house())]
        self._loops += [asyncio.create_task(self._run(cycle)) for cycle in self._cycles.values()]

    def wake(self, facility_id: str) -> None:
        """Look after a facility's jobs now: one was accepted, cancelled or released."""
        if facility_id in self._wakes:
            self._wakes[facility_id].set()

    async def stop(self) -> None:
        """End the loops and give the leases back; jobs at facilities go on."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        for cycle in self._cycles.values():
            await cycle.stop()
        await self._store.write(lambda connection: leave(connection, self._replica))

    async def _run(self, cycle: FacilityCycle) -> None:
        wake = self._wakes[cycle.known.id]
        while True:
            if wake.is_set():
                cycle.hurry()
            wake.clear()
            try:
                await self._refresh(cycle.known)
                await cycle.run()
            except Exception:  # noqa: BLE001  (a facility's loop survives whatever happens in one cycle)
                _log.exception("cycle failed", facility_id=cycle.known.id)
            pause = cycle.pause.total_seconds()
            await self._sleep(wake, max(pause, _IDLE_SECONDS) if cycle.idle else pause)

    async def _run_house(self) -> None:
        while True:
            try:
                await self._keep_house()
            except Exception:  # noqa: BLE001  (leases and retention are tried again in a second)
                _log.exception("keeping house failed")
            await self._clock.sleep(_IDLE_SECONDS)

    async def _sleep(self, wake: asyncio.Event, seconds: float) -> None:
        woken = asyncio.create_task(wake.wait())
        timer = asyncio.create_task(self._clock.sleep(seconds))
        try:
            await asyncio.wait({woken, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            timer.cancel()

    async def _refresh(self, known: KnownFacility) -> None:
        now = self._clock.now()
        if known.described_at is None or now - known.described_at >= _DESCRIBE_EVERY:
            await self._facilities.refresh(known)

    async def _keep_house(self) -> None:
        now = self._clock.now()
        if self._renewed_at is None or now - self._renewed_at >= _RENEW_EVERY:
            self._renewed_at = now
            await self._store.write(lambda connection: stay(connection, self._replica, now + _LEASE))
            if self._store.is_shared:
                for cycle in self._cycles.values():
                    await cycle.keep_leased()
        if self._retained_at is None or now - self._retained_at >= _RETENTION_EVERY:
            self._retained_at = now
            expired = await self._store.write(lambda connection: expire_results(connection, now))
            purged = await self._store.write(lambda connection: purge_jobs(connection, now))
            for job_id in expired + purged:
                self._store.content.drop(job_id)
