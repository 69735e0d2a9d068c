"""What was found at a facility, and what of it the settings leave out or ask for in vain, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from common_compute_rosetta.configuration import Settings
from common_compute_rosetta.records import Machine
from common_compute_rosetta.runtimes.found import offered
from common_compute_rosetta.slurm_probe import Cluster


@dataclass(frozen=True, slots=True)
class Findings:
    """What an account found: `found` has the names of things with their values, sizes in bytes.

    `notes` are sentences about what is there and not offered, or named and not there; `faults` about what
    somebody has to mend.
    """

    found: dict[str, Any]
    notes: Sequence[str]
    faults: Sequence[str]


def findings(settings: Settings, machine: Machine, cluster: Cluster | None = None) -> Findings:
    """Hold what was found against the settings."""
    notes = [*_runtimes_otherwise(settings, machine), *_limits(settings, machine, cluster)]
    faults = [*_containers_in_vain(settings, machine), *_staging_in_vain(settings, machine)]
    if cluster is not None:
        notes += _queues_left_out(settings, cluster)
        faults += _queues_missing(settings, cluster)
    return Findings({**_machine(machine), **(_cluster(cluster) if cluster else {})}, notes, faults)


def _machine(machine: Machine) -> dict[str, Any]:
    told: dict[str, Any] = {
        "host": machine.host,
        "system": machine.system,
        "architecture": machine.architecture,
        "cpu_cores": machine.cores,
        "memory_bytes": machine.memory_bytes,
        "account": machine.account.name if machine.account else "",
        "directory": machine.directory,
        "container_runtimes": [f"{runtime.name} {runtime.version}" for runtime in machine.runtimes],
        "signals_told_by": machine.reaper,
    }
    return {name: value for name, value in told.items() if value not in ("", [])}


def _cluster(cluster: Cluster) -> dict[str, Any]:
    return {
        "slurm_version": cluster.version,
        "accounting": cluster.accounting,
        "partitions": [
            f"{each.name}{'' if each.up else ' (takes no jobs now)'}" for each in cluster.partitions
        ],
        "max_array_tasks": cluster.max_array_tasks,
        "kill_wait_seconds": cluster.kill_wait_seconds,
        "memory_enforced": cluster.memory_enforced,
        "cores_enforced": cluster.cores_enforced,
    }


def _runtimes_otherwise(settings: Settings, machine: Machine) -> Iterator[str]:
    if settings.containers is None:
        if machine.runtimes:
            names = ", ".join(runtime.name for runtime in machine.runtimes)
            yield f"Containers are not offered, as there is no [facility.containers] table; there is {names}."
        return
    wanted, there = settings.containers.runtimes, [runtime.name for runtime in machine.runtimes]
    for runtime in machine.runtimes:
        if wanted is not None and runtime.name not in wanted:
            yield f"The container runtime {runtime.name} {runtime.version} is there and not among `runtimes`."
    for name in wanted or ():
        if name not in there:
            yield f"`runtimes` names {name}, which is not there or does not work for this account."


def _containers_in_vain(settings: Settings, machine: Machine) -> Iterator[str]:
    if settings.containers is None:
        return
    if not offered(machine.runtimes, settings.containers.runtimes, machine.directory):
        yield "There is a [facility.containers] table, and no runtime to run containers with."


def _staging_in_vain(settings: Settings, machine: Machine) -> Iterator[str]:
    needs = settings.staging.needs if settings.staging is not None else ()
    if missing := [name for name in needs if name not in machine.programs]:
        yield f"There is a [facility.staging] table, and files cannot be moved without {', '.join(missing)}."


def _queues_left_out(settings: Settings, cluster: Cluster) -> Iterator[str]:
    queues = settings.slurm.queues if settings.slurm else None
    if queues is not None:
        for partition in cluster.partitions:
            if partition.name not in queues:
                yield f"The partition {partition.name} is there and not among `queues`."


def _queues_missing(settings: Settings, cluster: Cluster) -> Iterator[str]:
    there = [partition.name for partition in cluster.partitions]
    for name in (settings.slurm.queues if settings.slurm else None) or ():
        if name not in there:
            yield f"`queues` names {name}, which is no partition that this account sees."
    most = settings.slurm.max_tasks_per_part if settings.slurm else 0
    if most > cluster.max_array_tasks:
        yield f"`max_tasks_per_part` is {most}, and Slurm's arrays hold at most {cluster.max_array_tasks}."


def _limits(settings: Settings, machine: Machine, cluster: Cluster | None) -> Iterator[str]:
    partitions = cluster.partitions if cluster else ()
    memory = max((each.memory_bytes for each in partitions), default=machine.memory_bytes)
    if settings.max_memory_bytes is not None and settings.max_memory_bytes < memory:
        yield f"`max_memory_bytes` holds jobs to {settings.max_memory_bytes} bytes; there are {memory}."
    longest = [each.max_wall_time_seconds for each in partitions]
    wall = max((each for each in longest if each is not None), default=None) if None not in longest else None
    most = settings.max_wall_time_seconds
    if most is not None and (wall is None or most < wall):
        there = "no limit" if wall is None else f"a limit of {wall}"
        yield f"`max_wall_time_seconds` holds jobs to {most} seconds; there is {there}."
    if cluster is None and settings.max_running is not None and settings.max_running < machine.cores:
        yield f"`max_running` lets {settings.max_running} tasks run at once; there are {machine.cores} cores."
