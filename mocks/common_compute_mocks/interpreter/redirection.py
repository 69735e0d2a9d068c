"""Redirections of a command: descriptors that lead to files, documents and each other, XCU 2.7."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from common_compute_mocks.interpreter import expansion
from common_compute_mocks.interpreter.ends import PipeEnd
from common_compute_mocks.interpreter.failures import FileError
from common_compute_mocks.interpreter.session import Session
from common_compute_mocks.interpreter.syntax import HereDocument, Redirection


@contextmanager
def redirected(shell: Session, redirections: tuple[Redirection, ...]) -> Iterator[bool]:
    """Open what a command's redirections name, for as long as it runs; False if one of them cannot be."""
    before = dict(shell.process.ends)
    try:
        yield all(redirect(shell, redirection) for redirection in redirections)
    finally:
        shell.process.ends = before


def redirect(shell: Session, redirection: Redirection) -> bool:
    """Lead a descriptor elsewhere, and tell whether that could be done."""
    ends, descriptor = shell.process.ends, redirection.descriptor
    if isinstance(redirection.target, HereDocument):
        content = expansion.text(shell, redirection.target.content)
        ends[descriptor] = PipeEnd(content.encode("latin-1"))
        return True
    target = expansion.text(shell, redirection.target)
    if redirection.operator in (">&", "<&"):
        return _duplicate(shell, descriptor, target)
    mode = {"<": "r", "<>": "a", ">>": "a"}.get(redirection.operator, "w")
    try:
        ends[descriptor] = shell.process.open(target, mode)
    except FileError as error:
        verb = "open" if mode == "r" else "create"
        words = {("open", "No such file or directory"): "No such file"}.get((verb, error.words), error.words)
        words = "Directory nonexistent" if (verb, words) == ("create", "No such file or directory") else words
        shell.complain(f"cannot {verb} {target}: {words}")
        return False
    return True


def _duplicate(shell: Session, descriptor: int, target: str) -> bool:
    if target == "-":
        shell.process.ends.pop(descriptor, None)
        return True
    if not target.isdigit() or int(target) not in shell.process.ends:
        shell.complain(f"{target}: Bad file descriptor")
        return False
    shell.process.ends[descriptor] = shell.process.ends[int(target)]
    return True
