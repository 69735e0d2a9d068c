"""Loops of a shell, with `break` and `continue` out of as many of them as they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from common_compute_mocks.interpreter import expansion
from common_compute_mocks.interpreter.special import Break, Continue
from common_compute_mocks.interpreter.syntax import For, While

if TYPE_CHECKING:
    from common_compute_mocks.interpreter.shell import Shell


def run_while(shell: Shell, loop: While) -> int:
    """Repeat while, or until, a condition holds."""
    status = 0
    with _inside(shell):
        while True:
            shell.process.world.step()
            try:
                with shell.tested():
                    if (shell.sequence(loop.condition) == 0) == loop.until:
                        return status
                status = shell.sequence(loop.body)
            except Break as leaving:
                leaving.pass_on(shell.loops)
                return 0
            except Continue as skipping:
                skipping.pass_on(shell.loops)


def run_for(shell: Shell, loop: For) -> int:
    """Repeat for each of some words, or of the positional parameters."""
    values = shell.arguments if loop.words is None else expansion.fields(shell, loop.words)
    status = 0
    with _inside(shell):
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


@contextmanager
def _inside(shell: Shell) -> Iterator[None]:
    shell.loops += 1
    try:
        yield
    finally:
        shell.loops -= 1
