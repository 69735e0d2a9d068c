"""A part as a submission to Slurm: the script of its job and sbatch's options. Pure.

Nothing that a caller wrote becomes part of them but numbers, and names that the settings or Slurm list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import Part, PartKey, Submission
from common_compute_rosetta.calls import Site, beginning_name, watcher_name
from common_compute_rosetta.configuration import Settings
from common_compute_rosetta.process import quote
from common_compute_rosetta.sandbox import directory_name
from common_compute_rosetta.slurm_describe import (
    MEMORY_GRANULARITY_BYTES,
    WALL_TIME_GRANULARITY_SECONDS,
    offered,
)
from common_compute_rosetta.slurm_probe import Cluster
from common_compute_rosetta.slurm_settings import SAFE_WORD, SlurmSettings

_DEVICES = "CUDA_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES GPU_DEVICE_ORDINAL ZE_AFFINITY_MASK"
"""By these a job is told which of a node's GPUs are its own."""

_TO_TELL_THE_END_SECONDS = 2
"""So long before Slurm kills a whole job, its watcher kills the command, to tell how it ended."""


def job_name(service_id: str, key: PartKey) -> str:
    """Give the name of a part's job, by which it can be found: no other part of any service has it."""
    return f"cc-{sha256(service_id.encode()).hexdigest()[:8]}-{directory_name(key)}"


def batch_script(part: Part, site: Site, cluster: Cluster, wall_time_seconds: int, gpus: int) -> bytes:
    """Write the script: it reads in what does the rest."""
    grace = max(cluster.kill_wait_seconds - _TO_TELL_THE_END_SECONDS, cluster.kill_wait_seconds // 2)
    told = {
        "BASE": site.base,
        "SHELL_PATH": site.shell,
        "REAPER": site.reaper,
        "WATCHER": watcher_name(),
        "KEY": directory_name(part.key),
        "FIRST": str(part.first_index),
        "GRACE": str(grace),
        "WALL": str(wall_time_seconds),
        "DEVICES": _DEVICES if gpus else "",
    }
    settings = b" ".join(name.encode() + b"=" + quote(value) for name, value in told.items())
    return b"#!/bin/sh\n" + settings + b'\n. "$BASE/' + beginning_name().encode() + b'"\n'


def wall_time_seconds(submission: Submission, settings: Settings) -> int:
    """Give the time that Slurm is asked for, in whole minutes; 0 leaves it to the partition."""
    wished = (
        submission.spec.get("resources", {}).get("wall_time_seconds") or settings.default_wall_time_seconds
    )
    return _rounded_up(wished or 0, WALL_TIME_GRANULARITY_SECONDS)


def options(
    submission: Submission, settings: Settings, cluster: Cluster, service_id: str
) -> list[str] | Reason:
    """Give sbatch's options, or the reason why there is no asking Slurm for this."""
    slurm = settings.slurm or SlurmSettings()
    part, spec = submission.part, submission.spec
    resources: Mapping[str, Any] = spec.get("resources", {})
    parameters: Mapping[str, Any] = spec.get("backend_parameters", {})
    words = [
        "--parsable",
        f"--job-name={job_name(service_id, part.key)}",
        f"--comment=common-compute:{_safe(service_id)}:{directory_name(part.key)}",
        # The call has next to nothing to hand down; NONE would have the node read the account's profile.
        "--export=ALL",
        "--chdir=/",
        "--input=/dev/null",
        "--output=/dev/null",
        "--error=/dev/null",
        "--nodes=1",
        "--ntasks=1",
    ]
    if part.task_count > cluster.max_array_tasks:
        return Reason("submission-rejected", f"Slurm takes arrays of at most {cluster.max_array_tasks} here")
    if part.task_count > 1:
        words.append(f"--array=0-{part.task_count - 1}")
    minutes = wall_time_seconds(submission, settings) // WALL_TIME_GRANULARITY_SECONDS
    if minutes:
        words.append(f"--time={minutes}")
    memory = resources.get("memory_bytes") or settings.default_memory_bytes
    if memory:
        words.append(f"--mem={_rounded_up(memory, MEMORY_GRANULARITY_BYTES) // MEMORY_GRANULARITY_BYTES}M")
    if "cpu_cores" in resources:
        words.append(f"--cpus-per-task={int(resources['cpu_cores'])}")
    if resources.get("gpus"):
        words.append(f"--gres=gpu:{int(resources['gpus'])}")
    if slurm.requeue is not None:
        words.append("--requeue" if slurm.requeue else "--no-requeue")
    if parameters.get("exclusive"):
        words.append("--exclusive")
    named = {
        "partition": (resources.get("queue"), [one.name for one in offered(slurm, cluster)]),
        "account": (spec.get("project"), slurm.projects),
        "qos": (parameters.get("qos"), slurm.qos),
        "constraint": (parameters.get("constraint"), slurm.constraints),
    }
    for option, (name, known) in named.items():
        if name is None:
            continue
        if not SAFE_WORD.fullmatch(name) or (known is not None and name not in known):
            listed = f": there are {', '.join(known)}" if known else ""
            return Reason("submission-rejected", f"there is no {option} {name!r} here{listed}")
        words.append(f"--{option}={name}")
    return [*words, *slurm.options]


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


def _rounded_up(value: int, granularity: int) -> int:
    return -(-int(value) // granularity) * granularity
