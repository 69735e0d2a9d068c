"""What nq runs: a task's command as a child, and then the same end, which nq writes down.

nq takes a job for ended when nobody has its file open any more. So the command gets logs of its own, and this
process holds the file until the command has ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

GRACE_SECONDS = 5
"""Between asking a command to end and killing it."""

_NOT_FOUND = 127


def main(task: Path) -> int:
    """Run the command, and give its exit code, or the signal that it died by as a number below zero."""
    # What takes a waiting job out of the queue may come when it has just begun: then `cancel` tells the wish.
    signal.signal(signal.SIGTERM, lambda *_: None)
    if (task / "cancel").exists():
        return -signal.SIGTERM
    order = json.loads((task / "order.json").read_bytes())
    (task / "start").write_text(str(time.time()))
    try:
        with (task / "stdout").open("ab") as stdout, (task / "stderr").open("ab") as stderr:
            process = subprocess.Popen(
                [word.encode() for word in order["command"]],
                env={name.encode(): value.encode() for name, value in order["environment"].items()},
                cwd=task / "work",
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
    except OSError as error:
        (task / "missing").write_text(error.strerror or "")
        return _NOT_FOUND
    asked_at = None
    # The process is not reaped before its group is killed: until then nobody else can get its number.
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if asked_at is None and (task / "cancel").exists():
            asked_at = time.monotonic()
            os.killpg(process.pid, signal.SIGTERM)
        elif asked_at is not None and time.monotonic() > asked_at + GRACE_SECONDS:
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)  # what the command left behind
    return process.wait()


def end(status: int) -> None:
    """End as the command ended."""
    if status < 0:
        with suppress(OSError):  # nobody can change what SIGKILL does, and nobody has
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    end(main(Path(sys.argv[1])))
