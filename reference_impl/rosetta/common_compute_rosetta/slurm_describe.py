"""The facility document of a host with Slurm, from its settings and what a probe found there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common_compute_connector.protocol import Document
from common_compute_rosetta import describe
from common_compute_rosetta.configuration import Settings
from common_compute_rosetta.records import Machine
from common_compute_rosetta.slurm_probe import Cluster, Partition
from common_compute_rosetta.slurm_settings import SlurmSettings

MEMORY_GRANULARITY_BYTES = 1024 * 1024
WALL_TIME_GRANULARITY_SECONDS = 60
"""Slurm counts memory in MiB and time in minutes (sbatch(1), --mem and --time)."""


def facility_document(settings: Settings, machine: Machine | None, cluster: Cluster | None) -> Document:
    """Give the document; what only the host can tell is absent as long as it was not asked."""
    slurm = settings.slurm or SlurmSettings()
    partitions = offered(slurm, cluster)
    plain = describe.facility_document(settings, machine)
    document: dict[str, Any] = {
        **plain,
        "scheduler": {"kind": "slurm", **({"version": cluster.version} if cluster else {})},
        "queues": [_queue(partition) for partition in partitions],
        "resources": {**plain["resources"], **_resources(settings, cluster, partitions)},
        "reason_codes": [*_codes(plain["reason_codes"], cluster), *_CODES],
    }
    if cluster is not None:
        document["limits"] = {**plain["limits"], "cancel_grace_seconds": cluster.kill_wait_seconds}
    parameters = _parameters(slurm)
    if parameters:
        document["backend_parameters"] = {
            "type": "object",
            "additionalProperties": False,
            "properties": parameters,
        }
    if partitions and not any(partition.up for partition in partitions):
        document["status"] = {"state": "degraded", "message": "No partition takes jobs just now."}
    return document


_CODES = ("preempted", "cancelled-by-facility", "quota-exceeded")


def offered(slurm: SlurmSettings, cluster: Cluster | None) -> list[Partition]:
    """Give the partitions that were found and that the settings let be used."""
    found = cluster.partitions if cluster else []
    return [one for one in found if slurm.queues is None or one.name in slurm.queues]


def _queue(partition: Partition) -> dict[str, Any]:
    queue: dict[str, Any] = {"name": partition.name, "default": partition.default}
    if partition.max_wall_time_seconds is not None:
        queue["max_wall_time_seconds"] = partition.max_wall_time_seconds
    if partition.cores:
        queue["max_cpu_cores"] = partition.cores
    if partition.memory_bytes:
        queue["max_memory_bytes"] = partition.memory_bytes
    return queue


def _resources(
    settings: Settings, cluster: Cluster | None, partitions: Sequence[Partition]
) -> dict[str, Any]:
    cores = max((one.cores for one in partitions), default=0)
    memory = _least(
        settings.max_memory_bytes, max((one.memory_bytes for one in partitions), default=0) or None
    )
    walls = [one.max_wall_time_seconds for one in partitions]
    longest = max((wall for wall in walls if wall is not None), default=None) if None not in walls else None
    usual = next((one for one in partitions if one.default), None)
    default_wall = settings.default_wall_time_seconds or (usual.default_wall_time_seconds if usual else None)
    gpus = max((one.gpus for one in partitions), default=0)
    resources: dict[str, Any] = {
        "cpu_cores": _limit(bool(cluster and cluster.cores_enforced), cores or None, None),
        "memory_bytes": {
            **_limit(bool(cluster and cluster.memory_enforced), memory, settings.default_memory_bytes),
            "granularity": MEMORY_GRANULARITY_BYTES,
        },
        "wall_time_seconds": {
            **_limit(True, _least(settings.max_wall_time_seconds, longest), default_wall),
            "granularity": WALL_TIME_GRANULARITY_SECONDS,
        },
        "queue": {"support": "enforced" if partitions else "unsupported"},
    }
    if usual is not None:
        resources["queue"]["default"] = usual.name
    if gpus:
        resources["gpus"] = {"support": "enforced", "max": gpus}
    return resources


def _limit(enforced: bool, most: int | None, default: int | None) -> dict[str, Any]:
    told: dict[str, Any] = {"support": "enforced" if enforced else "advisory"}
    if most is not None:
        told["max"] = most
    if default is not None:
        told["default"] = default
    return told


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _codes(codes: Sequence[str], cluster: Cluster | None) -> list[str]:
    enforced = cluster is not None and cluster.memory_enforced
    return [code for code in codes if enforced or code != "out-of-memory"]


def _parameters(slurm: SlurmSettings) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if slurm.qos:
        parameters["qos"] = {"type": "string", "enum": list(slurm.qos)}
    if slurm.constraints:
        parameters["constraint"] = {"type": "string", "enum": list(slurm.constraints)}
    if slurm.exclusive:
        parameters["exclusive"] = {"type": "boolean"}
    return parameters
