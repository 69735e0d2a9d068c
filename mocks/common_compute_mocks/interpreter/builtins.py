"""The commands that a shell is itself: those that change it, and those that dash has built in."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from common_compute_mocks.interpreter.conditions import ConditionFault, holds
from common_compute_mocks.interpreter.failures import FileError, NotUnderstood, OutOfTime, ShellSyntaxError
from common_compute_mocks.interpreter.files import NOT_A_DIRECTORY, Directory
from common_compute_mocks.interpreter.launch import NOT_FOUND, find
from common_compute_mocks.interpreter.lexer import NAME
from common_compute_mocks.interpreter.parser import parse
from common_compute_mocks.interpreter.printf import echo, printf
from common_compute_mocks.interpreter.signals import signal_number

if TYPE_CHECKING:
    from common_compute_mocks.interpreter.shell import Shell

Builtin = Callable[["Shell", list[str]], int]


class Exit(Exception):
    """The shell ends."""

    def __init__(self, status: int) -> None:
        self.status = status


class Return(Exit):
    """A function ends."""


class _Loop(Exception):
    def __init__(self, levels: int) -> None:
        self.levels = levels

    def pass_on(self, loops: int) -> None:
        """Go on to the next loop outside while there are levels left."""
        if self.levels > 1 and loops > 1:
            raise type(self)(self.levels - 1)


class Break(_Loop):
    """A loop ends."""


class Continue(_Loop):
    """A loop's next round begins."""


def _number(shell: Shell, argv: list[str], default: int) -> int:
    if len(argv) < 2:
        return default
    if not argv[1].isdigit():
        shell.fault(f"{argv[0]}: Illegal number: {argv[1]}")
    return int(argv[1])


def _exit(shell: Shell, argv: list[str]) -> int:
    raise Exit(_number(shell, argv, shell.last_status) & 0xFF)


def _return(shell: Shell, argv: list[str]) -> int:
    raise Return(_number(shell, argv, shell.last_status) & 0xFF)


def _break(shell: Shell, argv: list[str]) -> int:
    if shell.loops:
        raise Break(_number(shell, argv, 1))
    return 0


def _continue(shell: Shell, argv: list[str]) -> int:
    if shell.loops:
        raise Continue(_number(shell, argv, 1))
    return 0


def _true(_shell: Shell, _argv: list[str]) -> int:
    return 0


def _false(_shell: Shell, _argv: list[str]) -> int:
    return 1


def _export(shell: Shell, argv: list[str]) -> int:
    for argument in argv[1:]:
        if argument == "-p":
            raise NotUnderstood("export -p")
        name, equals, value = argument.partition("=")
        if not NAME.fullmatch(name):
            shell.fault(f"{argv[0]}: {name}: bad variable name")
        if equals:
            shell.assign(name, value)
        if argv[0] == "export":
            shell.exported.add(name)
    return 0


def _unset(shell: Shell, argv: list[str]) -> int:
    for name in argv[1:]:
        shell.variables.pop(name, None)
        shell.exported.discard(name)
        if "-f" in argv:
            shell.functions.pop(name, None)
    return 0


def _set(shell: Shell, argv: list[str]) -> int:
    rest = argv[1:]
    while rest and re.fullmatch(r"[-+][efux]+", rest[0]):
        for option in rest[0][1:]:
            if option not in shell.options:
                raise NotUnderstood(f"set -{option}")
            shell.options[option] = rest[0][0] == "-"
        rest = rest[1:]
    if rest[:1] == ["--"]:
        shell.arguments = rest[1:]
    elif rest and rest[0][0] in "-+":
        raise NotUnderstood(f"set {rest[0]}")
    elif rest:
        shell.arguments = rest
    return 0


def _shift(shell: Shell, argv: list[str]) -> int:
    count = _number(shell, argv, 1)
    if count > len(shell.arguments):
        shell.fault("shift: can't shift that many")
    del shell.arguments[:count]
    return 0


def _eval(shell: Shell, argv: list[str]) -> int:
    return evaluate(shell, " ".join(argv[1:]), "eval: ")


def _source(shell: Shell, argv: list[str]) -> int:
    try:
        script = shell.process.open(argv[1], "r").read()
    except (FileError, IndexError):
        shell.fault(f"{argv[0]}: cannot open {' '.join(argv[1:2])}: No such file")
    return evaluate(shell, script.decode("latin-1"))


def evaluate(shell: Shell, script: str, prefix: str = "") -> int:
    """Run a script's text in this shell."""
    try:
        return shell.sequence(parse(script))
    except ShellSyntaxError as error:
        shell.line = error.line
        return shell.fault(prefix + error.detail)


def _trap(shell: Shell, argv: list[str]) -> int:
    arguments = argv[2:] if argv[1:2] == ["--"] else argv[1:]
    if arguments and arguments[0] not in ("", "-"):
        raise NotUnderstood("trap")
    for name in arguments[1:]:
        known = (shell.process.pid, signal_number(name) or 0)
        (shell.process.world.ignored.add if arguments[0] == "" else shell.process.world.ignored.discard)(
            known
        )
    return 0


def _cd(shell: Shell, argv: list[str]) -> int:
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


def _pwd(shell: Shell, _argv: list[str]) -> int:
    shell.process.write(shell.process.directory + "\n")
    return 0


def _echo(shell: Shell, argv: list[str]) -> int:
    shell.process.write(echo(argv[1:]))
    return 0


def _printf(shell: Shell, argv: list[str]) -> int:
    arguments = argv[2:] if argv[1:2] == ["--"] else argv[1:]
    if not arguments:
        shell.fault("printf: usage: printf format [arg ...]")
    printed = printf(arguments[0], arguments[1:])
    shell.process.write(printed.text)
    for complaint in printed.complaints:
        shell.complain(f"printf: {complaint}")
    return int(bool(printed.complaints))


def _test(shell: Shell, argv: list[str]) -> int:
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


def _read(shell: Shell, argv: list[str]) -> int:
    raw = "-r" in argv[1:2]
    names = argv[2:] if raw else argv[1:]
    line = shell.process.stdin().read_line().decode("latin-1")
    complete = line.endswith("\n")
    text = line[:-1] if complete else line
    if not raw:
        text = re.sub(r"\\(.)", r"\1", text)
    ifs = shell.read("IFS", " \t\n")
    blanks = "".join(char for char in ifs if char in " \t\n")
    for place, name in enumerate(names):
        text = text.strip(blanks) if blanks else text
        if place == len(names) - 1 or not ifs:
            shell.assign(name, text)
            text = ""
        else:
            first, *rest = re.split(f"[{re.escape(ifs)}]", text, maxsplit=1)
            shell.assign(name, first)
            text = rest[0] if rest else ""
    return int(not complete)


def _kill(shell: Shell, argv: list[str]) -> int:
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


def _wait(shell: Shell, argv: list[str]) -> int:
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


def _command(shell: Shell, argv: list[str]) -> int:
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


def _umask(_shell: Shell, argv: list[str]) -> int:
    if len(argv) < 2:
        raise NotUnderstood("umask")
    return 0


SPECIAL: dict[str, Builtin] = {
    ":": _true,
    ".": _source,
    "break": _break,
    "continue": _continue,
    "eval": _eval,
    "exit": _exit,
    "export": _export,
    "readonly": _export,
    "return": _return,
    "set": _set,
    "shift": _shift,
    "trap": _trap,
    "unset": _unset,
}
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
