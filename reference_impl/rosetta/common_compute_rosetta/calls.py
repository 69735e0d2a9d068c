"""The text of each remote call: shell functions from `sh/`, what to work on, and the payload behind. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from common_compute_rosetta.process import quote

Argument = str | int | bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A command for a transport."""

    argv: Sequence[str]
    stdin: bytes


@dataclass(frozen=True, slots=True)
class Site:
    """Where a service's directory is on a host, and how tasks are run there.

    `reads_beyond` if `head -c` takes more from a stream there than it gives, as busybox's does.
    """

    base: str
    shell: str
    reaper: str = "none"
    max_running: int = 1
    reads_beyond: bool = False


def compose(
    verb: str,
    site: Site,
    *,
    variables: Mapping[str, Argument] | None = None,
    lines: Iterable[Sequence[Argument]] = (),
    payload: bytes = b"",
) -> Call:
    """Make the call of `sh/VERB.sh` with variables set; `lines` (a function and its words) are its `parts`.

    What the verb builds on is sent before it.

    The shell reads the script before it runs any of it, so a stream that was cut does nothing; what follows
    the script is the standard input of what it runs.
    """
    settings: dict[str, Argument] = {
        "BASE": site.base,
        "SHELL_PATH": site.shell,
        "REAPER": site.reaper,
        "MAX_RUNNING": site.max_running,
        "WATCHER": watcher_name(),
        **(variables or {}),
    }
    if verb in _NEEDS_WATCHER:
        settings["WATCHER_TEXT"] = watcher()
    if verb == "slurm/submit":
        settings |= {"BEGINNING": beginning_name(), "BEGINNING_TEXT": beginning()}
    script = b"\n".join(
        [
            *([_text("slurm/environment.sh")] if verb.startswith("slurm/") else []),
            *(name.encode() + b"=" + _word(value) for name, value in settings.items()),
            _text("lines.sh"),
            _text("processes.sh"),
            _text("lanes.sh"),
            *(_text(name) for name in _BUILT_ON.get(verb, ())),
            _text(f"{verb}.sh"),
            b"parts() {",
            b":",
            *(b" ".join([str(line[0]).encode(), *map(_word, line[1:])]) for line in lines),
            b"}",
            b"main",
        ]
    )
    # The whole script is one compound command: a piece of it is a syntax error, not a smaller script.
    whole = b"{\n" + script + b"\nexit\n}\n"
    # Short and of one line, for any login shell; not one byte more is read, where something follows.
    reading = f"head -c {len(whole)}"
    if payload and site.reads_beyond:
        reading = f"dd bs=1 count={len(whole)} 2>/dev/null"
    argv = [site.shell, "-c", f'eval "$({reading})"']
    return Call(argv, whole + payload)


_NEEDS_WATCHER = ("submit", "mend", "cancel", "slurm/submit")

_BUILT_ON = {
    "submit": ("incoming.sh",),
    "slurm/submit": ("incoming.sh", "slurm/commands.sh", "slurm/native.sh"),
    "slurm/find": ("slurm/commands.sh", "slurm/native.sh"),
    "slurm/observe": ("slurm/commands.sh",),
    "slurm/cancel": ("slurm/commands.sh",),
    "slurm/probe": ("runtimes.sh", "probe.sh", "slurm/commands.sh"),
    "probe": ("runtimes.sh",),
    "staging": ("moving.sh",),
    "sending": ("moving.sh",),
}


@cache
def watcher() -> bytes:
    """Give the watcher's text."""
    return b"\n".join(map(_text, ("lines.sh", "processes.sh", "slurm/task.sh", "watcher.sh")))


@cache
def watcher_name() -> str:
    """Give the watcher's file name: another text has another name, and both may be at work."""
    return f"watcher.{_digest(watcher())}"


@cache
def beginning() -> bytes:
    """Give the text that the script of a job of Slurm's reads in."""
    program = b"RUN=" + quote(_without_comments(_text("slurm/run.pl")))
    texts = map(_text, ("lines.sh", "slurm/native.sh", "slurm/begin.sh"))
    return b"\n".join([program, *map(_without_comments, texts)])


@cache
def beginning_name() -> str:
    """Give the name of its file, as for the watcher."""
    return f"slurm.{_digest(beginning())}"


def _without_comments(text: bytes) -> bytes:
    """Leave out the lines that are comments: this text is read anew by every task."""
    return b"\n".join(line for line in text.splitlines() if not line.lstrip().startswith(b"#"))


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:12]


@cache
def _text(name: str) -> bytes:
    return files("common_compute_rosetta").joinpath("sh", name).read_bytes()


def _word(value: Argument) -> bytes:
    return str(value).encode() if isinstance(value, int) else quote(value)
