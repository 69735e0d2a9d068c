"""Loops of a shell, with `break` and `continue` out of as many of them as they say."""

from __future__ import annotations

from common_compute_mocks.interpreter import expansion
from common_compute_mocks.interpreter.leaving import Break, Continue
from common_compute_mocks.interpreter.session import Session
from common_compute_mocks.interpreter.syntax import For, While


def run_while(shell: Session, loop: While) -> int:
    """Repeat while, or until, a condition holds."""
    status = 0
    with shell.loops:
        while True:
            shell.process.world.step()
            try:
                with shell.tested:
                    if (shell.sequence(loop.condition) == 0) == loop.until:
                        return status
                status = shell.sequence(loop.body)
            except Break as leaving:
                leaving.pass_on(shell.loops)
                return 0
            except Continue as skipping:
                skipping.pass_on(shell.loops)


def run_for(shell: Session, loop: For) -> int:
    """Repeat for each of some words, or of the positional parameters."""
    values = shell.arguments if loop.words is None else expansion.fields(shell, loop.words)
    status = 0
    with shell.loops:
        for value in list(values):
            shell.assign(loop.name, value)
            try:
                status = shell.sequence(loop.body)
            except Break as leaving:
                leaving.pass_on(shell.loops)
                return 0
            except Continue as skipping:
                skipping.pass_on(shell.loops)
    return status
