"""Walks a shell program: what `sh` does with the tree that `parser.py` reads."""

from __future__ import annotations

from math import inf

from common_compute_mocks.interpreter import expansion, patterns
from common_compute_mocks.interpreter.ends import End, NullEnd, PipeEnd
from common_compute_mocks.interpreter.failures import OutOfTime, Signalled
from common_compute_mocks.interpreter.invocation import run_simple
from common_compute_mocks.interpreter.leaving import FAULT, Exit, Return
from common_compute_mocks.interpreter.loops import run_for, run_while
from common_compute_mocks.interpreter.redirection import redirected
from common_compute_mocks.interpreter.session import Session
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
from common_compute_mocks.interpreter.world import Background


class Shell(Session):
    """A session that runs programs."""

    def run(self, program: Sequence) -> int:
        """Run a whole program up to its `exit`."""
        try:
            return self.sequence(program)
        except (Exit, Return) as leaving:
            return leaving.status

    def capture(self, program: Sequence) -> str:
        """Run a program in a subshell and give what it writes, without line feeds at the end."""
        child = self.fork()
        pipe = PipeEnd()
        child.process.ends[1] = pipe
        self.substituted = self._join(child, program)
        return pipe.read().decode("latin-1").rstrip("\n").replace("\0", "")

    def sequence(self, program: Sequence) -> int:
        """Run lists one after the other."""
        if not program.items:
            self.last_status = 0
        for item, background in program.items:
            self.last_status = self._start(item) if background else self.command(item)
        return self.last_status

    def _start(self, item: Command) -> int:
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

    def _and_or(self, first: Command, rest: tuple[tuple[str, Command], ...]) -> int:
        commands = [("&&", first), *rest]
        status = 0
        for place, (operator, command) in enumerate(commands):
            if place and (status == 0) != (operator == "&&"):
                continue
            if place < len(commands) - 1:
                with self.tested:
                    status = self.command(command)
            else:
                status = self.command(command)
            self.last_status = status
        return status

    def _pipeline(self, commands: tuple[Command, ...]) -> int:
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
            status = self._exit_status(child, Sequence(((command, False),)))
            end = max(end, child.process.time)
        self.process.time = end
        return self._checked(status)

    def _checked(self, status: int) -> int:
        if status and self.options["e"] and not self.tested:
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
                    with self.tested:
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
            case AndOr(first, rest):
                return self._and_or(first, rest)
            case Pipeline(commands, negated):
                if not negated:
                    return self._pipeline(commands)
                with self.tested:
                    return int(not self._pipeline(commands))
            case Function(name, body):
                self.functions[name] = body
                return 0
            case Redirected(inner, redirections, line):
                self.line = line
                with redirected(self, redirections) as done:
                    return self.command(inner) if done else self._checked(FAULT)
