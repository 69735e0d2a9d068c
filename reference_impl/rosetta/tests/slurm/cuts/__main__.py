"""Cut submissions to a real Slurm at every point, or at a sample of them, and count what it was given.

    common-compute facility status slurm --json | python reference_impl/rosetta/tests/slurm/cuts --sample 20

Each cut is told on a line; the exit code is 1 if a job was lost, came twice or did not succeed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from uuid import uuid4

sys.path.append(str(Path(__file__).parents[5] / "facilities" / "cuts"))

import points as where
from books import Books
from outcomes import Outcome, told
from points import Point
from record import record
from stories import Site, cut_round, kill_at_a_time, kill_at_commit, kill_round

from cluster import Cluster

HOST, ACCOUNT = "cluster", "bob"
TIMES_TRIED = 5
COMMIT_SERVERS = 2
"""So many servers at a time that each die at a transaction."""


class Run:
    """One run: its server, what it looks at first, and the outcomes so far."""

    def __init__(self, cluster: Cluster, room: Path, ways: int) -> None:
        self.name = f"cuts-{uuid4().hex[:8]}"
        self.cluster = cluster
        self.room = room
        self.books = Books(cluster, room)
        self.outcomes: list[Outcome[Point]] = []
        self.unreached: list[Point] = []
        self.sites: list[Site] = []
        self.site = self.make_site("main", [f"way{number:02}" for number in range(ways)])

    def make_site(self, name: str, ways: Sequence[str] = ()) -> Site:
        """Make a server of its own, by default with one way to the cluster."""
        service_id = f"org.example.{self.name}.{name}"
        site = Site(self.room / name, service_id, self.cluster, self.name, ways or [name], self.books)
        self.sites.append(site)
        return site

    async def look(self) -> list[Point]:
        """Submit without a cut, on a connection that is there and on one that is not, and give all points."""
        _, transactions = await asyncio.gather(self.site.open(), self.look_at_the_store())
        warm, cold = self.site.ways[:2]
        uncut = [Point("ssh", "none", 0), Point("login", "none", 0)]
        self.take("uncut", await cut_round(self.site, uncut), keep=False)
        found = where.of_connection("ssh", warm.seen["ssh"]) + where.of_connection("login", cold.seen["ssh"])
        found += where.of_connection("http", warm.seen["http"]) + where.of_store(transactions)
        return found + where.of_silence(warm.seen["ssh"])

    async def look_at_the_store(self) -> int:
        """Count the transactions of a submission."""
        site = self.make_site("uncut")
        noted = self.room / "uncut.transactions"
        await site.open([str(noted), "before", "0"])
        try:
            noted.touch()
            self.take("uncut", await cut_round(site, [Point("store", "none", 0)]), keep=False)
        finally:
            await site.close()
        return len(noted.read_text().splitlines())

    def take(self, what: str, outcomes: Sequence[Outcome[Point]], *, keep: bool = True) -> None:
        """Tell outcomes, and keep them."""
        for outcome in outcomes:
            if keep and not outcome.reached:
                self.unreached.append(outcome.point)
            elif keep:
                self.outcomes.append(outcome)
            if outcome.batch.faults and not keep:
                raise RuntimeError(f"without a cut: {outcome.batch.faults}")
            ending = "; ".join(outcome.batch.faults) or (
                "once" if outcome.reached or not keep else "not reached"
            )
            print(f"{outcome.point.id} {what}: {ending} ({outcome.recovery_seconds:.1f} s)", flush=True)

    async def all_of(self, chosen: Sequence[Point]) -> None:
        """Cut at these points, those that were not reached once more."""
        left = list(chosen)
        for _ in range(TIMES_TRIED):
            self.unreached = []
            await asyncio.gather(self.on_the_main_server(left), self.at_transactions(left))
            left = self.unreached
            if not left:
                return

    async def on_the_main_server(self, chosen: Sequence[Point]) -> None:
        """Cut ways and kill their server, as many at once as there are ways."""
        size = len(self.site.ways)
        cuts = [point for point in chosen if point.what == "cut"]
        holds = [point for point in chosen if point.what == "kill" and point.cut is not None]
        times: dict[int, list[Point]] = {}
        for point in (point for point in chosen if point.place == "time"):
            times.setdefault(point.number, []).append(point)
        for start in range(0, len(cuts), size):
            self.take("cut", await cut_round(self.site, cuts[start : start + size]))
        for start in range(0, len(holds), size):
            self.take("killed", await kill_round(self.site, holds[start : start + size]))
        for same in times.values():
            self.take("killed", await kill_at_a_time(self.site, same[:size]))

    async def at_transactions(self, chosen: Sequence[Point]) -> None:
        """Have servers die at transactions, a few at a time."""
        few = asyncio.Semaphore(COMMIT_SERVERS)

        async def one(point: Point) -> None:
            async with few:
                name = f"{point.when}{point.number}-{uuid4().hex[:4]}"
                self.take("killed", [await kill_at_commit(self.make_site(name), point)])

        await asyncio.gather(*(one(point) for point in chosen if point.place == "store"))


def chosen_of(found: Sequence[Point], arguments: argparse.Namespace) -> list[Point]:
    """Choose the points: all, a sample, or some by name."""
    chance = random.Random(arguments.seed)
    if arguments.list:
        print("\n".join(f"{point.id}: {', '.join(point.words)}" for point in found))
        return []
    if arguments.only:
        return [point for point in found if any(fnmatch(point.id, name) for name in arguments.only)]
    if arguments.all:
        moments = [chance.randrange(5000) for _ in range(arguments.moments)]
        return [*found, *where.of_time([ms for ms in moments for _ in range(arguments.ways)])]
    few = max(arguments.sample // 10, 1)
    kills = (arguments.sample - few) // 2
    cuts = arguments.sample - few - kills
    short = [point for point in found if not point.is_long]
    return [
        *sample([point for point in short if point.what == "cut"], cuts, chance),
        *sample([point for point in short if point.what == "kill" and point.cut is not None], kills, chance),
        *chance.sample([point for point in short if point.place == "store"], few),
    ]


def sample(points: Sequence[Point], size: int, chance: random.Random) -> list[Point]:
    """Draw from points on connections: most of them where Slurm may have a job of which nobody has heard."""
    answers = [point for point in points if point.place == "ssh" and point.is_answer]
    questions = [point for point in points if point.place == "ssh" and not point.is_answer]
    others = [point for point in points if point.place != "ssh"]
    few = size // 4
    return [
        *chance.sample(answers, size - 2 * few),
        *chance.sample(questions, few),
        *chance.sample(others, few),
    ]


async def main(arguments: argparse.Namespace) -> int:
    """Run what was asked for."""
    cluster = Cluster.of(json.load(sys.stdin), HOST, ACCOUNT)
    room = Path(tempfile.mkdtemp(prefix="cuts-"))
    run = Run(cluster, room, arguments.ways)
    passed = False
    try:
        found = await run.look()
        print(f"{len(found)} points; seed {arguments.seed}", flush=True)
        chosen = chosen_of(found, arguments)
        await run.all_of(chosen)
        await asyncio.gather(*(site.count_again() for site in run.sites))
        passed = tell(run, chosen, arguments)
    finally:
        await run.site.close()
        shutil.rmtree(cluster.home / run.name, ignore_errors=True)
        if passed:
            shutil.rmtree(room)
        else:
            print(f"The servers' logs are in {room}", file=sys.stderr)
    return 0 if passed else 1


def tell(run: Run, chosen: Sequence[Point], arguments: argparse.Namespace) -> bool:
    """Tell the end, write the record, and say whether all went well."""
    if arguments.record:
        arguments.record.write_text(record(run.outcomes, chosen, run.cluster.versions), encoding="utf-8")
    again = f"--ways {arguments.ways}"
    print("\n".join(told(run.outcomes, run.unreached, arguments.seed, again)))
    return not run.unreached and not any(outcome.batch.faults for outcome in run.outcomes)


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="every point once, and kills at random moments")
    which.add_argument("--sample", type=int, metavar="N", help="so many points by chance")
    which.add_argument("--list", action="store_true", help="only tell the points")
    which.add_argument("--only", nargs="+", metavar="ID", help="these points; * stands for anything")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", type=int, default=10, help="submissions that are cut at the same time")
    parser.add_argument("--moments", type=int, default=3, help="kills at random moments, of all ways each")
    parser.add_argument("--record", type=Path, metavar="FILE", help="where to write the record")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(read_arguments())))
