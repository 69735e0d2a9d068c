"""The other commands that dash has built in: some need the shell's memory, some are only quicker so."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import zip_longest
from math import inf

from common_compute_mocks.interpreter.conditions import ConditionFault, holds
from common_compute_mocks.interpreter.failures import FileError, NotUnderstood, OutOfTime
from common_compute_mocks.interpreter.files import NOT_A_DIRECTORY, Directory
from common_compute_mocks.interpreter.launch import NOT_FOUND, find
from common_compute_mocks.interpreter.printf import echo, printf
from common_compute_mocks.interpreter.session import Session
from common_compute_mocks.interpreter.signals import signal_number
from common_compute_mocks.interpreter.special import SPECIAL, Builtin
from common_compute_mocks.interpreter.world import Process


def _true(_shell: Session, _argv: list[str]) -> int:
    return 0


def _false(_shell: Session, _argv: list[str]) -> int:
    return 1


def _cd(shell: Session, argv: list[str]) -> int:
    place = argv[1] if len(argv) > 1 else shell.read("HOME", "")
    back = place == "-"
    place = shell.read("OLDPWD", "") if back else place
    where = posixpath.normpath(posixpath.join(shell.process.directory, place))
    try:
        if not isinstance(shell.process.world.tree.lookup(where), Directory):
            raise FileError(NOT_A_DIRECTORY)
    except FileError:
        shell.complain(f"cd: can't cd to {place}")
        return 2
    shell.assign("OLDPWD", shell.process.directory)
    shell.assign("PWD", where)
    shell.process.directory = where
    if back:
        shell.process.write(where + "\n")
    return 0


def _pwd(shell: Session, _argv: list[str]) -> int:
    shell.process.write(shell.process.directory + "\n")
    return 0


def _echo(shell: Session, argv: list[str]) -> int:
    shell.process.write(echo(argv[1:]))
    return 0


def _printf(shell: Session, argv: list[str]) -> int:
    arguments = argv[2:] if argv[1:2] == ["--"] else argv[1:]
    if not arguments:
        shell.fault("printf: usage: printf format [arg ...]")
    printed = printf(arguments[0], arguments[1:])
    shell.process.write(printed.text)
    for complaint in printed.complaints:
        shell.complain(f"printf: {complaint}")
    return int(bool(printed.complaints))


def _test(shell: Session, argv: list[str]) -> int:
    arguments = argv[1:]
    if argv[0] == "[":
        if arguments[-1:] != ["]"]:
            shell.complain("[: missing ]")
            return 2
        del arguments[-1]
    try:
        return int(not holds(shell.process, arguments))
    except ConditionFault as fault:
        shell.complain(f"{argv[0]}: {fault}")
        return 2


def _read(shell: Session, argv: list[str]) -> int:
    raw = "-r" in argv[1:2]
    names = argv[2:] if raw else argv[1:]
    line = shell.process.stdin().read_line().decode("latin-1")
    text = line.removesuffix("\n")
    if not raw and "\\" in text:
        text = re.sub(r"\\(.)", r"\1", text)
    blanks, border = _borders(shell.read("IFS", " \t\n"))
    text = text.strip(blanks)
    values = border.split(text, maxsplit=len(names) - 1) if border and len(names) > 1 else [text]
    for name, value in zip_longest(names, values[: len(names)], fillvalue=""):
        shell.assign(name, value)
    return int(not line.endswith("\n"))


@lru_cache(maxsize=64)
def _borders(ifs: str) -> tuple[str, re.Pattern[str] | None]:
    """Give the blanks among the separators, and the pattern of what stands between two fields."""
    blanks = "".join(char for char in ifs if char in " \t\n")
    others = "".join(char for char in ifs if char not in blanks)
    around = f"[{blanks}]*" if blanks else ""
    borders = [f"{around}[{re.escape(others)}]{around}"] if others else []
    borders += [f"[{blanks}]+"] if blanks else []
    return blanks, re.compile("|".join(borders)) if borders else None


def _kill(shell: Session, argv: list[str]) -> int:
    return kill(shell.process, argv, shell.complain)


def kill(process: Process, argv: list[str], complain: Callable[[str], None]) -> int:
    """Send signals to processes of this task."""
    name, pids = "TERM", argv[1:]
    if pids[:1] == ["-s"]:
        name, pids = pids[1] if len(pids) > 1 else "", pids[2:]
    elif pids and re.fullmatch(r"-[A-Za-z0-9]+", pids[0]) and pids[0] != "-l":
        name, pids = pids[0][1:], pids[1:]
    number = signal_number(name)
    pids = pids[1:] if pids[:1] == ["--"] else pids
    if number is None or not pids or not all(re.fullmatch(r"-?[0-9]+", pid) for pid in pids):
        complain(f"kill: bad signal or process: {' '.join(argv[1:])}")
        return 2
    status = 0
    for pid in pids:
        if not process.world.kill(process, int(pid), number):
            complain("kill: No such process\n")
            status = 1
    return status


def _wait(shell: Session, argv: list[str]) -> int:
    background = shell.process.world.background
    pids = [int(pid) for pid in argv[1:] if pid.isdigit()]
    status = 0
    for pid in pids or list(background):
        job = background.get(pid)
        if job is None:
            status = NOT_FOUND
            continue
        if job.ends_at == inf:
            raise OutOfTime
        shell.process.sleep(max(0.0, job.ends_at - shell.process.time))
        if job.killed and job.ends_at < inf:
            shell.report(job.status - 128)
            job.killed = False
        status = job.status if pids else 0
    return status


def _command(shell: Session, argv: list[str]) -> int:
    if argv[1:2] == ["-v"] and len(argv) > 2:
        name = argv[2]
        if name in BUILTINS or name in SPECIAL or name in shell.functions:
            shell.process.write(name + "\n")
            return 0
        process = shell.process.child()
        process.environment = shell.environment()
        node, path = find(process, name)
        if node is None:
            return NOT_FOUND
        shell.process.write(path + "\n")
        return 0
    if argv[1:2] and argv[1].startswith("-"):
        raise NotUnderstood("command " + argv[1])
    name = argv[1] if len(argv) > 1 else ":"
    builtin = SPECIAL.get(name) or BUILTINS.get(name)
    return builtin(shell, argv[1:]) if builtin else shell.execute(argv[1:], {})


def _umask(_shell: Session, argv: list[str]) -> int:
    if len(argv) < 2:
        raise NotUnderstood("umask")
    return 0


BUILTINS: dict[str, Builtin] = {
    "[": _test,
    "cd": _cd,
    "command": _command,
    "echo": _echo,
    "false": _false,
    "kill": _kill,
    "printf": _printf,
    "pwd": _pwd,
    "read": _read,
    "test": _test,
    "true": _true,
    "umask": _umask,
    "wait": _wait,
}
