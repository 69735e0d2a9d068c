"""The runtimes that a host has, out of the programs that a probe found there, and those that are offered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from common_compute_rosetta.runtimes import apptainer, bubblewrap, charliecloud, docker, podman
from common_compute_rosetta.runtimes.box import Account, Box, Launch


class Store(StrEnum):
    """In which form a host keeps images: what one runtime pulled another of the same form can run."""

    TREE = "tree"
    FILE = "file"
    PODMAN = "podman"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime as it was found: `formats` are those of the contract that it can be given there.

    `puller` is the tool that gets its images from a registry.
    """

    name: str
    version: str
    program: str
    store: Store
    puller: str
    formats: tuple[str, ...]
    launch: Callable[[Box], Launch]
    exact_signals: bool = False
    rootless: bool = True
    max_variables: int | None = None

    @property
    def unpacker(self) -> str:
        """Name the tool that makes an image of an archive."""
        return _SKOPEO if self.store is Store.TREE else self.puller


@dataclass(frozen=True, slots=True)
class Program:
    """A program that a probe found: its version as it tells it, and its absolute path."""

    version: str
    path: str


NAMES = (
    charliecloud.NAME,
    podman.NAME,
    apptainer.APPTAINER,
    apptainer.SINGULARITY,
    bubblewrap.NAME,
    docker.NAME,
)
"""All runtimes, in the order in which they are preferred."""

UNSAFE_SIGNS = (":", ",", '"', "\\", "\n", "\t")
"""What has a meaning in the words by which runtimes are told what to mount where."""

_SKOPEO = "skopeo"

_NO_EVAL = {apptainer.APPTAINER: (1, 1), apptainer.SINGULARITY: (3, 10)}
"""The first versions that do not let a shell read the values of variables."""


def read_account(told: Mapping[str, str]) -> Account | None:
    """Read whose account a probe ran in."""
    match told.get("account", "").split(" ", 3):
        case [uid, gid, name, home] if uid.isdecimal() and gid.isdecimal():
            return Account(name, int(uid), int(gid), home)
    return None


def read_programs(pairs: Iterable[Sequence[str]]) -> dict[str, Program]:
    """Read the lines `program` of a probe: name, path and version with tabs between."""
    programs = {}
    for name, value in (pair for pair in pairs if len(pair) == 2):
        if name == "program":
            program, path, version = [*value.split("\t", 2), "", ""][:3]
            programs[program] = Program(version, path)
    return programs


def runtimes_of(programs: Mapping[str, Program]) -> tuple[Runtime, ...]:
    """Say which runtimes work with these programs, by preference."""
    found = {runtime.name: runtime for runtime in _runtimes(programs) if runtime.formats}
    return tuple(found[name] for name in NAMES if name in found)


def _runtimes(programs: Mapping[str, Program]) -> Iterable[Runtime]:
    has = programs.keys()
    fetches = {"curl", "sha256sum"} <= has
    archives = ("docker-archive", "oci-archive") if fetches else ()
    trees = ("oci", *archives) if {_SKOPEO, "umoci"} <= has else ()
    if {"ch-run", "userns"} <= has:
        puller = "ch-image" if {"ch-image", "sha256sum"} <= has else _SKOPEO
        formats = trees or (("oci",) if puller == "ch-image" else ())
        yield Runtime(
            charliecloud.NAME,
            *_found(programs["ch-run"]),
            store=Store.TREE,
            puller=puller,
            formats=formats,
            launch=charliecloud.launch,
            exact_signals=True,
        )
    if "bwrap" in has:
        yield Runtime(
            bubblewrap.NAME,
            *_found(programs["bwrap"]),
            store=Store.TREE,
            puller=_SKOPEO,
            formats=trees,
            launch=bubblewrap.launch,
            max_variables=bubblewrap.MAX_VARIABLES,
        )
    if "podman" in has:
        yield Runtime(
            podman.NAME,
            *_found(programs["podman"]),
            store=Store.PODMAN,
            puller=podman.NAME,
            formats=("oci", *archives),
            launch=podman.launch,
        )
    for name, first in _NO_EVAL.items():
        if name in has and number(programs[name].version) >= first and (_SKOPEO in has or fetches):
            yield Runtime(
                name,
                *_found(programs[name]),
                store=Store.FILE,
                puller=apptainer.APPTAINER,
                formats=("oci", "sif", *archives) if fetches else ("oci",),
                launch=apptainer.launch,
                exact_signals=True,
            )
    if "docker" in has:
        yield Runtime(
            docker.NAME,
            *_found(programs["docker"]),
            store=Store.DOCKER,
            puller=docker.NAME,
            formats=("oci", *archives[:1]),
            launch=docker.launch,
            rootless=programs["docker"].version.endswith("rootless"),
        )


def _found(program: Program) -> tuple[str, str]:
    return ".".join(map(str, number(program.version))) or "unknown", program.path


def number(version: str) -> tuple[int, ...]:
    """Find the number in what a program says of its version."""
    digits = re.search(r"\d+(\.\d+)*", version)
    return tuple(map(int, digits[0].split("."))) if digits else ()


def offered(found: Sequence[Runtime], wanted: Sequence[str] | None, directory: str) -> tuple[Runtime, ...]:
    """Give the runtimes that were found and that the settings name, in the settings' order.

    None can mount a directory in whose name a sign means something to one of them.
    """
    if any(sign in directory for sign in UNSAFE_SIGNS):
        return ()
    if wanted is None:
        return tuple(found)
    return tuple(runtime for name in wanted for runtime in found if runtime.name == name)


def used(runtimes: Sequence[Runtime]) -> list[Runtime]:
    """Give the runtimes that come to be used: the first one for each format."""
    formats = {image_format for runtime in runtimes for image_format in runtime.formats}
    chosen = [choose(runtimes, image_format) for image_format in formats]
    return [runtime for runtime in runtimes if runtime in chosen]


def choose(runtimes: Sequence[Runtime], image_format: str) -> Runtime | None:
    """Take the first runtime that takes images of a format."""
    return next((runtime for runtime in runtimes if image_format in runtime.formats), None)
