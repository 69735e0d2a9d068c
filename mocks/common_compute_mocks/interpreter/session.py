"""One shell's own state, and what its commands may ask of whoever walks the program."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from typing import NoReturn, Self

from common_compute_mocks.interpreter.failures import Signalled
from common_compute_mocks.interpreter.launch import launch
from common_compute_mocks.interpreter.leaving import FAULT, Depth, Exit
from common_compute_mocks.interpreter.lexer import NAME
from common_compute_mocks.interpreter.syntax import Command, Sequence
from common_compute_mocks.interpreter.world import Process

_UNREPORTED = (signal.SIGINT, signal.SIGPIPE)


class Session(ABC):
    """One shell process with its variables, functions and options.

    Expansions, built-ins, redirections and loops know a shell as this. The three verbs that run a program are
    `shell.Shell`'s, which stands above them all.
    """

    def __init__(self, process: Process, name: str, arguments: list[str]) -> None:
        self.process = process
        self.name = name
        self.arguments = arguments
        self.pid = process.pid
        """What `$$` says: the number of the shell itself, also in its subshells."""
        self.variables = {key: value for key, value in process.environment.items() if NAME.fullmatch(key)}
        self.exported = set(self.variables) | {"PWD"}
        self.variables["PWD"] = process.directory
        self.functions: dict[str, Command] = {}
        self.options = dict.fromkeys("efu", False)
        self.last_status = 0
        self.last_background = 0
        self.substituted = 0
        """The status of the last command substitution, which is that of a line without a command."""
        self.line = 1
        self.tested = Depth()
        """Inside what tests a command, `set -e` forgives that it fails."""
        self.loops = Depth()

    @abstractmethod
    def sequence(self, program: Sequence) -> int:
        """Run lists one after the other, and give the last one's status."""

    @abstractmethod
    def command(self, command: Command) -> int:
        """Run one command, and give its status."""

    @abstractmethod
    def capture(self, program: Sequence) -> str:
        """Run a program in a subshell and give what it writes, without line feeds at the end."""

    def read(self, name: str, default: str) -> str:
        """Give a variable."""
        return self.variables.get(name, default)

    def assign(self, name: str, value: str) -> None:
        """Set a variable."""
        self.process.world.hold(len(value))
        self.variables[name] = value

    def parameter(self, name: str) -> str | None:
        """Give what `$name` stands for, None if it is not set."""
        value = self.variables.get(name)
        if value is not None:
            return value
        if name.isdigit():
            if name == "0":
                return self.name
            place = int(name) - 1
            return self.arguments[place] if place < len(self.arguments) else None
        match name:
            case "?":
                return str(self.last_status)
            case "$":
                return str(self.pid)
            case "!":
                return str(self.last_background) if self.last_background else None
            case "#":
                return str(len(self.arguments))
            case "-":
                return "".join(option for option, on in self.options.items() if on)
            case "@" | "*":
                return self.variables.get("IFS", " ")[:1].join(self.arguments) if self.arguments else None
        return None

    def environment(self) -> dict[str, str]:
        """Give what a program started from here inherits."""
        return {name: value for name, value in self.variables.items() if name in self.exported}

    def complain(self, words: str) -> None:
        """Say what is wrong, as a shell does."""
        self.process.complain(f"{self.name}: {self.line}: {words}")

    def fault(self, words: str) -> NoReturn:
        """Say what is wrong and give up."""
        self.complain(words)
        raise Exit(FAULT)

    def report(self, number: int) -> None:
        """Say by which signal a child died."""
        if number not in _UNREPORTED:
            self.process.complain(signal.strsignal(number) or f"Signal {number}")

    def fork(self) -> Self:
        """Make a subshell."""
        child = type(self).__new__(type(self))
        child.__dict__.update(self.__dict__)
        child.process = self.process.child()
        child.arguments = list(self.arguments)
        child.variables = dict(self.variables)
        child.exported = set(self.exported)
        child.functions = dict(self.functions)
        child.options = dict(self.options)
        child.tested = Depth(self.tested.now)
        child.loops = Depth()
        return child

    def execute(self, argv: list[str], assigned: dict[str, str]) -> int:
        """Run a program in a process of its own and wait for it."""
        child = self.process.child()
        child.environment = self.environment() | assigned
        try:
            return launch(child, argv, self.complain)
        except Signalled as death:
            if death.pid != child.pid:
                raise
            self.report(death.number)
            return 128 + death.number
        finally:
            self.process.time = child.time
