"""A command and the image that it is to run in, and what a runtime makes of the two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

WORK = "/cc/work"
"""Where a task's working directory is inside: a place that no image has anything at."""

TMP = "/tmp"  # noqa: S108  (the task's own, mounted there)

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What runtimes take where neither the image nor the job has a `PATH`."""

DEVICE_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
)
"""What a scheduler may say in a task's environment about devices; it holds inside, too."""

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Account:
    """The account that jobs run in, as its host knows it."""

    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is there: `place` is a directory, a file or a name, as its runtime takes it.

    `variables` is its environment; None where only the runtime knows it. `kept_as` is what its host calls it.
    """

    digest: str
    place: str
    kept_as: str
    variables: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Surrounds:
    """What a runtime finds on a host: its program, the account, where it keeps what, and whom it trusts."""

    program: str
    account: Account
    images: str
    authorities: str = ""
    rootless: bool = True


@dataclass(frozen=True, slots=True)
class Box:
    """A command about to run in an image: `environment` is all that it gets, `task` its directory outside."""

    image: Image
    host: Surrounds
    task: str
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    gpus: int = 0

    @property
    def work(self) -> str:
        """Give the working directory, outside."""
        return f"{self.task}/work"

    @property
    def tmp(self) -> str:
        """Give the directory for what is temporary, outside."""
        return f"{self.task}/tmp"  # noqa: S108  (the task's own)


@dataclass(frozen=True, slots=True)
class Launch:
    """How a runtime starts a command: `variables` are the runtime's own environment, `words` its argv.

    `arguments` is more of it that must not stand where everybody on the host can read it: the runtime reads
    it from descriptor 9, each ended by a NUL. `before` and `after` are shell text around it: `after` finds
    the exit code in `code`. `in_place` says that the command takes the place of the runtime's process, so
    that its end is seen as it is.
    """

    variables: Mapping[str, str] = field(repr=False)
    words: tuple[str, ...] = field(repr=False)
    arguments: tuple[str, ...] = field(default=(), repr=False)
    before: bytes = b""
    after: bytes = b""
    in_place: bool = False


def inside(image: Image, own: Mapping[str, str], lang: str) -> dict[str, str]:
    """Give a command's environment: the image's, under what the contract fixes, under the job's own."""
    fixed = {"HOME": WORK, "TMPDIR": TMP}
    if image.variables is None:
        return fixed | dict(own)
    return {"PATH": DEFAULT_PATH, "LANG": lang} | dict(image.variables) | fixed | dict(own)


def split(environment: Mapping[str, str], kept: re.Pattern[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Part an environment: what a runtime can hand down from its own, and what would change its ways."""
    handed = {name: value for name, value in environment.items() if not kept.fullmatch(name)}
    return handed, {name: value for name, value in environment.items() if name not in handed}


def read_variables(config: object) -> dict[str, str]:
    """Read `Env` of an image's configuration (OCI image specification, config.md), but what is odd in it."""
    inner = config.get("config", config) if isinstance(config, dict) else {}
    entries = inner.get("Env") if isinstance(inner, dict) else None
    return dict(_variables(entries if isinstance(entries, list) else []))


def _variables(entries: list[object]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if isinstance(entry, str) and "\0" not in entry:
            name, separator, value = entry.partition("=")
            if name and separator:
                yield name, value
