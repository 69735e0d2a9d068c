"""How quickly a large result comes home over SSH and goes on to its client, beside `cat` over ssh."""

from __future__ import annotations

import subprocess
import time

import httpx

import cluster
import service
from figures import Figure, Goal, Section

_MIB = 512
_BY_HAND = "ssh cat"


def measure(rounds: int) -> Section:
    """Fetch the same file in turn by each way."""
    there = cluster.find_cluster()
    by_hand, home, down = [], [], []
    with cluster.served(there) as api:
        for _ in range(rounds):
            by_hand.append(_MIB / _seconds_by_hand(there))
            job_id = service.submit(
                api,
                cluster.HOST,
                ["sh", "-c", f"head -c {_MIB}M /dev/zero >big; date +%s.%N >&2"],
                outputs=[{"path": "big"}],
            )
            service.wait(api, job_id)
            ended = time.time()
            written = float(api.get(f"/jobs/{job_id}/logs/stderr").text)
            home.append(_MIB / (ended - written))
            down.append(_MIB / _seconds_by_api(api, job_id))
            api.delete(f"/jobs/{job_id}").raise_for_status()
    return Section(
        f"A result of {_MIB} MiB",
        "MiB/s",
        [
            Figure(_BY_HAND, by_hand),
            Figure("from the service to its client", down, by_hand, Goal("ratio", "at least", 0.7)),
            Figure("from the facility to the service, its last look at Slurm included", home, by_hand),
        ],
        _BY_HAND,
    )


def _seconds_by_hand(there: cluster.Cluster) -> float:
    file = there.home / "big-by-hand"
    if not file.exists():
        with file.open("wb") as written:
            subprocess.run(["head", "-c", f"{_MIB}M", "/dev/zero"], stdout=written, check=True)
        file.chmod(0o644)
    options = ["Port", there.port], ["User", cluster.USER], ["IdentityFile", there.key]
    known = ["StrictHostKeyChecking", "no"], ["UserKnownHostsFile", "/dev/null"], ["LogLevel", "ERROR"]
    words = [f"-o{name}={value}" for name, value in (*options, *known)]
    begun = time.monotonic()
    cat = ["ssh", "-F", "none", *words, there.address, f"cat {file.name}"]
    with subprocess.Popen(cat, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        while running.stdout.read(1 << 20):
            pass
    return time.monotonic() - begun


def _seconds_by_api(api: httpx.Client, job_id: str) -> float:
    (result,) = api.get(f"/jobs/{job_id}/results").json()["results"]
    begun = time.monotonic()
    with api.stream("GET", f"/jobs/{job_id}/results/{result['id']}") as answer:
        answer.raise_for_status()
        for _ in answer.iter_raw(1 << 20):
            pass
    return time.monotonic() - begun
