"""What Slurm's accounting tells of one account."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from batches import Batch

from cluster import Cluster
from common_compute_connector.protocol import PartKey
from common_compute_rosetta.slurm_batch import job_name


def names_at_slurm(batch: Batch, service_id: str) -> set[str]:
    """Name a batch's jobs as Slurm knows them."""
    return {job_name(service_id, PartKey(job_id, 0)) for job_id in batch.ids.values()}


class Books:
    """The jobs that Slurm was given by one account."""

    def __init__(self, cluster: Cluster, room: Path) -> None:
        self.room = room
        self._cluster = cluster
        known_hosts = room / "known_hosts"
        known_hosts.write_text(f"[{cluster.address}]:{cluster.port} {cluster.host_key}\n", encoding="utf-8")
        settings = {
            "Port": cluster.port,
            "User": cluster.account,
            "IdentityFile": cluster.key_file,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": known_hosts,
            "StrictHostKeyChecking": "yes",
            "LogLevel": "ERROR",
        }
        self._ssh = ["ssh", "-F", "none", *(f"-o{name}={value}" for name, value in settings.items())]

    def ask(self, command: str) -> str:
        """Run a command in the account."""
        argv = [*self._ssh, self._cluster.address, command]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120).stdout

    def jobs(self, prefix: str) -> Counter[str]:
        """Count the jobs that Slurm was given under each name, whatever became of them."""
        told = self.ask("sacct -n -P -X -D -S now-6hours -o JobName,JobID")
        rows = {
            (name, job.partition("_")[0]) for name, _, job in (line.partition("|") for line in told.split())
        }
        return Counter(name for name, _ in rows if name.startswith(prefix))

    async def complete(self, service_id: str, batches: Sequence[Batch]) -> Counter[str]:
        """Count once all jobs of some batches are in the books, or there is no more hope of it."""
        prefix = job_name(service_id, PartKey("", 0)).rpartition("-")[0]
        wanted = set[str]().union(*(names_at_slurm(batch, service_id) for batch in batches))
        for _ in range(20):
            books = await asyncio.to_thread(self.jobs, prefix)
            if wanted <= books.keys():
                break
            await asyncio.sleep(1.5)
        return books
