"""Docker's command line. Written after its documentation (28.2); its words were run with podman only.

https://docs.docker.com/reference/cli/docker/container/run/. The daemon starts the container, so it is no
child of the task and in no cgroup of a scheduler's. Its owner is the caller's user id, or root where the
daemon has no root of its own. Exit codes 125 to 127 are docker's own if the container never started.
"""

from __future__ import annotations

from common_compute_rosetta.process import quote
from common_compute_rosetta.runtimes.box import Box, Launch
from common_compute_rosetta.runtimes.engine import common_words, environment_words

NAME = "docker"

LABEL = "common-compute"
"""By which containers that were left behind are found."""


def launch(box: Box) -> Launch:
    """Give the words of `docker run`."""
    account = box.host.account
    user = "0:0" if box.host.rootless else f"{account.uid}:{account.gid}"
    handed, variables = environment_words(box)
    words = [
        *("run", f"--name={box.name}", f"--label={LABEL}", "--pull=never", "--log-driver=none"),
        *(f"--user={user}", "--tmpfs=/run", "--tmpfs=/var/tmp"),
        *common_words(box),
        *variables,
        box.image.place,
    ]
    remove = quote(box.host.program) + b" rm --force --volumes " + quote(box.name) + b" >/dev/null 2>&1"
    after = _AFTER.replace(b"DOCKER", quote(box.host.program)).replace(b"NAME", quote(box.name))
    return Launch(
        {**handed, "HOME": account.home},
        (box.host.program, *words, *box.command),
        before=remove,
        after=after + b"\n" + remove,
    )


_AFTER = rb"""case $code in
12[567])
    case $(DOCKER inspect --format '{{.State.StartedAt}}' NAME 2>/dev/null) in
    '' | 0001-*)
        if [ $code = 125 ]; then
            echo image 1<>../stage
            echo 'docker could not run the image; its words are in stderr' >../words
        else
            echo missing 1<>../stage
        fi
        ;;
    esac
    ;;
esac"""
