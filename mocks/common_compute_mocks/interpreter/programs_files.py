"""Programs that change the file system: mkdir, rmdir, rm, ln, cp, mv, touch, chmod, ls, mktemp."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from common_compute_mocks.interpreter.failures import FileError, NotUnderstood
from common_compute_mocks.interpreter.files import (
    IS_A_DIRECTORY,
    NOT_A_DIRECTORY,
    NOT_EMPTY,
    Directory,
    File,
    Link,
    Node,
)
from common_compute_mocks.interpreter.world import Process, Program


def _options(argv: list[str], known: str) -> tuple[str, list[str]]:
    options = ""
    names: list[str] = []
    for place, word in enumerate(argv[1:], 2):
        if word == "--":
            return options, names + argv[place:]
        if word.startswith("-") and len(word) > 1:
            options += word[1:]
        else:
            names.append(word)
    if not set(options) <= set(known):
        raise NotUnderstood(" ".join(argv))
    return options, names


def _each(process: Process, names: list[str], complaint: str, act: Callable[[str], None]) -> int:
    status = 0
    for name in names:
        try:
            act(name)
        except FileError as error:
            process.complain(f"{complaint.format(name)}: {error.words}")
            status = 1
    return status


def mkdir(process: Process, argv: list[str]) -> int:
    """Make directories, with -p those above them too."""
    options, names = _options(argv, "p")
    tree = process.world.tree

    def make(name: str) -> None:
        path = process.absolute(name)
        if "p" not in options:
            tree.put(path, Directory(writable=True))
            return
        parts = path.split("/")
        for end in range(2, len(parts) + 1):
            upper = "/".join(parts[:end])
            node = tree.find(upper)
            if node is None:
                tree.put(upper, Directory(writable=True))
            elif not isinstance(node, Directory):
                raise FileError("File exists" if end == len(parts) else NOT_A_DIRECTORY)

    return _each(process, names, "mkdir: cannot create directory '{}'", make)


def rmdir(process: Process, argv: list[str]) -> int:
    """Remove empty directories."""
    _, names = _options(argv, "")

    def remove(name: str) -> None:
        if process.world.tree.directory(process.absolute(name)).entries:
            raise FileError(NOT_EMPTY)
        process.world.tree.remove(process.absolute(name))

    return _each(process, names, "rmdir: failed to remove '{}'", remove)


def rm(process: Process, argv: list[str]) -> int:
    """Remove files, with -r directories too."""
    options, names = _options(argv, "rRf")
    tree = process.world.tree

    def remove(name: str) -> None:
        path = process.absolute(name)
        if "f" in options and tree.find(path, follow=False) is None:
            return
        if isinstance(tree.lookup(path, follow=False), Directory) and not set("rR") & set(options):
            raise FileError(IS_A_DIRECTORY)
        tree.remove(path)

    return _each(process, names, "rm: cannot remove '{}'", remove)


def ln(process: Process, argv: list[str]) -> int:
    """Make links: symbolic ones with -s, else another name of the same file."""
    options, names = _options(argv, "sfn")
    if not names:
        raise NotUnderstood(" ".join(argv))
    tree = process.world.tree
    source, where = names[0], names[1] if len(names) > 1 else "."
    kind = "symbolic link" if "s" in options else "hard link"

    def link(name: str) -> None:
        path = process.absolute(name)
        if isinstance(tree.find(path), Directory):
            path = posixpath.join(path, posixpath.basename(source))
        node: Node = Link(source) if "s" in options else tree.lookup(process.absolute(source))
        tree.put(path, node, replace="f" in options)

    return _each(process, [where], f"ln: failed to create {kind} '{{}}'", link)


def _copied(process: Process, name: str) -> Node:
    node = process.world.tree.lookup(process.absolute(name))
    if not isinstance(node, File):
        raise NotUnderstood("cp of what is no file")
    return node


def cp(process: Process, argv: list[str]) -> int:
    """Copy files."""
    _, names = _options(argv, "pf")
    *sources, where = names
    tree = process.world.tree

    def copy(name: str) -> None:
        file = _copied(process, name)
        assert isinstance(file, File)
        path = process.absolute(where)
        if isinstance(tree.find(path), Directory):
            path = posixpath.join(path, posixpath.basename(name))
        target = tree.open_to_write(path, append=False)
        if isinstance(target, File) and target is not file:
            tree.write(target, 0, bytes(file.content))
            target.executable = file.executable

    return _each(process, sources, "cp: cannot stat '{}'", copy)


def mv(process: Process, argv: list[str]) -> int:
    """Give files and directories another name."""
    _, names = _options(argv, "f")
    *sources, where = names
    tree = process.world.tree

    def move(name: str) -> None:
        node = tree.lookup(process.absolute(name), follow=False)
        path = process.absolute(where)
        if isinstance(tree.find(path), Directory):
            path = posixpath.join(path, posixpath.basename(name))
        tree.remove(process.absolute(name))
        tree.put(path, node, replace=True)

    return _each(process, sources, "mv: cannot stat '{}'", move)


def touch(process: Process, argv: list[str]) -> int:
    """Make files that are not there."""
    _, names = _options(argv, "")

    def make(name: str) -> None:
        if process.world.tree.find(process.absolute(name)) is None:
            process.world.tree.open_to_write(process.absolute(name), append=True)

    return _each(process, names, "touch: cannot touch '{}'", make)


def chmod(process: Process, argv: list[str]) -> int:
    """Make files executable, or no more."""
    if len(argv) < 3 or argv[1] not in ("+x", "a+x", "u+x", "755", "700", "-x", "644", "600"):
        raise NotUnderstood(" ".join(argv))

    def change(name: str) -> None:
        node = process.world.tree.lookup(process.absolute(name))
        if isinstance(node, File):
            node.executable = argv[1] in ("+x", "a+x", "u+x", "755", "700")

    return _each(process, argv[2:], "chmod: cannot access '{}'", change)


def ls(process: Process, argv: list[str]) -> int:
    """List names, one a line; -a and -A show hidden ones, -d the directory itself."""
    options, names = _options(argv, "aA1d")
    tree = process.world.tree

    def show(name: str) -> None:
        node = tree.lookup(process.absolute(name))
        if not isinstance(node, Directory) or "d" in options:
            process.write(name + "\n")
            return
        entries = [entry for entry in node.entries if set("aA") & set(options) or not entry.startswith(".")]
        entries += [".", ".."] if "a" in options else []
        heading = f"{name}:\n" if len(names) > 1 else ""
        process.write(heading + "".join(entry + "\n" for entry in sorted(entries)))

    return _each(process, names or ["."], "ls: cannot access '{}'", show) and 2


PROGRAMS: dict[str, Program] = {
    "chmod": chmod,
    "cp": cp,
    "ln": ln,
    "ls": ls,
    "mkdir": mkdir,
    "mv": mv,
    "rm": rm,
    "rmdir": rmdir,
    "touch": touch,
}
