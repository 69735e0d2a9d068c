"""One way to the cluster: a facility of the server, with a proxy before it and one before the server."""

from __future__ import annotations

from batches import Submitter
from proxy import Chunk, Proxy

from cluster import Cluster

SINGLE_JOBS = 3


class Way(Submitter):
    """A submitter with a proxy before the cluster."""

    def __init__(self, name: str, cluster: Cluster, root: str) -> None:
        there, here = f"/home/{cluster.account}/{root}", cluster.home / root
        super().__init__(name, SINGLE_JOBS, f"{there}/ran-{name}", here / f"ran-{name}")
        self.to_facility = Proxy(cluster.address, cluster.port)
        self.seen: dict[str, list[Chunk]] = {}
        """What passed each proxy of a submission, once it has ended: `ssh` and `http`."""

    async def open(self) -> None:
        """Start both proxies."""
        await self.to_facility.start()
        await self.to_server.start()

    async def close(self) -> None:
        """End both."""
        await self.to_facility.close()
        await self.to_server.close()
