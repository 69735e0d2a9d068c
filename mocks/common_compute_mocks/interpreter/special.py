"""The special built-ins of a shell, XCU 2.14: the commands that change the shell itself."""

from __future__ import annotations

import re
from collections.abc import Callable

from common_compute_mocks.interpreter.failures import FileError, NotUnderstood, ShellSyntaxError
from common_compute_mocks.interpreter.leaving import Break, Continue, Exit, Return
from common_compute_mocks.interpreter.lexer import NAME
from common_compute_mocks.interpreter.parser import parse
from common_compute_mocks.interpreter.session import Session
from common_compute_mocks.interpreter.signals import signal_number

Builtin = Callable[[Session, list[str]], int]


def _number(shell: Session, argv: list[str], default: int) -> int:
    if len(argv) < 2:
        return default
    if not argv[1].isdigit():
        shell.fault(f"{argv[0]}: Illegal number: {argv[1]}")
    return int(argv[1])


def _exit(shell: Session, argv: list[str]) -> int:
    raise Exit(_number(shell, argv, shell.last_status) & 0xFF)


def _return(shell: Session, argv: list[str]) -> int:
    raise Return(_number(shell, argv, shell.last_status) & 0xFF)


def _break(shell: Session, argv: list[str]) -> int:
    if shell.loops:
        raise Break(_number(shell, argv, 1))
    return 0


def _continue(shell: Session, argv: list[str]) -> int:
    if shell.loops:
        raise Continue(_number(shell, argv, 1))
    return 0


def _true(_shell: Session, _argv: list[str]) -> int:
    return 0


def _export(shell: Session, argv: list[str]) -> int:
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


def _unset(shell: Session, argv: list[str]) -> int:
    for name in argv[1:]:
        shell.variables.pop(name, None)
        shell.exported.discard(name)
        if "-f" in argv:
            shell.functions.pop(name, None)
    return 0


def _set(shell: Session, argv: list[str]) -> int:
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


def _shift(shell: Session, argv: list[str]) -> int:
    count = _number(shell, argv, 1)
    if count > len(shell.arguments):
        shell.fault("shift: can't shift that many")
    del shell.arguments[:count]
    return 0


def _eval(shell: Session, argv: list[str]) -> int:
    return evaluate(shell, " ".join(argv[1:]), "eval: ")


def _source(shell: Session, argv: list[str]) -> int:
    try:
        script = shell.process.open(argv[1], "r").read()
    except (FileError, IndexError):
        shell.fault(f"{argv[0]}: cannot open {' '.join(argv[1:2])}: No such file")
    return evaluate(shell, script.decode("latin-1"))


def evaluate(shell: Session, script: str, prefix: str = "") -> int:
    """Run a script's text in this shell."""
    try:
        return shell.sequence(parse(script))
    except ShellSyntaxError as error:
        shell.line = error.line
        return shell.fault(prefix + error.detail)


def _trap(shell: Session, argv: list[str]) -> int:
    arguments = argv[2:] if argv[1:2] == ["--"] else argv[1:]
    if arguments and arguments[0] not in ("", "-"):
        raise NotUnderstood("trap")
    for name in arguments[1:]:
        known = (shell.process.pid, signal_number(name) or 0)
        (shell.process.world.ignored.add if arguments[0] == "" else shell.process.world.ignored.discard)(
            known
        )
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
