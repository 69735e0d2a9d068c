"""What the way through the API costs at a real Slurm, beside the same by hand over a kept connection."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import paramiko

import cluster
import service
from common_compute_connector.clock import SystemClock
from common_compute_connector.protocol import FacilityConfiguration, LivePart
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.slurm_host import SlurmHost
from common_compute_rosetta.ssh import SshTransport
from common_compute_rosetta.transport import Finished
from figures import Figure, Goal, Section
from live_parts import hand_over

_JOBS, _TASKS = 200, 1000
_ROUNDS = 7
"""So often at least it is measured: Slurm starts jobs in waves, and the same by hand differs by a half."""
_BY_HAND = "sbatch over a kept connection"
_SCRIPT = "#!/bin/sh\nexec true\n"
_PEER = Path(__file__).parent / "peers" / "psij_peer.py"
_PSIJ = "psij-python==0.9.11"


def measure(rounds: int) -> list[Section]:
    """Measure submissions in turn, and then how quickly it answers while many jobs are alive."""
    rounds = max(rounds, _ROUNDS)
    there = cluster.find_cluster()
    with there.by_hand() as hand, cluster.served(there) as api:
        by_hand, ours, peer = [], [], []
        free_by_hand, free_ours = [], []
        _install_peer(there)
        for _ in range(rounds):
            free_by_hand.append(_jobs_by_hand(hand))
            free_ours.append(_jobs_by_api(api))
        with cluster.occupied(hand):
            for _ in range(rounds):
                by_hand.append(_jobs_by_hand(hand))
                ours.append(_jobs_by_api(api))
                peer.append(_jobs_by_peer(hand))
        idle, busy = _answers_while_jobs_are_alive(api)
    return [
        Section(
            f"{_JOBS} separate jobs, until Slurm, whose nodes are busy, has them all",
            "seconds",
            [
                Figure(_BY_HAND, by_hand),
                Figure("through the API", ours, by_hand, Goal("ratio", "at most", 1.0)),
                Figure("PSI/J, on the login node itself", peer, by_hand),
            ],
            _BY_HAND,
        ),
        # Here the jobs that begin take the processors from sbatch, and ours do more than the one by hand.
        Section(
            f"{_JOBS} separate jobs, until Slurm has them all, while they run on the login node's processors",
            "seconds",
            [
                Figure(_BY_HAND, free_by_hand),
                Figure("through the API", free_ours, free_by_hand, Goal("ratio", "at most", 1.0)),
            ],
            _BY_HAND,
        ),
        Section(
            "GET of a job, the slowest of a hundred",
            "milliseconds",
            [Figure("nothing runs", [idle]), Figure(f"{_TASKS} jobs are alive", [busy], [idle])],
            "nothing runs",
        ),
        asyncio.run(_calls_of_a_cycle(there)),
    ]


def measure_arrays(rounds: int) -> list[Section]:
    """Measure arrays in turn."""
    there = cluster.find_cluster()
    array_by_hand, array = [], []
    with there.by_hand() as hand, cluster.served(there) as api:
        for _ in range(max(rounds, _ROUNDS)):
            array_by_hand.append(_array_by_hand(hand))
            array.append(service.run_array(api, cluster.HOST, _TASKS))
    return [
        Section(
            f"An array of {_TASKS} trivial tasks, to the last one's end",
            "seconds",
            [
                Figure(_BY_HAND, array_by_hand),
                Figure("through the API", array, array_by_hand, Goal("ratio", "at most", 1.1)),
            ],
            _BY_HAND,
        ),
    ]


def _jobs_by_hand(hand: paramiko.SSHClient) -> float:
    begun = time.monotonic()
    for _ in range(_JOBS):
        cluster.run(hand, "sbatch --parsable -o /dev/null", _SCRIPT)
    taken = time.monotonic() - begun
    _call_off(hand)
    return taken


def _jobs_by_api(api: httpx.Client) -> float:
    begun = time.monotonic()
    ids = service.submit_many(api, cluster.HOST, ["true"], _JOBS)
    taken = time.monotonic() - begun
    service.cancel_all(api, ids)
    return taken


def _jobs_by_peer(hand: paramiko.SSHClient) -> float:
    taken = float(cluster.run(hand, f"PYTHONPATH=$HOME/psij python3 $HOME/psij_peer.py {_JOBS}"))
    _call_off(hand)
    return taken


def _array_by_hand(hand: paramiko.SSHClient) -> float:
    begun = time.monotonic()
    job = cluster.run(hand, f"sbatch --parsable -o /dev/null --array=1-{_TASKS}", _SCRIPT).strip()
    cluster.until_all_have_ended(hand, job)
    return time.monotonic() - begun


def _answers_while_jobs_are_alive(api: httpx.Client) -> tuple[float, float]:
    job_id = service.submit(api, cluster.HOST, ["true"])
    service.wait(api, job_id)
    idle = service.slowest_of_a_hundred(api, job_id)
    ids = service.submit_many(api, cluster.HOST, ["sleep", "600"], _TASKS)
    busy = service.slowest_of_a_hundred(api, job_id)
    service.cancel_all(api, ids)
    return idle, busy


def _call_off(hand: paramiko.SSHClient) -> None:
    cluster.run(hand, "scancel --me --state=pending")
    while cluster.run(hand, "squeue -h --me -t pending,configuring,completing -o %i").strip():
        time.sleep(0.5)


def _install_peer(there: cluster.Cluster) -> None:
    """Put PSI/J into the user's home there; it knows no SSH, so that it runs where sbatch is."""
    target = there.home / "psij"
    if not target.exists():
        uv = shutil.which("uv") or str(Path(__file__).parents[1] / ".uv" / "bin" / "uv")
        install = [uv, "pip", "install", "--quiet", "--python", "/usr/bin/python3", "--target", str(target)]
        subprocess.run([*install, _PSIJ], check=True)
    shutil.copy(_PEER, there.home)
    owner = there.home.stat()
    whom = f"{owner.st_uid}:{owner.st_gid}"
    subprocess.run(["chown", "-R", whom, str(target), str(there.home / _PEER.name)], check=True)


class _Counting(SshTransport):
    calls = 0

    async def run(self, argv: Sequence[str], stdin: bytes = b"", *, deadline_seconds: float) -> Finished:
        self.calls += 1
        return await super().run(argv, stdin, deadline_seconds=deadline_seconds)


async def _calls_of_a_cycle(there: cluster.Cluster) -> Section:
    """Count the remote commands with which the connector looks after its live jobs."""
    clock = SystemClock()
    settings = read_settings(
        FacilityConfiguration(cluster.HOST, "ssh", {"root": f"bench-{clock.new_id()}", "slurm": {}}),
        below_home=True,
    )
    transport = _Counting(there.login(), clock)
    host = SlurmHost(settings, transport, clock, "org.example.bench", bound_to_host=False)
    live: list[LivePart] = []
    figures = []
    try:
        for jobs in (10, 100, 1000):
            live += await hand_over(host, clock, jobs - len(live))
            before = transport.calls
            await host.observe(live)
            figures.append(Figure(f"{jobs} live jobs", [transport.calls - before]))
    finally:
        await host.cancel(live)
        await host.release([each.part for each in live])
        await host.close()
    return Section("Remote commands of one look at all live jobs", "commands", figures)
