"""Podman without root. Written for 4.3.1 and run with it.

https://docs.podman.io/en/v4.3/markdown/podman-run.1.html. The caller appears as root inside, so no range of
further user ids is needed, and what the command writes belongs to the caller. The container stays in the
cgroup that its task is in, where a scheduler's limits hold. Exit codes 125 to 127 are podman's own if the
container never had a process, as the missing `--pidfile` tells; a death by signal n is exit code 128+n.
"""

from __future__ import annotations

from common_compute_rosetta.process import quote
from common_compute_rosetta.runtimes.box import Box, Launch
from common_compute_rosetta.runtimes.engine import common_words, environment_words

NAME = "podman"


def run_directory(uid: int) -> str:
    """Give where podman keeps what runs: what the login session has goes away with it, and jobs stay."""
    return f"/tmp/common-compute-{uid}"  # noqa: S108  (`sh/pull.sh` and the script see whose it is)


def global_words(images: str) -> tuple[str, ...]:
    """Give the words before the verb: a store of our own, and nothing asked of systemd."""
    return (f"--root={images}/podman", "--cgroup-manager=cgroupfs")


def own_variables(home: str, uid: int, authorities: str) -> dict[str, str]:
    """Give the variables of podman's own process."""
    own = {"HOME": home, "XDG_RUNTIME_DIR": run_directory(uid), "STORAGE_DRIVER": "overlay"}
    return own | ({"SSL_CERT_FILE": authorities} if authorities else {})


def launch(box: Box) -> Launch:
    """Give the words of `podman run`."""
    host = box.host
    handed, variables = environment_words(box)
    words = [
        *global_words(host.images),
        *(
            "run",
            "--rm",
            "--pull=missing",
            "--log-driver=passthrough",
            "--systemd=false",
            "--http-proxy=false",
        ),
        *("--user=0:0", "--image-volume=ignore", f"--pidfile={box.task}/runtime"),
        *common_words(box),
        *variables,
        box.image.place,
    ]
    own = own_variables(host.account.home, host.account.uid, host.authorities)
    return Launch(
        {**handed, **own},
        (host.program, *words, *box.command),
        before=_BEFORE.replace(b"DIRECTORY", quote(run_directory(host.account.uid))),
        after=_AFTER,
    )


_BEFORE = rb"""runs=DIRECTORY
mkdir -m 700 "$runs" 2>/dev/null
if [ -L "$runs" ] || [ ! -d "$runs" ] || [ ! -O "$runs" ]; then
    echo "$runs is somebody else's" >../words
    exit 1
fi"""

_AFTER = rb"""if [ ! -s ../runtime ]; then
    case $code in
    126 | 127) echo missing 1<>../stage ;;
    *)
        echo image 1<>../stage
        echo 'podman could not run the image; its words are in stderr' >../words
        ;;
    esac
fi"""
