"""A task as text: the script that a host's shell reads to run exactly one command. Pure.

The script runs with an empty environment and the time as its argument. It writes what it has come to into
files beside the working directory, which `sh/watcher.sh` reads: `start`, then `stage` (inputs, setup or
image, missing or command).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common_compute_connector.plan import TaskPlan

NO_SPACE = 73
"""The exit code of a task that could not write its records, and has not begun its command (EX_CANTCREAT)."""

MAX_STRING_BYTES = 131_071
"""Linux takes no longer argument, and no longer `NAME=value` (execve(2): MAX_ARG_STRLEN, with its NUL)."""

MAX_TOTAL_BYTES = 1_900_000
"""All arguments and the environment with their pointers: a quarter of the usual 8 MiB stack."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a command finds before its own environment: the facility's `PATH` and `LANG`, and the software.

    `setup` is shell text whose exported variables the command inherits.
    """

    path: str
    lang: str
    setup: str = ""


def quote(text: str | bytes) -> bytes:
    """Quote a word so that a POSIX shell takes it byte for byte; it must not hold a NUL."""
    raw = text.encode() if isinstance(text, str) else text
    return b"'" + raw.replace(b"'", b"'\\''") + b"'"


def too_long(plan: TaskPlan) -> str | None:
    """Say, in words, why no process could be given this command and environment, or None."""
    words = [len(word.encode()) for word in plan.command]
    variables = [len(name) + 1 + len(value.encode()) for name, value in plan.environment.items()]
    if max([*words, *variables]) > MAX_STRING_BYTES:
        return f"an argument or environment variable is longer than {MAX_STRING_BYTES} bytes"
    if sum(words) + sum(variables) + 9 * (len(words) + len(variables)) > MAX_TOTAL_BYTES:
        return f"command and environment together are longer than {MAX_TOTAL_BYTES} bytes"
    return None


def task_script(
    plan: TaskPlan,
    directory: str,
    surroundings: Surroundings,
    placing: Sequence[bytes] = (),
    start: Sequence[bytes] = (),
) -> bytes:
    """Write the script of a task.

    `directory` is the task's, absolute; `placing` puts its inputs into place. `start` is how the command is
    started if it runs in an image.
    """
    lines = [
        b"cd " + quote(f"{directory}/work") + b" || exit",
        _variable("PATH", surroundings.path),
        _variable("HOME", f"{directory}/work"),
        _variable("TMPDIR", f"{directory}/tmp"),  # noqa: S108  (the task's own)
        _variable("LANG", surroundings.lang),
        b"export PATH HOME TMPDIR LANG",
        _BEGIN,
        b"echo inputs >../stage || exit %d" % NO_SPACE,
        *placing,
        b"umask 022",
    ]
    if start:
        return b"\n".join([*lines, *start]) + b"\n"
    if surroundings.setup:
        # On lines of its own, for a comment or a here-document in it; its last status counts.
        lines += [
            b"echo setup 1<>../stage",
            b"{",
            surroundings.setup.encode(),
            b"} >/dev/null 2>../words || exit 1",
        ]
    own_path = plan.environment.get("PATH")
    lines += [
        b"search=" + (b"$PATH" if own_path is None else quote(own_path)),
        _LOOK,
        b"if look " + quote(plan.command[0]) + b"; then echo command; else echo missing; fi 1<>../stage",
        b" ".join([b"exec", *_argv(plan.command, plan.environment)]),
    ]
    return b"\n".join(lines) + b"\n"


_BEGIN = rb"""umask 077
began=$1
IFS= read -r stat </proc/$$/stat
set -- ${stat##*) }
printf '%s %s %s .\n' "$$" "${20}" "$began" >../start || exit NO_SPACE
set --
[ ! -e ../ending ] || exit 0""".replace(b"NO_SPACE", b"%d" % NO_SPACE)
"""The record that the task began comes first and the look for a reason to end afterwards: who cancels does it
the other way round, so that one of the two sees the other. A command of which nobody could know that it runs
must not: nothing could end it. Later records are written into the space of earlier ones."""

_LOOK = rb"""look() {
    case $1 in
    */*) [ -f "$1" ] && [ -x "$1" ] && return ;;
    *)
        IFS=:
        set -f
        for place in $search; do
            [ -f "${place:-.}/$1" ] && [ -x "${place:-.}/$1" ] && return
        done
        ;;
    esac
    return 1
}"""


def _argv(command: Sequence[str], environment: Mapping[str, str]) -> list[bytes]:
    """Give the words of env(1): not the shell sets the variables, since some of them mean something to it."""
    words = [b"/usr/bin/env", b"-u PWD -u OLDPWD -u SHLVL -u _"]
    words += [quote(f"{name}={value}") for name, value in environment.items()]
    if "=" in command[0]:
        # env would take such a name for a variable, and nice does not.
        words += [b"/usr/bin/nice -n 0 --"]
    return words + [quote(word) for word in command]


def _variable(name: str, value: str) -> bytes:
    return name.encode() + b"=" + quote(value)
