"""One API, two worlds: the tables of both connectors, from their own data and their own functions."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import FacilityConfiguration, Part, PartKey, Submission
from common_compute_dirac import jdl
from common_compute_dirac import settings as dirac_settings
from common_compute_dirac import states as dirac_states
from common_compute_rosetta import configuration as rosetta_configuration
from common_compute_rosetta import slurm_batch, slurm_states
from common_compute_rosetta.slurm_probe import Cluster, Partition
from common_compute_website import contract, requirements
from common_compute_website.contract import Node
from common_compute_website.markdown import json_text, table

PAGE = "worlds/index.md"
ROSETTA, DIRAC = "ssh cluster", "mock dirac"
"""The certificates whose facilities are printed; a test holds the latter's flavour against the connector."""

_ELSEWHERE = ("resources", "reason_codes", "status", "name", "description")
"""Members of a facility that have tables of their own, or are for people."""

_SUPPORT = {
    "enforced": "the facility holds the job to it",
    "advisory": "a wish: it chooses where the job runs, and nothing holds the job to it",
    "unsupported": "impossible: a job that asks for it is 422",
}


@cache
def members() -> Mapping[str, Node]:
    """Give the members of a job specification, with values to ask by and words."""
    return dict(yaml.safe_load(Path(__file__).with_name("worlds.yaml").read_text(encoding="utf-8")))


def table_of_states() -> str:
    """Give each native state with ours, and the reason where the state is one."""
    rows = []
    for ours in contract.schemas()["JobState"]["enum"]:
        slurm = [
            name for name, state in slurm_states.GOING_ON.items() if state is not None and state.value == ours
        ]
        slurm += [name for name in slurm_states.ENDED if ours in _ends(name)]
        dirac = [name for name, state in dirac_states.LIVE.items() if state.value == ours]
        dirac += [name for name, state in dirac_states.ENDED.items() if state.value == ours]
        if ours == "failed":
            dirac.insert(0, "Done")
        rows.append((f"`{ours}`", _codes(slurm), _codes(dirac)))
    return table(("here", "Slurm", "DIRAC"), rows)


def _ends(slurm: str) -> tuple[str, ...]:
    if slurm == "COMPLETED":
        return ("succeeded", "failed")
    return ("cancelled",) if slurm == "CANCELLED" else ("failed",)


def _codes(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none: the service alone has the job"


def table_of_reasons() -> str:
    """Give each reason with what it is made of in either world, and whether the facility can tell it."""
    slurm: dict[str, list[str]] = defaultdict(list)
    for name, code in slurm_states.ENDED.items():
        if code is not None:
            slurm[code].append(f"`{name}`")
    dirac: dict[str, list[str]] = defaultdict(list)
    for words, code in dirac_states.WORDS_OF_REASONS:
        dirac[code].append(f"“{words}”")
    rosetta_tells = facility(ROSETTA)["reason_codes"]
    return table(
        ("reason", "Slurm", "DIRAC"),
        [
            (
                f"`{each['code']}`",
                _told(each["code"] in rosetta_tells, slurm[each["code"]]),
                _told(each["code"] in dirac_states.REASON_CODES, dirac[each["code"]]),
            )
            for each in contract.version().openapi["x-reason-codes"]
        ],
    )


def _told(is_told: bool, native: list[str]) -> str:
    if not is_told and not native:
        return "cannot be told"
    return ", ".join(native) or "yes, from our own records"


def table_of_members() -> str:
    """Give the members of a job, with what the connectors make of each."""
    rows = []
    for name, each in members().items():
        spec = _spec(name, each["give"])
        written = {"rosetta": _more(_slurm, spec), "dirac": _more(_dirac, spec)}
        rows.append(
            (
                f"`{name}`",
                *(
                    _cell(world, name, written[world], each.get(world) or each.get("both"))
                    for world in written
                ),
            )
        )
    return table(("member of a job", "Rosetta: a cluster over SSH", "DIRAC: a grid"), rows)


def table_of_support() -> str:
    """Give what either facility makes of the resources that a job may ask for."""
    rosetta, dirac = facility(ROSETTA)["resources"], facility(DIRAC)["resources"]
    return table(
        ("resource", "Rosetta", "DIRAC"),
        [
            (f"`{name}`", _SUPPORT[rosetta[name]["support"]], _SUPPORT[dirac[name]["support"]])
            for name in contract.schemas()["Resources"]["properties"]
        ],
    )


def table_of_facilities() -> str:
    """Give the two facilities' documents, member by member."""
    rosetta, dirac = facility(ROSETTA), facility(DIRAC)
    rows = [
        (f"`{name}`", _value(rosetta.get(name)), _value(dirac.get(name)))
        for name in contract.schemas()["Facility"]["properties"]
        if name not in _ELSEWHERE
    ]
    return table(("member of a facility", "Rosetta", "DIRAC"), rows)


def facility(name: str) -> Node:
    """Give the document of the facility that a certificate is about."""
    (found,) = (each for each in requirements.certificates() if each.name == name)
    return dict(found.document["target"]["facility"])


def _value(value: Any) -> str:
    if value is None:
        return "absent"
    if value == []:
        return "none"
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(f"`{each}`" for each in value)
    if isinstance(value, list):
        return ", ".join(f"`{each.get('name', json_text(each))}`" for each in value)
    return "; ".join(_pairs(value))


def _pairs(value: Mapping[str, Any]) -> Iterator[str]:
    for name, each in value.items():
        if name == "properties":
            yield ", ".join(f"`{member}`" for member in each)
        elif name in ("instructions", "type", "additionalProperties"):
            continue
        elif isinstance(each, dict):
            yield f"{name} `{each.get('image') or each.get('name')}`"
        else:
            yield f"{name} `{each}`"


def _cell(world: str, name: str, written: list[str], words: str | None) -> str:
    resource = name.partition("resources.")[2]
    support = facility(ROSETTA if world == "rosetta" else DIRAC)["resources"].get(resource, {}).get("support")
    told = [", ".join(f"`{line}`" for line in written)] if written else []
    told += [words] if words else []
    if support and support != "enforced":
        told.append("a wish only" if support == "advisory" else "422 where it is not announced")
    return "; ".join(told)


def _spec(name: str, value: Any) -> Node:
    outer, _, inner = name.partition(".")
    return {outer: {inner: value} if inner else value}


def _more(write: Any, spec: Node) -> list[str]:
    """Give the lines that a member adds to what a connector writes without it."""
    before = write({})
    return [line for line in write(spec) if line not in before]


def _part(count: int) -> Part:
    return Part(PartKey("job", 0), "anna", 0, count)


def _slurm(spec: Node) -> list[str]:
    count = spec.get("array", {}).get("count", 1)
    slurm = {"qos": ["long"], "projects": ["heritage"]}
    settings = rosetta_configuration.read_settings(
        FacilityConfiguration("cluster", "ssh", {"root": "/r", "slurm": slurm})
    )
    queues = [
        Partition(each["name"], each["default"], max_wall_time_seconds=86_400)
        for each in facility(ROSETTA)["queues"]
    ]
    cluster = Cluster("anna", 1000, "22.05.8", queues)
    told = slurm_batch.options(Submission(_part(count), spec, count), settings, cluster, "service")
    assert not isinstance(told, Reason), told
    return told


def _dirac(spec: Node) -> list[str]:
    count = spec.get("array", {}).get("count", 1)
    text = jdl.description(_settings_of_dirac(), "service", PartKey("job", 0), count, spec)
    return [line.rstrip(";") for line in text.splitlines()]


@cache
def _settings_of_dirac() -> dirac_settings.Settings:
    with tempfile.NamedTemporaryFile() as file:  # what is asked of a key is that nobody else can read it
        table: dict[str, Any] = {
            "interpreter": "/bin/sh",
            "configuration_server": ["dips://dirac.example.org:9135/Configuration/Server"],
            "ca_directory": "/",
            "vo": "vo.example.org",
            "group": "user",
            "certificate": file.name,
            "key": file.name,
            "subject_rule": "/DC=org/DC=example/CN={caller}",
        }
        return dirac_settings.read_settings(FacilityConfiguration("grid", "dirac", table))
