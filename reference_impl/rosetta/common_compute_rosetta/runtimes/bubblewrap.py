"""Bubblewrap over an unpacked image: bwrap(1). Written for 0.8.0 and run with it.

https://github.com/containers/bubblewrap. The environment goes through a file (`--args`), so that it stands in
nobody's list of processes. Its process waits for the command's, and tells a death by signal n as exit code
128+n. That the command began is told by `exit-code` in what it writes to `--json-status-fd`.
"""

from __future__ import annotations

from common_compute_rosetta.process import quote
from common_compute_rosetta.runtimes.box import TMP, WORK, Box, Launch

NAME = "bubblewrap"

MAX_VARIABLES = 2900
"""bwrap takes 9000 arguments, of which a variable needs three."""


def launch(box: Box) -> Launch:
    """Give the words of bwrap."""
    words = [
        *("--args", "9", "--json-status-fd", "8", "--die-with-parent"),
        *("--ro-bind", box.image.place, "/"),
        *("--dev-bind", "/dev", "/dev", "--bind", "/proc", "/proc", "--ro-bind", "/sys", "/sys"),
        *(
            "--ro-bind-try",
            "/etc/resolv.conf",
            "/etc/resolv.conf",
            "--ro-bind-try",
            "/etc/hosts",
            "/etc/hosts",
        ),
        *("--ro-bind", f"{box.task}/passwd", "/etc/passwd", "--ro-bind", f"{box.task}/group", "/etc/group"),
        *("--bind", box.work, WORK, "--bind", box.tmp, TMP, "--chdir", WORK, "--"),
    ]
    variables = [word for pair in box.environment.items() for word in ("--setenv", *pair)]
    return Launch(
        {},
        (box.host.program, *words, *box.command),
        arguments=tuple(variables),
        before=_names(box),
        after=_AFTER.replace(b"BWRAP", quote(box.host.program)),
    )


def _names(box: Box) -> bytes:
    """Write the names of the account beside those that the image has, as other runtimes do."""
    account, place = box.host.account, box.image.place
    passwd = f"{account.name}:x:{account.uid}:{account.gid}::{WORK}:/bin/sh"
    group = f"{account.name}:x:{account.gid}:"
    return b"\n".join(
        b"{ cat " + quote(f"{place}/etc/{file}") + b"; echo " + quote(line) + b"; } >../" + file.encode()
        for file, line in (("passwd", passwd), ("group", group))
    )


_AFTER = rb"""if [ $code != 0 ] && ! grep -q '"exit-code"' ../runtime; then
    if BWRAP --ro-bind / / true 2>/dev/null; then
        echo missing 1<>../stage
        code=127
    else
        echo image 1<>../stage
        echo 'bubblewrap does not work on this host; its words are in stderr' >../words
    fi
fi"""
