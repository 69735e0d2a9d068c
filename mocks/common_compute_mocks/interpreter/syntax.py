"""A shell program once it is read: words made of parts, commands made of words.

A part is `direct` if, where a word is nothing else, it gives one field with nothing to split or to look up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar

_CAREFUL = re.compile(r"[*?\\~]|\[.+\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Text:
    """Characters that stand for themselves; what is quoted is neither split nor a pattern."""

    text: str
    quoted: bool
    direct: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "direct", self.quoted or not _CAREFUL.search(self.text))


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$name` or `${name...}`; `operator` stands between the name and the word, or is `length`."""

    name: str
    operator: str
    word: Word | None
    quoted: bool
    direct: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "direct", self.quoted and not self.operator and self.name not in "@*")


@dataclass(frozen=True, slots=True)
class Substitution:
    """`$(program)`."""

    direct: ClassVar[bool] = False
    program: Sequence
    quoted: bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`$((expression))`, a word that is expanded before it is reckoned."""

    direct: ClassVar[bool] = False
    expression: Word
    quoted: bool


Part = Text | Parameter | Substitution | Arithmetic
Word = tuple[Part, ...]


class HereDocument:
    """The lines behind `<<`, which are read only when their line is over."""

    __slots__ = ("content", "delimiter", "literal", "strip_tabs")

    def __init__(self, delimiter: str, *, literal: bool, strip_tabs: bool) -> None:
        self.delimiter = delimiter
        self.literal = literal
        self.strip_tabs = strip_tabs
        self.content: Word = ()


@dataclass(frozen=True, slots=True)
class Redirection:
    """`descriptor operator target`."""

    descriptor: int
    operator: str
    target: Word | HereDocument


@dataclass(frozen=True, slots=True)
class Simple:
    """Assignments and words; the first word is the command's name."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Group:
    """`{ ... }`, or `( ... )` in a process of its own."""

    body: Sequence
    subshell: bool


@dataclass(frozen=True, slots=True)
class If:
    """`if`, its `elif`s, and what `else` says."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None


@dataclass(frozen=True, slots=True)
class While:
    """`while`, or `until`."""

    condition: Sequence
    body: Sequence
    until: bool


@dataclass(frozen=True, slots=True)
class For:
    """`for name in words`; without words the positional parameters."""

    name: str
    words: tuple[Word, ...] | None
    body: Sequence


@dataclass(frozen=True, slots=True)
class Case:
    """`case word in pattern | pattern) ... ;; esac`."""

    word: Word
    arms: tuple[tuple[tuple[Word, ...], Sequence], ...]


@dataclass(frozen=True, slots=True)
class Function:
    """`name() command`."""

    name: str
    body: Command


@dataclass(frozen=True, slots=True)
class Redirected:
    """A compound command with redirections behind it."""

    command: Command
    redirections: tuple[Redirection, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by `|`, or a single one, negated by `!`."""

    commands: tuple[Command, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class AndOr:
    """Commands joined by `&&` and `||`, which stands before each of the rest."""

    first: Command
    rest: tuple[tuple[str, Command], ...]


Command = Simple | Group | If | While | For | Case | Function | Redirected | Pipeline | AndOr


@dataclass(frozen=True, slots=True)
class Sequence:
    """Lists one after the other; the flag says that `&` follows."""

    items: tuple[tuple[Command, bool], ...]
