"""Cuts and kills in rounds: each way of a server is cut at a point of its own, all at the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path

from batches import Batch
from books import Books, names_at_slurm
from killable_server import KillableServer
from outcomes import Outcome
from points import Point
from way import Way

from cluster import Cluster

_KILLED_AT_COMMIT = Path(__file__).with_name("killed_at_commit.py")

_TO_BE_REACHED_SECONDS = 40
_LOST_CONNECTION_IS_NOTICED_SECONDS = 0.7


class Site:
    """One server, its ways to the cluster, and all that was submitted through them."""

    def __init__(
        self, room: Path, service_id: str, cluster: Cluster, root: str, names: Sequence[str], books: Books
    ) -> None:
        self.ways = [Way(name, cluster, root) for name in names]
        self.books = books
        self.batches: list[Batch] = []
        self._room = room
        self._service_id = service_id
        self._cluster = cluster
        self._root = root

    async def open(self, killed_at: Sequence[str] = ()) -> None:
        """Start the proxies and the server."""
        for way in self.ways:
            await way.open()
        ports = {way.name: way.to_facility.port for way in self.ways}
        self._room.mkdir()
        tables = self._cluster.tables(self._root, ports)
        self.server = KillableServer(self._room, self._service_id, tables)
        await self._start(killed_at)

    async def close(self) -> None:
        """End all."""
        await self.server.stop()
        for way in self.ways:
            await way.close()

    async def restart(self) -> None:
        """Start the server again after its death."""
        for way in self.ways:
            for proxy in (way.to_facility, way.to_server):
                proxy.end_all()
                proxy.arm(None)
                proxy.release()
            way.to_server.target = None
        await self._start()

    async def settled(self, way: Way, submitting: Awaitable[Batch]) -> Batch:
        """Wait until a submitted batch has ended."""
        batch = await submitting
        self.batches.append(batch)
        await way.ended(batch)
        return batch

    async def count_books(self, batches: Sequence[Batch]) -> None:
        """Compare batches with Slurm's accounting; jobs there that nobody submitted are the first one's fault."""
        counted = await self.books.complete(self._service_id, batches)
        expected = set[str]().union(*(names_at_slurm(batch, self._service_id) for batch in self.batches))
        for batch in batches:
            names = names_at_slurm(batch, self._service_id)
            batch.note({name: counted[name] for name in names}, "is at Slurm")
        if strange := counted.keys() - expected:
            batches[0].faults.append(f"jobs at Slurm that nobody submitted: {sorted(strange)}")
            batches[0].twice += len(strange)

    async def count_again(self) -> None:
        """Count everything once more: nothing may have come up since."""
        sound = [batch for batch in self.batches if not batch.faults]
        ways = {way.name: way for way in self.ways}
        for batch in sound:
            ways[batch.way].count_lines(batch)
        if sound:
            await self.count_books(sound)

    async def _start(self, killed_at: Sequence[str] = ()) -> None:
        await self.server.start(*([[_KILLED_AT_COMMIT, *killed_at]] if killed_at else []))
        for way in self.ways:
            way.to_server.target = ("127.0.0.1", self.server.port)


async def submit_cut(way: Way, point: Point) -> Batch:
    """Submit a batch, to be cut at a point; its calls begin when all of it was accepted."""
    if point.place == "login":
        way.to_facility.reset_all()
        await asyncio.sleep(_LOST_CONNECTION_IS_NOTICED_SECONDS)
    if point.place == "http":
        way.to_server.arm(point.cut)
        return await way.submit()
    way.to_facility.hold()
    way.to_facility.arm(point.cut)
    way.to_server.arm(None)
    try:
        batch = await way.submit()
        way.seen["http"] = list(way.to_server.chunks)
    finally:
        way.to_facility.release()
    return batch


async def cut_round(site: Site, points: Sequence[Point]) -> list[Outcome[Point]]:
    """Cut one submission of each way."""

    async def one(way: Way, point: Point) -> Outcome[Point]:
        proxy = way.to_server if point.place == "http" else way.to_facility
        batch = await site.settled(way, submit_cut(way, point))
        reached, cut_at = proxy.happened.is_set(), proxy.cut_at
        known = batch.all_handed_over or 0.0
        way.seen["ssh"] = [chunk for chunk in way.to_facility.chunks if chunk.at < known]
        proxy.arm(None)
        return Outcome(point, batch, reached, batch.recovery_seconds(cut_at))

    outcomes = await asyncio.gather(*(one(way, point) for way, point in zip(site.ways, points, strict=False)))
    await site.count_books([outcome.batch for outcome in outcomes])
    return outcomes


async def kill_round(site: Site, points: Sequence[Point]) -> list[Outcome[Point]]:
    """Hold each way at its point, and kill the server when all are there."""
    used = list(zip(site.ways, points, strict=False))
    submitting = [asyncio.create_task(submit_cut(way, point)) for way, point in used]
    proxies = [way.to_server if point.place == "http" else way.to_facility for way, point in used]
    waits = [asyncio.create_task(proxy.happened.wait()) for proxy in proxies]
    await asyncio.wait(waits, timeout=_TO_BE_REACHED_SECONDS)
    for wait in waits:
        wait.cancel()
    reached = [proxy.happened.is_set() for proxy in proxies]
    return await _killed(site, used, submitting, reached)


async def kill_at_a_time(site: Site, points: Sequence[Point]) -> list[Outcome[Point]]:
    """Kill the server some milliseconds after its first call began; all points have the same number."""
    used = list(zip(site.ways, points, strict=False))
    for way, _ in used:
        way.to_facility.hold()
        way.to_facility.arm(None)
    submitting = [asyncio.create_task(way.submit()) for way, _ in used]
    first = [asyncio.create_task(way.to_facility.began.wait()) for way, _ in used]
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    for way, _ in used:
        way.to_facility.release()
    await asyncio.sleep(points[0].number / 1000)
    for wait in first:
        wait.cancel()
    return await _killed(site, used, submitting, [True] * len(used))


async def _killed(
    site: Site,
    used: Sequence[tuple[Way, Point]],
    submitting: Sequence[asyncio.Task[Batch]],
    reached: Sequence[bool],
) -> list[Outcome[Point]]:
    await site.server.kill()
    killed_at = time.monotonic()
    await site.restart()
    batches = await asyncio.gather(
        *(site.settled(way, task) for (way, _), task in zip(used, submitting, strict=True))
    )
    await site.count_books(batches)
    return [
        Outcome(point, batch, was_reached, batch.recovery_seconds(killed_at))
        for (_, point), batch, was_reached in zip(used, batches, reached, strict=True)
    ]


async def kill_at_commit(site: Site, point: Point) -> Outcome[Point]:
    """Have a server die right before or after one of its transactions."""
    (way,) = site.ways
    told = site.books.room / f"{way.name}.transactions"
    await site.open([str(told), point.when, str(point.number)])
    try:
        told.touch()
        submitting = asyncio.create_task(submit_cut(way, point))
        try:
            async with asyncio.timeout(_TO_BE_REACHED_SECONDS):
                await site.server.dead()
        except TimeoutError:
            await site.server.kill()
        note = told.read_text().strip()
        (outcome,) = await _killed(site, [(way, point)], [submitting], [bool(note)])
        return Outcome(point, outcome.batch, outcome.reached, outcome.recovery_seconds, note)
    finally:
        await site.close()
