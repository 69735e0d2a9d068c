"""Run one task on a worker: started there by DIRAC, beside the files that `packing.py` made.

    python3 payload.py PLACE     PLACE is the task's place in its part

Only the standard library, and only what Python 3.7 has: it runs where nothing of ours is. Whatever becomes
of the task is written into the archive cc-output.tar, and the exit code is 0, for DIRAC takes output home
only from jobs that ended well. The archive holds `outcome.json`, `stdout`, `stderr`, and the results' bytes.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import errno
import gzip
import hashlib
import io
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import time
from typing import IO, Any

TASKS = "cc-tasks.json.gz"
OUTPUT = "cc-output.tar"
_NOT_FOUND, _NOT_RUN = 127, 126
_PR_SET_PDEATHSIG = 1
_SETUP = '. "$1" </dev/null >&2 || exit 1; shift; exec "$@"'
_TELL_ENVIRONMENT = (
    "import os, sys; open(sys.argv[1], 'wb').write(b'\\0'.join(k + b'=' + v for k, v in os.environb.items()))"
)


class Stopped(Exception):
    """The task ends before its command runs; `how` is a word of the outcome."""

    def __init__(self, how: str, words: str) -> None:
        super().__init__(words)
        self.how = how
        self.words = words


def open_inputs(task: dict[str, Any], contents: dict[str, str], directory: bytes) -> None:
    """Put the input files into the working directory."""
    for entry in task["inputs"]:
        path = os.path.join(directory, entry["path"].encode("utf-8"))
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(base64.b64decode(contents[entry["content"]]))
            os.chmod(path, 0o700 if entry["executable"] else 0o600)
        except OSError as error:
            raise Stopped("input", f"{entry['path']}: {error.strerror}") from None


def start_values(part: dict[str, Any], work: bytes, scratch: bytes) -> dict[bytes, bytes]:
    """Give the environment under which the software is set up: nothing of the worker's own."""
    return {
        b"PATH": part["path"].encode("utf-8"),
        b"LANG": part["lang"].encode("utf-8"),
        b"HOME": work,
        b"TMPDIR": scratch,
    }


def set_up(
    part: dict[str, Any], environment: dict[bytes, bytes], work: bytes, errors: IO[bytes]
) -> dict[bytes, bytes]:
    """Read the software's set-up script in a shell, and give the environment that it leaves."""
    if not part["setup"]:
        return environment
    told = os.path.join(os.getcwd(), "cc-environment")
    shell = part["shell"]
    # Not by the name with which this was started: that may be a script that changes the environment.
    python = [sys.executable, "-I", "-S", "-c", _TELL_ENVIRONMENT, told]
    command = [shell, "-c", _SETUP, shell, part["setup"], *python]
    try:
        subprocess.run(
            command,
            env=environment,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            check=True,
            timeout=part["setup_seconds"],
        )
        with open(told, "rb") as file:
            lines = file.read().split(b"\0")
    except (OSError, subprocess.SubprocessError):
        raise Stopped("software", f"{part['setup']} could not be read on this worker") from None
    found = dict(line.partition(b"=")[::2] for line in lines)
    return {name: value for name, value in found.items() if name not in (b"_", b"SHLVL", b"PWD", b"OLDPWD")}


def before_command() -> None:
    """Give the command signals as a new process has them, and let it die with this one."""
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(
    argv: list[bytes], environment: dict[bytes, bytes], work: bytes, out: IO[bytes], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start the command in a session of its own."""
    try:
        return subprocess.Popen(
            argv,
            env=environment,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            preexec_fn=before_command,  # noqa: PLW1509  (this process has one thread)
            start_new_session=True,
        )
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            return start([b"/bin/sh", *argv], environment, work, out, errors)
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        how = f"not-found {_NOT_FOUND if missing else _NOT_RUN}"
        raise Stopped(how, f"{argv[0].decode()}: {error.strerror}") from None


def signal_all(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to the command and all that it has started in its session."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, number)


def run(process: subprocess.Popen[bytes], part: dict[str, Any]) -> dict[str, Any]:
    """Wait for the command, end it when its time is over, and give how it ended."""
    timed_out = False
    try:
        process.wait(timeout=part["wall_time_seconds"])
    except subprocess.TimeoutExpired:
        timed_out = True
        signal_all(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=part["kill_grace_seconds"])
    signal_all(process, signal.SIGKILL)
    code = process.wait()
    return {"how": "wall-time" if timed_out else "exit" if code >= 0 else "signal", "number": abs(code)}


def shown(name: bytes) -> str:
    """Give a file's name as text; a byte that is no UTF-8 as %XX."""
    text = name.decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda found: f"%{ord(found.group()) - 0xDC00:02X}", text)


def matching(work: bytes, rules: list[str]) -> dict[str, bytes]:
    """Give the regular files that a rule means, by their paths; no link is followed."""
    expressions = [re.compile(rule, re.DOTALL) for rule in rules]
    found: dict[str, bytes] = {}
    for directory, folders, files in os.walk(work) if expressions else ():
        folders.sort()
        for name in sorted(files):
            whole = os.path.join(directory, name)
            path = shown(os.path.relpath(whole, work))
            if any(each.fullmatch(path) for each in expressions) and stat.S_ISREG(os.lstat(whole).st_mode):
                found.setdefault(path, whole)
    return found


def read_regular(path: bytes, most: int) -> bytes | None:
    """Give a regular file's bytes, None if it is none or has more than `most`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with open(descriptor, "rb") as file:
        read = file.read(most + 1)
    return read if len(read) <= most else None


def pack(
    outcome: dict[str, Any], work: bytes, rules: list[str], logs: dict[str, IO[bytes]], part: dict[str, Any]
) -> None:
    """Write the archive: what became of the task, both logs, and results as far as there is room."""
    left = part["max_results_bytes"]
    outcome.update(results=[], lost=[])
    with tarfile.open(OUTPUT + ".new", "w") as archive:

        def add(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

        for path, whole in matching(work, rules).items():
            content = read_regular(whole, left)
            if content is None:
                outcome["lost"].append(
                    f"{path} cannot be read, or is too much for the {part['max_results_bytes']} bytes of "
                    "results that come home"
                )
                continue
            left -= len(content)
            member = f"r/{len(outcome['results'])}"
            digest = hashlib.sha256(content).hexdigest()
            outcome["results"].append(
                {"path": path, "member": member, "size_bytes": len(content), "sha256": digest}
            )
            add(member, content)
        for name, file in logs.items():
            file.seek(0)
            add(name, file.read(part["max_log_bytes"]))
        add("outcome.json", json.dumps(outcome).encode("ascii"))
    os.rename(OUTPUT + ".new", OUTPUT)


def main() -> None:
    """Run the task, and leave the archive."""
    place = int(sys.argv[1])
    with gzip.open(TASKS, "rb") as file:
        part = json.loads(file.read().decode("utf-8"))
    task = part["tasks"][place]
    work, scratch = (os.path.join(os.fsencode(os.getcwd()), name) for name in (b"cc-work", b"cc-tmp"))
    for directory in (work, scratch):
        os.mkdir(directory, 0o700)
    outcome: dict[str, Any] = {"host": socket.gethostname(), "started": time.time(), "words": ""}
    running: list[subprocess.Popen[bytes]] = []

    def stop(*_: object) -> None:
        for process in running:
            signal_all(process, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    with open("cc-stdout", "w+b", 0) as out, open("cc-stderr", "w+b", 0) as errors:
        try:
            open_inputs(task, part["contents"], work)
            environment = set_up(part, start_values(part, work, scratch), work, errors)
            for name, value in task["environment"].items():
                environment[name.encode("utf-8")] = value.encode("utf-8")
            argv = [word.encode("utf-8") for word in task["command"]]
            outcome["started"] = time.time()
            running.append(start(argv, environment, work, out, errors))
            outcome.update(run(running[0], part))
        except Stopped as stopped:
            how, _, number = stopped.how.partition(" ")
            outcome.update(how=how, number=int(number or 0), words=stopped.words)
            errors.write(f"common-compute: {stopped.words}\n".encode("utf-8", "replace"))
        outcome["finished"] = time.time()
        pack(outcome, work, task["outputs"], {"stdout": out, "stderr": errors}, part)


if __name__ == "__main__":
    main()
