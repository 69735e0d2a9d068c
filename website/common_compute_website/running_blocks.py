"""Run the blocks of a page in their order, as a reader would who types them.

All blocks share a folder. Those in Python share their names, those in Bash their variables; one that defines
tests is run by pytest. A block that is one command which serves runs in a terminal of its own until the next
such block, or the end of the page. Ports that a page names are replaced by a free one.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from common_compute_cli import pace
from common_compute_website.blocks import Block

_SERVES = re.compile(r"common-compute (?:mock|serve|proposal serve)\b[^\n|;&]*\n?")
_PORT = re.compile(r"\b(?:8080|8000)\b")
_READY_SECONDS = 60.0
_PYTHON = """
import json, sys, traceback
names = {"__name__": "__page__"}
for line in sys.stdin:
    told = ""
    try:
        exec(compile(json.loads(line), "the page", "exec"), names)
    except BaseException:
        told = traceback.format_exc()
    print("\\0" + json.dumps(told), flush=True)
"""
_BASH = 'set -a; if [ -f "$KEPT" ]; then . "$KEPT"; fi; . "$BLOCK"; declare -px >"$KEPT"'


class BlockFailed(Exception):
    """A block did not run through; the text says which and what it told."""


def run_page(blocks: Sequence[Block], room: Path) -> int:
    """Run the blocks that can be run in a folder, and give their number.

    Raises:
        BlockFailed: one of them failed; those after it were not run.
    """
    (room / ".page").mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        port = _free_port()
        terminal = stack.enter_context(ExitStack())
        python = stack.enter_context(_python(room))
        count = 0
        for block in blocks:
            text = _PORT.sub(str(port), block.text)
            if block.language == "bash" and _SERVES.fullmatch(text):
                terminal.close()  # the reader ends what the address belongs to first
                terminal.enter_context(_served(text, port, room))
            elif block.language == "bash":
                _run(block, ["bash", "-euo", "pipefail", "-c", _BASH], text, room)
            elif block.language == "js":
                _run(block, ["node", "--input-type=module", "--eval", text], text, room)
            elif block.language == "python" and re.search(r"^def test_", text, re.MULTILINE):
                (room / "test_page.py").write_text(text, encoding="utf-8")
                command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_page.py"]
                _run(block, command, text, room)
            elif block.language == "python":
                _say(block, python, text)
            else:
                continue
            count += 1
    return count


def _environment(room: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COMMON_COMPUTE")}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    files = {"KEPT": str(room / ".page" / "kept"), "BLOCK": str(room / ".page" / "block")}
    return {**kept, **files, "PATH": programs, "PYTHONDONTWRITEBYTECODE": "1"}


def _run(block: Block, command: Sequence[str], text: str, room: Path) -> None:
    (room / ".page" / "block").write_text(text, encoding="utf-8")
    done = subprocess.run(
        command,
        cwd=room,
        env=_environment(room),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise BlockFailed(f"line {block.line}, exit code {done.returncode}:\n{done.stdout}{done.stderr}")


@contextmanager
def _python(room: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _PYTHON],
        cwd=room,
        env=_environment(room),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _say(block: Block, python: subprocess.Popen[str], text: str) -> None:
    assert python.stdin is not None
    assert python.stdout is not None
    python.stdin.write(json.dumps(text) + "\n")
    python.stdin.flush()
    for line in python.stdout:
        if line.startswith("\0"):
            if told := json.loads(line[1:]):
                raise BlockFailed(f"line {block.line}:\n{told}")
            return
    raise BlockFailed(f"line {block.line}: Python ended")


@contextmanager
def _served(command: str, port: int, room: Path) -> Iterator[None]:
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"], cwd=room, env=_environment(room), stdout=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(command, process, port)
            yield
        finally:
            process.terminate()


def _wait_for(command: str, process: subprocess.Popen[bytes], port: int) -> None:
    deadline = pace.now() + _READY_SECONDS
    while pace.now() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            pace.sleep(0.1)
        else:
            return
    raise BlockFailed(f"{command}: it does not listen")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
