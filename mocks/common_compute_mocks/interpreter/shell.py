"""Walks a shell program: what `sh` does with the tree that `parser.py` reads."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import NoReturn

from common_compute_mocks.interpreter import expansion, patterns
from common_compute_mocks.interpreter.ends import End, NullEnd, PipeEnd
from common_compute_mocks.interpreter.failures import OutOfTime, Signalled
from common_compute_mocks.interpreter.invocation import run_simple
from common_compute_mocks.interpreter.launch import launch
from common_compute_mocks.interpreter.lexer import NAME
from common_compute_mocks.interpreter.loops import run_for, run_while
from common_compute_mocks.interpreter.redirection import FAULT, redirected
from common_compute_mocks.interpreter.special import Exit, Return
from common_compute_mocks.interpreter.syntax import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Pipeline,
    Redirected,
    Sequence,
    Simple,
    While,
)
from common_compute_mocks.interpreter.world import Background, Process

_UNREPORTED = (signal.SIGINT, signal.SIGPIPE)


class Shell:
    """One shell process with its variables, functions and options."""

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
        self._tested = 0
        self.loops = 0

    def read(self, name: str, default: str) -> str:
        """Give a variable."""
        return self.variables.get(name, default)

    def assign(self, name: str, value: str) -> None:
        """Set a variable."""
        self.process.world.hold(len(value))
        self.variables[name] = value

    def parameter(self, name: str) -> str | None:
        """Give what `$name` stands for, None if it is not set."""
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
        return self.variables.get(name)

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

    def run(self, program: Sequence) -> int:
        """Run a whole program up to its `exit`."""
        try:
            return self.sequence(program)
        except (Exit, Return) as leaving:
            return leaving.status

    def fork(self) -> Shell:
        """Make a subshell."""
        child = Shell.__new__(Shell)
        child.__dict__.update(self.__dict__)
        child.process = self.process.child()
        child.arguments = list(self.arguments)
        child.variables = dict(self.variables)
        child.exported = set(self.exported)
        child.functions = dict(self.functions)
        child.options = dict(self.options)
        child.loops = 0
        return child

    def capture(self, program: Sequence) -> str:
        """Run a program in a subshell and give what it writes, without line feeds at the end."""
        child = self.fork()
        pipe = PipeEnd()
        child.process.ends[1] = pipe
        self.substituted = self._join(child, program)
        return pipe.read().decode("latin-1").rstrip("\n").replace("\0", "")

    def sequence(self, program: Sequence) -> int:
        """Run lists one after the other."""
        self.last_status = self.last_status if program.items else 0
        for item, background in program.items:
            self.last_status = self._start(item) if background else self._and_or(item)
        return self.last_status

    def _start(self, item: AndOr) -> int:
        child = self.fork()
        process = child.process
        process.branch = process.branch or process.pid
        process.ends[0] = NullEnd()
        try:
            status = self._exit_status(child, Sequence(((item, False),)))
            ends_at = process.time
        except OutOfTime:
            status, ends_at = 0, inf
        self.process.world.background[process.pid] = Background(status, ends_at)
        self.last_background = process.pid
        return 0

    def _exit_status(self, child: Shell, program: Sequence) -> int:
        try:
            return child.run(program)
        except Signalled as death:
            if death.pid != child.process.pid:
                raise
            return 128 + death.number

    def _join(self, child: Shell, program: Sequence) -> int:
        status = self._exit_status(child, program)
        self.process.time = max(self.process.time, child.process.time)
        return status

    @contextmanager
    def tested(self) -> Iterator[None]:
        """Mark commands whose failure `set -e` forgives."""
        self._tested += 1
        try:
            yield
        finally:
            self._tested -= 1

    def _and_or(self, item: AndOr) -> int:
        pipelines = [("&&", item.first), *item.rest]
        status = 0
        for place, (operator, pipeline) in enumerate(pipelines):
            if place and (status == 0) != (operator == "&&"):
                continue
            if place < len(pipelines) - 1:
                with self.tested():
                    status = self._pipeline(pipeline)
            else:
                status = self._pipeline(pipeline)
            self.last_status = status
        return status

    def _pipeline(self, pipeline: Pipeline) -> int:
        if pipeline.negated:
            with self.tested():
                return int(not self._stages(pipeline.commands))
        return self._stages(pipeline.commands)

    def _stages(self, commands: tuple[Command, ...]) -> int:
        if len(commands) == 1:
            return self.command(commands[0])
        start = end = self.process.time
        source: End | None = None
        status = 0
        for place, command in enumerate(commands):
            child = self.fork()
            child.process.time = start
            if source is not None:
                child.process.ends[0] = source
            if place < len(commands) - 1:
                child.process.ends[1] = source = PipeEnd()
            status = self._exit_status(child, _alone(command))
            end = max(end, child.process.time)
        self.process.time = end
        return self._checked(status)

    def _checked(self, status: int) -> int:
        if status and self.options["e"] and not self._tested:
            raise Exit(status)
        return status

    def command(self, command: Command) -> int:
        """Run one command."""
        self.process.world.step()
        match command:
            case Simple():
                return self._checked(run_simple(self, command))
            case Group(body, subshell):
                return self._checked(self._join(self.fork(), body)) if subshell else self.sequence(body)
            case If(branches, otherwise):
                for condition, body in branches:
                    with self.tested():
                        holds = self.sequence(condition) == 0
                    if holds:
                        return self.sequence(body)
                return self.sequence(otherwise) if otherwise else 0
            case While():
                return run_while(self, command)
            case For():
                return run_for(self, command)
            case Case(word, arms):
                text = expansion.text(self, word)
                for choices, body in arms:
                    if any(patterns.fits(expansion.pattern(self, choice), text) for choice in choices):
                        self.last_status = 0
                        return self.sequence(body)
                return 0
            case Function(name, body):
                self.functions[name] = body
                return 0
            case Redirected(inner, redirections, line):
                self.line = line
                with redirected(self, redirections) as done:
                    return self.command(inner) if done else self._checked(FAULT)

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


def _alone(command: Command) -> Sequence:
    return Sequence(((AndOr(Pipeline((command,), negated=False), ()), False),))
