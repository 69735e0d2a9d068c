"""Simple commands: assignments, and a name that means a built-in, a function or a program, XCU 2.9.1."""

from __future__ import annotations

from contextlib import nullcontext

from common_compute_mocks.interpreter import expansion
from common_compute_mocks.interpreter.builtins import BUILTINS
from common_compute_mocks.interpreter.failures import FileError
from common_compute_mocks.interpreter.launch import launch
from common_compute_mocks.interpreter.leaving import FAULT, Exit, Return
from common_compute_mocks.interpreter.redirection import redirect, redirected
from common_compute_mocks.interpreter.session import Session
from common_compute_mocks.interpreter.special import SPECIAL, Builtin
from common_compute_mocks.interpreter.syntax import Simple


def run_simple(shell: Session, command: Simple) -> int:
    """Run a simple command: expand it, redirect it, and find out what its name means."""
    shell.line = command.line
    try:
        shell.substituted = 0
        argv = expansion.fields(shell, command.words)
        if not argv:
            return _assign(shell, command)
        assigned = {name: expansion.text(shell, word) for name, word in command.assignments}
    except expansion.ExpansionFault as fault:
        shell.fault(str(fault))
    if argv[0] == "exec":
        return _exec(shell, argv[1:], command, assigned)
    if not command.redirections:
        return _invoke(shell, argv, assigned)
    with redirected(shell, command.redirections) as done:
        if not done:
            if argv[0] in SPECIAL:
                raise Exit(FAULT)
            return FAULT
        return _invoke(shell, argv, assigned)


def _assign(shell: Session, command: Simple) -> int:
    with redirected(shell, command.redirections) if command.redirections else nullcontext(True) as done:
        for name, word in command.assignments:
            shell.assign(name, expansion.text(shell, word))
    return shell.substituted if done else FAULT


def _invoke(shell: Session, argv: list[str], assigned: dict[str, str]) -> int:
    name = argv[0]
    if name in SPECIAL:
        for key, value in assigned.items():
            shell.assign(key, value)
        return _builtin(shell, SPECIAL[name], argv)
    if name not in shell.functions and name not in BUILTINS:
        return shell.execute(argv, assigned)
    before = {key: shell.variables[key] for key in assigned if key in shell.variables}
    shell.variables.update(assigned)
    try:
        if name in shell.functions:
            return _call(shell, argv)
        return _builtin(shell, BUILTINS[name], argv)
    finally:
        for key in assigned:
            shell.variables.pop(key, None)
            shell.variables.update({key: before[key]} if key in before else {})


def _builtin(shell: Session, builtin: Builtin, argv: list[str]) -> int:
    try:
        return builtin(shell, argv)
    except FileError:
        shell.complain(f"{argv[0]}: {argv[0]}: I/O error")
        return 1


def _call(shell: Session, argv: list[str]) -> int:
    outer, shell.arguments = shell.arguments, argv[1:]
    try:
        return shell.command(shell.functions[argv[0]])
    except Return as leaving:
        return leaving.status
    finally:
        shell.arguments = outer


def _exec(shell: Session, argv: list[str], command: Simple, assigned: dict[str, str]) -> int:
    for redirection in command.redirections:
        if not redirect(shell, redirection):
            raise Exit(FAULT)
    if not argv:
        return 0
    shell.process.environment = shell.environment() | assigned
    raise Exit(launch(shell.process, argv, shell.complain))
