"""A command in an image: how the worker's runtime is told, for the two that grids have.

Charliecloud: ch-run(1), written for 0.31 and run with it. Its process becomes the command's.
https://hpc.github.io/charliecloud/ch-run.html

Apptainer: written after its documentation (1.4) and never run by us. Its process waits for the command's,
hands signals on, dies as the command did, and ends with 255 where it cannot execute the command.
https://apptainer.org/docs/user/1.4/cli/apptainer_exec.html
"""

from __future__ import annotations

import ctypes
import os
import pwd
import re
import shutil
from typing import Any

from common_compute_dirac.payload.image_tree import ImageTree
from common_compute_dirac.payload.images import find_image, variables_of
from common_compute_dirac.payload.processes import Stopped, not_found

WORK = b"/cc/work"
"""Where the working directory is inside: a place that no image has anything at."""
_OTHER_WORKS = (b"/mnt", b"/media", b"/srv", b"/home")
"""Where it may be instead, if there is an empty directory: Charliecloud makes none."""
_TMP = b"/tmp"
_DEFAULT_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SYSTEM = (b"/dev", b"/proc", b"/sys")
_UNSAFE = frozenset(b':,"\\\n')
"""What has a meaning in the words by which runtimes are told what to mount where."""
_CLONE_NEWUSER = 0x10000000

_CHARLIECLOUD_KEEPS = re.compile(
    rb"PATH|HOME|USER|TMPDIR|LD_.*|CH_.*|GLIBC_TUNABLES|MALLOC_.*|GCONV_PATH|LOCPATH"
)
"""What ch-run, or the loader that starts it, would heed on the worker."""

_APPTAINER_KEEPS = re.compile(
    rb"HOME|UID|GID|PWD|OLDPWD|IFS|OPTIND|OPTARG|SHLVL|PPID|EUID|BASH.*|PS1|PROMPT_COMMAND|LD_LIBRARY_PATH"
    rb"|SINGULARITY.*|APPTAINER.*|(PREPEND|APPEND)_(PATH|LD_LIBRARY_PATH)"
)
"""What apptainer sets or changes itself, and what the shell in its images gives a meaning to."""


class Launch:
    """A command line that runs a command in an image: `environment` is the runtime's own."""

    def __init__(self, argv: list[bytes], environment: dict[bytes, bytes], digest: str) -> None:
        self.argv = argv
        self.environment = environment
        self.digest = digest


def launch(
    part: dict[str, Any], environment: dict[bytes, bytes], command: list[bytes], work: bytes, scratch: bytes
) -> Launch:
    """Say how a command is run in the image of its part; `environment` is the job's own.

    Raises:
        Stopped: there is no such image or no runtime, or no such command in the image.
    """
    wanted = part["container"]
    program = shutil.which(wanted["program"])
    if program is None:
        raise Stopped("image", f"{wanted['program']} is not on this worker")
    if _UNSAFE.intersection(work + scratch):
        raise Stopped("image", f"no runtime can mount {os.fsdecode(work)} in a container")
    place, digest = find_image(wanted)
    is_charliecloud = wanted["runtime"] == "charliecloud"
    inside = WORK
    if is_charliecloud:
        _check_namespaces()
        inside = _work_in(place, wanted["reference"])
    mounts = {name: name for name in _SYSTEM}
    mounts.update({inside: work, _TMP: scratch})
    tree = ImageTree(place, mounts)
    values = {b"PATH": _DEFAULT_PATH, b"LANG": part["lang"].encode("utf-8")}
    values.update(variables_of(tree))
    values.update({b"HOME": inside, b"TMPDIR": _TMP})
    values.update(environment)
    runs = tree.find(command[0], values[b"PATH"], inside)
    if not runs:
        words = "it is not in the image" if runs is None else "it cannot be executed in the image"
        raise not_found(command[0], words, missing=runs is None)
    words_for = _charliecloud if is_charliecloud else _apptainer
    argv, own = words_for(values, command, place, (inside, work, scratch))
    own.update({b"PATH": os.environb.get(b"PATH", _DEFAULT_PATH), b"USER": _account(), b"HOME": work})
    return Launch([os.fsencode(program), *argv], own, digest)


def _work_in(place: bytes, reference: str) -> bytes:
    """Choose where the working directory goes in an image in which ch-run can make nothing.

    Raises:
        Stopped: something is not there that ch-run mounts something at.
    """
    tree = ImageTree(place, {})
    for path in (*_SYSTEM, _TMP, b"/etc/passwd", b"/etc/group"):
        if not os.path.exists(tree.outside(path) or b""):
            raise Stopped("image", f"{reference} has no {path.decode()}, which Charliecloud needs")
    for path in (WORK, *_OTHER_WORKS):
        # No link leads to it: outside it would lead somewhere else.
        is_own = os.path.isdir(place + path) and tree.outside(path) == place + path
        if is_own and (path == WORK or not os.listdir(place + path)):
            return path
    others = ", ".join(path.decode() for path in _OTHER_WORKS)
    raise Stopped("image", f"{reference} has no directory {WORK.decode()}, nor an empty one of {others}")


def _check_namespaces() -> None:
    """See that this account may have namespaces of its own, without which ch-run ends as a command could."""
    child = os.fork()
    if child == 0:
        os._exit(0 if ctypes.CDLL(None).unshare(_CLONE_NEWUSER) == 0 else 1)
    if os.waitpid(child, 0)[1] != 0:
        raise Stopped(
            "image", "this worker lets its users have no namespaces, without which no container runs"
        )


def _charliecloud(
    values: dict[bytes, bytes], command: list[bytes], place: bytes, directories: tuple[bytes, bytes, bytes]
) -> tuple[list[bytes], dict[bytes, bytes]]:
    """Give the words of ch-run: `TMPDIR` in its own environment is what it mounts at /tmp.

    It takes one pair of single quotes off a value.
    """
    inside, work, scratch = directories
    own, kept = _split(values, _CHARLIECLOUD_KEEPS)
    argv = [b"--unset-env=USER", b"--env-no-expand"]
    argv += [b"--set-env=%b='%b'" % pair for pair in kept.items()]
    argv += [b"--bind=%b:%b" % (work, inside), b"--cd=" + inside, place, b"--", *command]
    own[b"TMPDIR"] = scratch
    return argv, own


def _apptainer(
    values: dict[bytes, bytes], command: list[bytes], place: bytes, directories: tuple[bytes, bytes, bytes]
) -> tuple[list[bytes], dict[bytes, bytes]]:
    """Give the words of `apptainer exec`.

    `--env` splits at commas, so variables come as APPTAINERENV_NAME, and `--no-eval` keeps a shell from
    reading their values; what it keeps for itself or changes on the way is set by env(1) of the image.
    """
    inside, work, scratch = directories
    handed, kept = _split(values, _APPTAINER_KEEPS)
    if kept.get(b"HOME") == inside:
        del kept[b"HOME"]  # as --home says
    argv = [b"exec", b"--no-eval", b"--contain", b"--no-umask", b"--home=%b:%b" % (work, inside)]
    argv += [b"--pwd=" + inside, b"--bind=%b:%b" % (scratch, _TMP), place]
    if kept:
        argv += [b"/usr/bin/env", *(b"%b=%b" % pair for pair in kept.items())]
        # env(1) would take a command with this sign for one more variable.
        argv += [b"/usr/bin/nice", b"-n", b"0", b"--"] if b"=" in command[0] else []
    return [*argv, *command], {b"APPTAINERENV_" + name: value for name, value in handed.items()}


def _split(
    values: dict[bytes, bytes], kept: re.Pattern[bytes]
) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """Part an environment: what a runtime can hand down from its own, and what would change its ways."""
    handed = {name: value for name, value in values.items() if not kept.fullmatch(name)}
    return handed, {name: value for name, value in values.items() if name not in handed}


def _account() -> bytes:
    try:
        return os.fsencode(pwd.getpwuid(os.geteuid()).pw_name)
    except KeyError:
        return b"nobody"
