"""Find the line of a YAML file on which a value stands, by its JSON pointer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import yaml

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # a PyYAML built without libyaml reads the same, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


class Places:
    """The lines of a file's values, counted from 1."""

    def __init__(self, text: str) -> None:
        self._text = text.splitlines()
        root = yaml.compose(text, Loader=_Loader)
        self._lines = dict(_walk(root, "", 1)) if root is not None else {}

    def line(self, pointer: str) -> int:
        """Give the line of a value, or of the nearest one around it that the file has."""
        while pointer and pointer not in self._lines:
            pointer = pointer.rpartition("/")[0]
        return self._lines.get(pointer, 1)

    def line_of_words(self, pointer: str, words: str) -> int:
        """Give the line of the last of some words in a text, which may be folded between them."""
        first = self.line(pointer)
        for number, (here, below) in enumerate(pairwise([*self._text[first - 1 :], ""]), first):
            if words in " ".join(f"{here} {below}".split()):
                return number if words.rpartition(" ")[2] in here else number + 1
        return first


def step(name: object) -> str:
    """Write a name as one step of a JSON pointer (RFC 6901)."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


def _walk(node: yaml.Node, pointer: str, line: int) -> Iterator[tuple[str, int]]:
    yield pointer, line
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield from _walk(value, pointer + step(key.value), key.start_mark.line + 1)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, pointer + step(number), value.start_mark.line + 1)
