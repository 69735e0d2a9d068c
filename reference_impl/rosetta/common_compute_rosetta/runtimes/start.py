"""The last lines of a task's script: the command, started in an image. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from common_compute_connector.plan import TaskPlan
from common_compute_rosetta.process import Surroundings, quote
from common_compute_rosetta.runtimes.box import DEFAULT_PATH, Box, Image, Launch, Surrounds, inside
from common_compute_rosetta.runtimes.found import Runtime, Store

_TOOLS_PATH = DEFAULT_PATH
"""Where runtimes find what they call on the host."""


@dataclass(frozen=True, slots=True)
class Container:
    """An image that a part's tasks run in, by a runtime of their host."""

    runtime: Runtime
    image: Image
    host: Surrounds


def start_lines(
    container: Container,
    plan: TaskPlan,
    directory: str,
    surroundings: Surroundings,
    gpus: int,
    name: str,
) -> list[bytes]:
    """Give the lines that start a task's command in its image.

    `directory` is the task's, `name` nobody else's.

    A command that is not there is found out before the runtime is asked, as far as the image can be seen
    from outside; else the runtime's own verdict is read off behind it.
    """
    image, runtime = container.image, container.runtime
    box = Box(
        image=image,
        host=container.host,
        task=directory,
        name=name,
        command=plan.command,
        environment=inside(image, plan.environment, surroundings.lang),
        gpus=gpus,
    )
    launch = runtime.launch(box)
    lines = [b"echo image 1<>../stage"]
    if not launch.in_place:
        # From here on only the command's own processes count, and not what calls it into being.
        lines.append(b": >../apart")
    if runtime.store in (Store.TREE, Store.FILE):
        lines.append(_HERE.replace(b"PLACE", quote(image.place)))
    lines.append(launch.before)
    if runtime.store is Store.TREE:
        lines += [
            b"root=" + quote(image.place),
            b"search=" + quote(box.environment["PATH"]),
            _text("root.sh"),
            _MISSING.replace(b"COMMAND", quote(box.command[0])),
        ]
    return [line for line in [*lines, *_run(launch)] if line]


def _run(launch: Launch) -> list[bytes]:
    if launch.in_place:
        return [b"echo command 1<>../stage", b" ".join([b"exec", *_words(launch)])]
    lines = []
    run = _words(launch)
    if launch.arguments:
        # printf is the shell's own, which no length of its arguments holds up.
        lines.append(b" ".join([rb"printf '%s\0'", *map(quote, launch.arguments), b">../arguments"]))
        run.append(b"8>../runtime 9<../arguments")
    return [
        *lines,
        b"echo command 1<>../stage",
        b" ".join(run),
        b"code=$?",
        launch.after,
        b"exit $code",
    ]


def _words(launch: Launch) -> list[bytes]:
    words = [b"/usr/bin/env", b"-u PWD -u OLDPWD -u SHLVL -u _"]
    variables = {"PATH": _TOOLS_PATH, **launch.variables}
    words += [quote(f"{name}={value}") for name, value in variables.items()]
    return words + [quote(word) for word in launch.words]


_HERE = rb"""if [ ! -e PLACE ]; then
    echo 'the image is not on this host any more' >../words
    exit 1
fi"""

_MISSING = rb"""if ! look COMMAND; then
    echo missing 1<>../stage
    printf '%s: there is no such command in the image\n' COMMAND >&2
    exit 127
fi"""


@cache
def _text(name: str) -> bytes:
    return files("common_compute_rosetta").joinpath("sh", name).read_bytes().rstrip(b"\n")


def unfit(container: Container, plans: Sequence[TaskPlan]) -> str | None:
    """Say, in words, why a runtime cannot start one of these, or None."""
    limit = container.runtime.max_variables
    if limit is not None and any(len(plan.environment) > limit for plan in plans):
        return f"{container.runtime.name} takes {limit} environment variables at most"
    return None
