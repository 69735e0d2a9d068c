"""Finds what a command's name means and starts it, as execvp would."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from common_compute_mocks.interpreter.failures import FileError, NotUnderstood
from common_compute_mocks.interpreter.files import Binary, Directory, File, Node
from common_compute_mocks.interpreter.world import Process

NOT_FOUND = 127
NOT_EXECUTABLE = 126
_DEFAULT_PATH = "/bin:/usr/bin"
_SHELLS = ("sh", "dash", "bash")


def launch(process: Process, argv: list[str], complain: Callable[[str], None]) -> int:
    """Run a program in this process and give its exit code; `complain` says why it cannot be run.

    Raises:
        NotUnderstood: it may well exist, but not here.
    """
    name = argv[0]
    node, path = find(process, name)
    if node is None:
        if not _is_missing(process, name):
            raise NotUnderstood(name)
        complain(f"{name}: not found")
        return NOT_FOUND
    if isinstance(node, Binary):
        if node.name not in process.world.programs:
            raise NotUnderstood(name)
        return _run(process, node.name, argv)
    if not isinstance(node, File) or not node.executable:
        complain(f"{name}: Permission denied")
        return NOT_EXECUTABLE
    interpreter, *option = _interpreter(node)
    if posixpath.basename(interpreter) == "env" and option:
        interpreter, *option = option
    if posixpath.basename(interpreter) not in _SHELLS:
        raise NotUnderstood(interpreter)
    return _run(process, "sh", [interpreter, *option, path, *argv[1:]])


def find(process: Process, name: str) -> tuple[Node | None, str]:
    """Look a command's name up in the file system, or in PATH, and say where it was."""
    tree = process.world.tree
    if "/" in name:
        return tree.find(process.absolute(name)), name
    for place in process.environment.get("PATH", _DEFAULT_PATH).split(":"):
        path = posixpath.join(place or ".", name)
        node = tree.find(process.absolute(path))
        if node is not None and not isinstance(node, Directory):
            return node, path
    return None, name


def _is_missing(process: Process, name: str) -> bool:
    """Tell whether a name surely means nothing: a path into a directory that is all here, or a known program
    that PATH hides."""
    if "/" not in name:
        return not name or name in process.world.programs
    return not name.startswith(_IMAGES_OWN)


_IMAGES_OWN = ("/app/", "/bin/", "/code/", "/cvmfs/", "/home/", "/opt/", "/root/", "/sbin/", "/srv/", "/usr/")
"""Where an image, or a software area, keeps programs that nobody here knows."""


def _run(process: Process, program: str, argv: list[str]) -> int:
    try:
        return process.world.programs[program](process, argv)
    except FileError as error:
        process.complain(f"{posixpath.basename(argv[0])}: write error: {error.words}")
        return 1


def _interpreter(script: File) -> list[str]:
    first = bytes(script.content[:256]).split(b"\n", 1)[0].decode("latin-1")
    if first.startswith("\x7fELF"):
        raise NotUnderstood("a binary")
    return first[2:].split(None, 1) if first.startswith("#!") else ["/bin/sh"]
