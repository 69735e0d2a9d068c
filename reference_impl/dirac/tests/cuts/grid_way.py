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
        """What passed each proxy of the last submission, until the service knew that DIRAC has it."""

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

    async def settled(self, batch: Batch) -> None:
        """Wait for the batch's end, and keep what passed until DIRAC had it."""
        await self.ended(batch)
        known = batch.all_handed_over or 0.0
        self.seen = {
            place: [chunk for chunk in proxy.chunks if chunk.at < known]
            for place, proxy in self.proxies.items()
        }
