"""The words that podman and docker have in common, and how each of them is told a job's environment.

A variable is named alone (`--env NAME`) and handed down from the client's own environment, byte for byte and
out of everybody's sight; a file of variables can hold no newlines, and versions differ in what they take for
quotes in it. Those that the client itself would heed are given with their values.
"""

from __future__ import annotations

import re

from common_compute_rosetta.runtimes.box import DEVICE_VARIABLES, IDENTIFIER, TMP, WORK, Box, split

_KEPT = re.compile(
    r"HOME|PATH|USER|LOGNAME|TMPDIR|LANG|LC_.*|TZ|TERM|LD_.*|GLIBC_TUNABLES|MALLOC_.*|GCONV_PATH|LOCPATH|GO.*"
    r"|XDG_.*|DBUS_.*|NOTIFY_SOCKET|LISTEN_.*|SSL_.*|CONTAINER.*|DOCKER_.*|PODMAN_.*|BUILDAH_.*|STORAGE_.*"
    r"|REGISTRY_.*|SUDO_.*|_.*|CC_.*"
)
"""What the clients, their language's own library, the loader or our own watcher would heed outside."""


def environment_words(box: Box) -> tuple[dict[str, str], list[str]]:
    """Give the client's variables and its words: a name that it would not take comes with the image."""
    sound = {name: value for name, value in box.environment.items() if IDENTIFIER.fullmatch(name)}
    handed, kept = split(sound, _KEPT)
    words = [f"--env={name}" for name in (*handed, *(n for n in DEVICE_VARIABLES if n not in sound))]
    return handed, [*words, *(f"--env={name}={value}" for name, value in kept.items())]


def common_words(box: Box) -> list[str]:
    """Give the words of `run`: the host's network and processes, and a root file system that stays as it is.

    Among the host's processes a signal ends a command as it does elsewhere; as the first of its own
    processes it would be spared.
    """
    return [
        *("--network=host", "--pid=host", "--read-only", "--security-opt=label=disable"),
        *("--entrypoint=", "--no-healthcheck", f"--workdir={WORK}"),
        f"--mount=type=bind,src={box.work},dst={WORK}",
        f"--mount=type=bind,src={box.tmp},dst={TMP}",
        # Their own is too small for programs that share memory.
        "--mount=type=bind,src=/dev/shm,dst=/dev/shm",
    ]
