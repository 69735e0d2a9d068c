"""What a probe tells of Slurm: lines of `sh/slurm/probe.sh` into a cluster with its partitions. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common_compute_rosetta.records import Garbled, closed_lines
from common_compute_rosetta.slurm_settings import SAFE_WORD

_MIB = 1024 * 1024
_DAY = 86_400
_DURATION = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)")
_GPUS = re.compile(r"\bgpu(?::[^:,()]+)?:(\d+)")
_NODE_IS_OF_USE = (
    "idle",
    "mixed",
    "allocated",
    "completing",
    "reserved",
    "planned",
    "powering_up",
    "powered_down",
)


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition: its limits, of which None is none, and the most that one of its nodes has."""

    name: str
    default: bool = False
    up: bool = True
    max_wall_time_seconds: int | None = None
    default_wall_time_seconds: int | None = None
    cores: int = 0
    memory_bytes: int = 0
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Slurm as an account finds it.

    `accounting` tells whether Slurm keeps books; `max_array_tasks` is what one of its arrays may hold;
    `kill_wait_seconds` passes between Slurm's first signal to a job and its last.
    """

    account: str
    uid: int
    version: str
    partitions: Sequence[Partition]
    accounting: bool = False
    max_array_tasks: int = 1000
    kill_wait_seconds: int = 30
    memory_enforced: bool = False
    cores_enforced: bool = False


def read_cluster(stdout: bytes) -> Cluster:
    """Read the answer of `sh/slurm/probe.sh`.

    Raises:
        Garbled: it is none.
    """
    told: dict[str, str] = {}
    config: dict[str, str] = {}
    partitions: list[Mapping[str, str]] = []
    nodes: list[list[str]] = []
    for line in closed_lines(stdout):
        word, _, rest = line.partition("\t")
        if word == "config":
            name, _, value = rest.partition("\t")
            config[name] = value.strip()
        elif word == "partition":
            partitions.append(dict(pair.partition("=")[::2] for pair in rest.split(" ")))
        elif word == "nodes":
            nodes.append(rest.split("|"))
        else:
            told[word] = rest
    try:
        return Cluster(
            account=told["slurm_account"],
            uid=int(told["slurm_uid"]),
            version=config.get("SLURM_VERSION", "unknown"),
            partitions=[
                _partition(one, nodes) for one in partitions if SAFE_WORD.fullmatch(one["PartitionName"])
            ],
            accounting=config.get("AccountingStorageType") not in _NO_BOOKS,
            max_array_tasks=int(config.get("MaxArraySize", "1001")),
            kill_wait_seconds=int(config.get("KillWait", "30").split(" ")[0]),
            memory_enforced=_memory_is_enforced(config),
            cores_enforced=_cores_are_enforced(config),
        )
    except (KeyError, ValueError) as error:
        raise Garbled(f"the probe's answer about Slurm lacks {error}") from error


_NO_BOOKS = (None, "accounting_storage/none", "(null)")


def read_duration(text: str) -> int | None:
    """Read Slurm's `[DAYS-][HOURS:]MINUTES:SECONDS`; anything else, such as UNLIMITED, is no limit."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(piece or 0) for piece in found.groups())
    return days * _DAY + hours * 3600 + minutes * 60 + seconds


def _partition(told: Mapping[str, str], nodes: Sequence[Sequence[str]]) -> Partition:
    name = told["PartitionName"]
    own = [node for node in nodes if len(node) == 6 and node[0] == name]
    memory = max((_number(node[2]) for node in own), default=0)
    most = told.get("MaxMemPerNode", "")
    if most.isdecimal() and int(most):
        memory = min(memory, int(most))
    return Partition(
        name=name,
        default=told.get("Default") == "YES",
        up=told.get("State") == "UP" and any(_of_use(node[5]) for node in own),
        max_wall_time_seconds=read_duration(told.get("MaxTime", "")),
        default_wall_time_seconds=read_duration(told.get("DefaultTime", "")),
        cores=max((_number(node[1]) for node in own), default=0),
        memory_bytes=memory * _MIB,
        gpus=max((sum(map(int, _GPUS.findall(node[3]))) for node in own), default=0),
    )


def _number(text: str) -> int:
    """Read a size; a plus behind it says that some have more."""
    return int(text.rstrip("+") or 0)


def _of_use(state: str) -> bool:
    return state.rstrip("*~#!%$@^-+") in _NODE_IS_OF_USE


def _memory_is_enforced(config: Mapping[str, str]) -> bool:
    """Tell whether jobs are held to their memory, as far as the configuration shows that."""
    by_cgroup = "cgroup" in config.get("TaskPlugin", "") and config.get("ConstrainRAMSpace") == "yes"
    return by_cgroup or "OverMemoryKill" in config.get("JobAcctGatherParams", "")


def _cores_are_enforced(config: Mapping[str, str]) -> bool:
    plugins = config.get("TaskPlugin", "")
    return "affinity" in plugins or ("cgroup" in plugins and config.get("ConstrainCores") == "yes")
