"""Programs about processes: sh, env, sleep, kill, pwd, test, true, false, nohup."""

from __future__ import annotations

import re
from math import inf

from common_compute_mocks.interpreter.builtins import kill
from common_compute_mocks.interpreter.conditions import ConditionFault, holds
from common_compute_mocks.interpreter.failures import FileError, NotUnderstood, ShellSyntaxError
from common_compute_mocks.interpreter.launch import launch
from common_compute_mocks.interpreter.leaving import Exit
from common_compute_mocks.interpreter.parser import parse
from common_compute_mocks.interpreter.shell import Shell
from common_compute_mocks.interpreter.special import evaluate
from common_compute_mocks.interpreter.world import Process, Program

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_ASSIGNMENT = re.compile(r"[^=]+=", re.DOTALL)


def sh(process: Process, argv: list[str]) -> int:
    """Run a script: of `-c`, of a file, or of standard input."""
    words, options, by_text = argv[1:], "", False
    while words and re.fullmatch(r"-[a-z]+", words[0]) and words[0] != "--":
        options += words.pop(0)[1:]
    by_text = "c" in options
    if words[:1] == ["--"]:
        del words[0]
    if not set(options) <= set("cefu"):
        raise NotUnderstood(" ".join(argv[:2]))
    if by_text and not words:
        process.complain(f"{argv[0]}: 0: -c requires an argument")
        return 2
    name, arguments = argv[0], words
    if by_text:
        script, name, arguments = words[0], words[1] if len(words) > 1 else argv[0], words[2:]
    elif words:
        name, arguments = words[0], words[1:]
        try:
            script = process.open(name, "r").read().decode("latin-1")
        except FileError:
            process.complain(f"{argv[0]}: 0: cannot open {name}: No such file")
            return 2
    else:
        script = process.stdin().read().decode("latin-1")
    shell = Shell(process, name, arguments)
    shell.options.update(dict.fromkeys(set(options) - {"c"}, True))
    if argv[0].endswith("bash"):
        _understand(script)
    try:
        return evaluate(shell, script)
    except Exit as leaving:
        return leaving.status


def _understand(script: str) -> None:
    """Leave what only bash could read to somebody who knows it."""
    try:
        parse(script)
    except ShellSyntaxError as error:
        raise NotUnderstood(error.detail) from None


def env(process: Process, argv: list[str]) -> int:
    """Show the environment, or run a program in another one."""
    words, end = argv[1:], "\n"
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word in ("-i", "-", "--ignore-environment"):
            process.environment = {}
        elif word in ("-0", "--null"):
            end = "\0"
        elif word == "-u" and words:
            process.environment.pop(words.pop(0), None)
        elif word != "--":
            raise NotUnderstood(f"env {word}")
    while words and _ASSIGNMENT.match(words[0]):
        name, _, value = words.pop(0).partition("=")
        process.environment[name] = value
    if words:
        return launch(process, words, lambda complaint: process.complain(_env_words(complaint)))
    process.write("".join(f"{name}={value}{end}" for name, value in process.environment.items()))
    return 0


def _env_words(complaint: str) -> str:
    name, _, words = complaint.rpartition(": ")
    return f"env: '{name}': {'No such file or directory' if words == 'not found' else words}"


def sleep(process: Process, argv: list[str]) -> int:
    """Let time pass."""
    total = 0.0
    for word in argv[1:]:
        found = re.fullmatch(r"([0-9]*\.?[0-9]+|[0-9]+\.)([smhd]?)|inf(?:inity)?", word)
        if found is None:
            process.complain(f"sleep: invalid time interval '{word}'")
            return 1
        total += float(found[1]) * _UNITS[found[2]] if found[1] else inf
    if len(argv) < 2:
        process.complain("sleep: missing operand")
        return 1
    process.sleep(total)
    return 0


def kill_program(process: Process, argv: list[str]) -> int:
    """Send a signal."""
    return kill(process, argv, process.complain)


def pwd(process: Process, _argv: list[str]) -> int:
    """Say where this is."""
    process.write(process.directory + "\n")
    return 0


def test(process: Process, argv: list[str]) -> int:
    """Check a condition."""
    arguments = argv[1:-1] if argv[0].endswith("[") and argv[-1] == "]" else argv[1:]
    try:
        return int(not holds(process, arguments))
    except ConditionFault as fault:
        process.complain(f"{argv[0]}: {fault}")
        return 2


def nohup(process: Process, argv: list[str]) -> int:
    """Run a program; there is no terminal whose end could matter."""
    return launch(process, argv[1:], process.complain) if len(argv) > 1 else 125


PROGRAMS: dict[str, Program] = {
    "[": test,
    "bash": sh,
    "dash": sh,
    "env": env,
    "false": lambda _process, _argv: 1,
    "kill": kill_program,
    "nohup": nohup,
    "pwd": pwd,
    "sh": sh,
    "sleep": sleep,
    "test": test,
    "true": lambda _process, _argv: 0,
}
