"""One way to DIRAC: a facility of the server, with proxies before DIRAC's services and one before the server."""

from __future__ import annotations

from pathlib import Path

from batches import Batch, Submitter
from proxy import Chunk, Proxy

from grid import SERVICES, Grid

SINGLE_JOBS = 1


class GridWay(Submitter):
    """A submitter with proxies before the services that a submission goes to."""

    def __init__(self, name: str, grid: Grid, room: Path) -> None:
        ran = room / f"ran-{name}"
        super().__init__(name, SINGLE_JOBS, str(ran), ran)
        self.proxies = {place: Proxy("127.0.0.1", grid.port(place)) for place in SERVICES}
        self.proxies["http"] = self.to_server
        self.seen: dict[str, list[Chunk]] = {}
        """What passed each proxy until the server had accepted the submission, or DIRAC had all of it."""

    async def open(self) -> None:
        """Start the proxies."""
        for proxy in self.proxies.values():
            await proxy.start()

    async def close(self) -> None:
        """End them."""
        for proxy in self.proxies.values():
            await proxy.close()

    def begin(self) -> None:
        """Count what passes from here on, and cut nowhere."""
        for proxy in self.proxies.values():
            proxy.arm(None)

    def forget_server(self) -> None:
        """Let everything end that a server that was killed had open."""
        for proxy in self.proxies.values():
            proxy.end_all()
            proxy.arm(None)
            proxy.release()
        self.to_server.target = None

    async def submit(self) -> Batch:
        """Submit, and keep what passed to the server."""
        batch = await super().submit()
        self.seen["http"] = list(self.to_server.chunks)
        return batch

    async def settled(self, batch: Batch) -> None:
        """Wait for the batch's end, and keep what passed to DIRAC until it had all of it."""
        await self.ended(batch)
        known = batch.all_handed_over or 0.0
        for place in SERVICES:
            self.seen[place] = [chunk for chunk in self.proxies[place].chunks if chunk.at < known]
