"""The interpreter does what dash does as /bin/sh: the same bytes, codes and files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from common_compute_mocks.interpreter.machine import TaskInput, run

PATH = "/usr/bin:/bin"

SCRIPTS: dict[str, str] = yaml.safe_load(
    Path(__file__).with_name("shell_scripts.yaml").read_text(encoding="utf-8")
)


pytestmark = pytest.mark.needs("dash")  # the shell whose words the interpreter speaks


def real(argv: list[str], where: Path) -> tuple[int, bytes, bytes, dict[str, bytes]]:
    environment = {"PATH": PATH, "HOME": str(where), "LANG": "C", "LC_ALL": "C"}
    done = subprocess.run(
        argv,
        executable=shutil.which("dash") if argv[0] == "/bin/sh" else None,
        cwd=where,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    return done.returncode, done.stdout, done.stderr, files_of(where)


def files_of(where: Path) -> dict[str, bytes]:
    found = sorted(path for path in where.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(where)): path.read_bytes() for path in found}


def worked_out(argv: list[str], where: Path) -> tuple[int | None, bytes, bytes, dict[str, bytes]]:
    environment = {"PATH": PATH, "HOME": str(where), "LANG": "C", "LC_ALL": "C"}
    done = run(argv, environment, directory=str(where))
    code = -done.signal if done.signal is not None else done.exit_code
    return code, done.log("stdout"), done.log("stderr"), dict(done.files)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_ends_and_writes_as_under_sh(name: str, tmp_path: Path) -> None:
    """A script's exit code or signal, both streams and its files are those that /bin/sh gives."""
    argv = ["/bin/sh", "-c", SCRIPTS[name]]
    assert real(argv, tmp_path) == worked_out(argv, tmp_path)


COMMANDS = {
    "hostile argv": [
        "printf",
        "%s\\n",
        "a b",
        "",
        "'",
        '"',
        "$HOME",
        "`id`",
        "*",
        "\\",
        "\n",
        "é→😀",
        "-n",
        "{}",
    ],
    "echo is a program": ["echo", "a\\tb", "-n", "*"],
    "echo without a line feed": ["echo", "-n", "x"],
    "hexadecimal escapes": ["printf", "\\x41\\101\\n"],
    "arguments of sh": [
        "/bin/sh",
        "-c",
        'for i in "$@"; do printf "<%s>" "$i"; done; echo $0',
        "zero",
        "a b",
        "",
        "*",
    ],
    "sh stops at options": ["sh", "-e", "-c", "false; echo never"],
    "true": ["true"],
    "false": ["/bin/false"],
    "cat of nothing": ["cat"],
    "cat of a missing file": ["cat", "missing"],
    "env runs": ["env", "A=1", "B= =2", "sh", "-c", 'printf "%s" "$A$B"'],
    "env misses": ["env", "/no/such"],
    "sleep": ["sleep", "0.01"],
    "sleep badly": ["/bin/sh", "-c", "sleep x 2>/dev/null; echo $?"],
    "script of a missing file": ["/bin/sh", "nope.sh"],
    "kill": ["sh", "-c", "/bin/kill -TERM $$; sleep 1"],
    "test": ["test", "a", "=", "b"],
    "head of nothing": ["head", "-c", "3"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_ends_and_writes_as_the_program(name: str, tmp_path: Path) -> None:
    """A command's exit code or signal, both streams and its files are those of the real program."""
    assert real(COMMANDS[name], tmp_path) == worked_out(COMMANDS[name], tmp_path)


def test_an_input_can_be_run_and_read(tmp_path: Path) -> None:
    """Inputs lie in the working directory with their bytes, and run if they are executable."""
    script = b'#!/bin/sh\ncat data/in.bin\nprintf %s "$1"\n'
    inputs = [TaskInput("run.sh", script, executable=True), TaskInput("data/in.bin", b"\x00\xff\n")]
    for entry in inputs:
        path = tmp_path / entry.path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(entry.content)
        path.chmod(0o755 if entry.executable else 0o644)
    expected = real(["./run.sh", "a b"], tmp_path)
    done = run(["./run.sh", "a b"], {"PATH": PATH}, inputs, directory=str(tmp_path))
    assert expected == (done.exit_code, done.log("stdout"), done.log("stderr"), dict(done.files))


@pytest.mark.parametrize("value", ["a b", "", "'", '"', "$(id)", "a=b;c", "x\ny", "é→😀", "\\", "\t"])
def test_an_environment_value_arrives_byte_for_byte(value: str) -> None:
    """A variable's value reaches the command as it was given."""
    done = run(["/bin/sh", "-c", 'printf %s "$HOSTILE"'], {"PATH": PATH, "HOSTILE": value})
    assert value.encode() == done.log("stdout")
    shown = run(["env"], {"PATH": PATH, "HOSTILE": value})
    assert f"PATH={PATH}\nHOSTILE={value}\n".encode() == shown.log("stdout")
