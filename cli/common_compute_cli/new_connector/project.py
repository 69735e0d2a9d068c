"""The files of a new connector's project, out of the templates beside this module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 40

_SUFFIX = ".txt"  # so that no tool takes a template for what it will be
_PLACES = {"package": "{package}", "gitignore": ".gitignore"}


def package_name(name: str) -> str:
    """Give the name of a connector's Python package: never one that hides a module of somebody else's."""
    return f"{name.replace('-', '_')}_connector"


def project(name: str) -> Mapping[str, str]:
    """Give the texts of a project's files, by their paths within its folder."""
    package = package_name(name)
    texts = {}
    for path, template in _templates(files(__package__).joinpath("template")):
        place = "/".join(_PLACES.get(word, word) for word in path.removesuffix(_SUFFIX).split("/"))
        texts[place.format(package=package)] = Template(template).substitute(name=name, package=package)
    return texts


def _templates(folder: Traversable, path: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _templates(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield f"{path}{entry.name}", entry.read_text(encoding="utf-8")
