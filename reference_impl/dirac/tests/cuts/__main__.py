"""Cut submissions to a real DIRAC at every point, or at a sample of them, and count what it was given.

    common-compute facility status dirac --json | python reference_impl/dirac/tests/cuts --sample 10

As root, who reads DIRAC's database. Each cut is told on a line; the exit code is 1 if a job was lost, came
twice or did not succeed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

sys.path.append(str(Path(__file__).parents[4] / "facilities" / "cuts"))

from grid_books import SERVICE_ID, count_books
from grid_points import GridPoint, points_of
from grid_record import record
from grid_way import GridWay
from killable_server import KillableServer
from outcomes import Outcome, told

from grid import SERVICES, Grid, kill_client

_TO_BE_REACHED_SECONDS = 60
_TIMES_TRIED = 3


class Run:
    """One server with its ways, and the outcomes so far."""

    def __init__(self, grid: Grid, room: Path, ways: int) -> None:
        self.grid = grid
        self.room = room
        self.ways = [GridWay(f"way{number}", grid, room) for number in range(ways)]
        self.outcomes: list[Outcome[GridPoint]] = []
        self.unreached: list[GridPoint] = []

    async def open(self) -> None:
        """Start the proxies and the server."""
        for way in self.ways:
            await way.open()
        tables = ""
        for way in self.ways:
            ports = {place: way.proxies[place].port for place in SERVICES}
            tables += self.grid.table(self.room, way.name, ports)
        self.server = KillableServer(self.room, SERVICE_ID, tables)
        await self.restart()

    async def restart(self) -> None:
        """Start the server, anew if it was killed."""
        for way in self.ways:
            way.forget_server()
        await self.server.start()
        for way in self.ways:
            way.to_server.target = ("127.0.0.1", self.server.port)

    async def look(self) -> list[GridPoint]:
        """Submit without a cut, by a client that has already talked to DIRAC, and give all points."""
        for _ in range(2):
            for way in self.ways:
                way.begin()
            batches = await asyncio.gather(*(way.submit() for way in self.ways))
            await asyncio.gather(*(way.settled(one) for way, one in zip(self.ways, batches, strict=True)))
            count_books(self.grid, batches)
            if faults := [fault for batch in batches for fault in batch.faults]:
                raise RuntimeError(f"without a cut: {faults}")
        return points_of(self.ways[0].seen)

    async def all_of(self, chosen: Sequence[GridPoint]) -> None:
        """Cut at these points, as many at once as there are ways, and those not reached once more."""
        left = list(chosen)
        for _ in range(_TIMES_TRIED):
            self.unreached = []
            for what in ("cut", "end", "kill"):
                same = [point for point in left if point.what == what]
                for start in range(0, len(same), len(self.ways)):
                    await self._round(what, same[start : start + len(self.ways)])
            left = self.unreached
            if not left:
                return

    async def _round(self, what: str, points: Sequence[GridPoint]) -> None:
        used = list(zip(self.ways, points, strict=False))
        for way, point in used:
            way.begin()
            way.proxies[point.place].arm(point.cut)
        submitting = [asyncio.create_task(way.submit()) for way, _ in used]
        proxies = [way.proxies[point.place] for way, point in used]
        waits = [asyncio.create_task(proxy.happened.wait()) for proxy in proxies]
        await asyncio.wait(waits, timeout=_TO_BE_REACHED_SECONDS)
        for wait in waits:
            wait.cancel()
        reached = [proxy.happened.is_set() for proxy in proxies]
        cut_at = [proxy.cut_at or time.monotonic() for proxy in proxies]
        if what == "kill":
            await self.server.kill()
            cut_at = [time.monotonic()] * len(used)
            await self.restart()
        elif what == "end":
            for (way, _), proxy in zip(used, proxies, strict=True):
                kill_client(self.room, way.name)
                proxy.end_all()
                proxy.arm(None)
                proxy.release()
        batches = await asyncio.gather(*submitting)
        await asyncio.gather(*(way.settled(batch) for (way, _), batch in zip(used, batches, strict=True)))
        count_books(self.grid, batches)
        for (_, point), batch, was_reached, at in zip(used, batches, reached, cut_at, strict=True):
            self._take(Outcome(point, batch, was_reached, batch.recovery_seconds(at)))

    def count_again(self) -> None:
        """Count everything once more: nothing may have come up since."""
        sound = [outcome.batch for outcome in self.outcomes if not outcome.batch.faults]
        ways = {way.name: way for way in self.ways}
        for batch in sound:
            ways[batch.way].count_lines(batch)
        if sound:
            count_books(self.grid, sound)

    def _take(self, outcome: Outcome[GridPoint]) -> None:
        if outcome.reached or outcome.batch.faults:
            self.outcomes.append(outcome)
        else:
            self.unreached.append(outcome.point)
        ending = "; ".join(outcome.batch.faults) or ("once" if outcome.reached else "not reached")
        print(f"{outcome.point.id}: {ending} ({outcome.recovery_seconds:.1f} s)", flush=True)


def chosen_of(found: Sequence[GridPoint], arguments: argparse.Namespace) -> list[GridPoint]:
    """Choose the points: all, a sample, or some by name."""
    if arguments.only:
        return [point for point in found if any(fnmatch(point.id, name) for name in arguments.only)]
    if arguments.all:
        return list(found)
    chance = random.Random(arguments.seed)
    chosen: list[GridPoint] = []
    kinds = [[point for point in found if point.what == what] for what in ("cut", "end", "kill")]
    for number, some in enumerate(kinds):
        size = arguments.sample // 3 + (number < arguments.sample % 3)
        chosen += chance.sample(some, min(size, len(some)))
    return chosen


def make_room() -> Path:
    """Make a directory in which the worker's tasks append to files."""
    room = Path(tempfile.mkdtemp(prefix="cuts-"))
    room.chmod(0o777)
    return room


async def main(arguments: argparse.Namespace) -> int:
    """Run what was asked for."""
    grid = Grid(json.load(sys.stdin))
    room = make_room()
    run = Run(grid, room, arguments.ways)
    passed = False
    await run.open()
    try:
        found = await run.look()
        print(f"{len(found)} points; seed {arguments.seed}", flush=True)
        chosen = chosen_of(found, arguments)
        await run.all_of(chosen)
        run.count_again()
        passed = tell(run, chosen, arguments)
    finally:
        await run.server.stop()
        for way in run.ways:
            await way.close()
        if passed:
            shutil.rmtree(room)
        else:
            print(f"The server's log is in {room}", file=sys.stderr)
    return 0 if passed else 1


def tell(run: Run, chosen: Sequence[GridPoint], arguments: argparse.Namespace) -> bool:
    """Tell the end, write the record, and say whether all went well."""
    if arguments.record:
        text = record(run.outcomes, chosen, run.grid.told["versions"])
        arguments.record.write_text(text, encoding="utf-8")
    again = f"--ways {arguments.ways}"
    print("\n".join(told(run.outcomes, run.unreached, arguments.seed, again)))
    sound = not run.unreached and not any(outcome.batch.faults for outcome in run.outcomes)
    return sound and bool(run.outcomes)


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="every point once")
    which.add_argument("--sample", type=int, metavar="N", help="so many points by chance")
    which.add_argument("--only", nargs="+", metavar="ID", help="these points; * stands for anything")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", type=int, default=4, help="submissions that are cut at the same time")
    parser.add_argument("--record", type=Path, metavar="FILE", help="where to write the record")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(read_arguments())))
