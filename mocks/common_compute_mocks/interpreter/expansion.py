"""Word expansion, XCU 2.6: parameters, commands, arithmetic, then splitting, file names, quote removal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from common_compute_mocks.interpreter import arithmetic, patterns
from common_compute_mocks.interpreter.failures import FileError
from common_compute_mocks.interpreter.files import Directory
from common_compute_mocks.interpreter.session import Session
from common_compute_mocks.interpreter.syntax import Arithmetic, Parameter, Part, Substitution, Text, Word


class ExpansionFault(Exception):
    """A word that cannot be expanded: the shell says why and exits with 2."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of text; `split` if blanks in it part fields."""

    text: str
    quoted: bool
    split: bool = False


class _Break:
    """The border between two positional parameters."""


_BREAK = _Break()


def fields(shell: Session, words: tuple[Word, ...]) -> list[str]:
    """Expand words into fields."""
    found: list[str] = []
    for word in words:
        if (direct := _direct(shell, word)) is not None:
            found.append(direct)
            continue
        for pattern in _split(_pieces(shell, word), shell.read("IFS", " \t\n")):
            shell.process.world.hold(len(pattern))
            found.extend(_file_names(shell, pattern))
    return found


def text(shell: Session, word: Word) -> str:
    """Expand a word into one text, neither split nor taken for file names."""
    direct = _direct(shell, word)
    if direct is not None:
        return direct
    expanded = "".join(" " if isinstance(piece, _Break) else piece.text for piece in _pieces(shell, word))
    shell.process.world.hold(len(expanded))
    return expanded


def pattern(shell: Session, word: Word) -> str:
    """Expand a word into a pattern in which what was quoted is escaped."""
    return "".join(
        " " if isinstance(piece, _Break) else patterns.escape(piece.text) if piece.quoted else piece.text
        for piece in _pieces(shell, word)
    )


def _direct(shell: Session, word: Word) -> str | None:
    """Expand the words that scripts are mostly made of; what needs more care is None."""
    if len(word) == 1 and (part := word[0]).direct:
        if isinstance(part, Text):
            return part.text
        if isinstance(part, Parameter):
            return shell.parameter(part.name)
    return None


def _pieces(shell: Session, word: Word) -> Iterator[_Piece | _Break]:
    for place, part in enumerate(word):
        yield from _expand(shell, part, first=place == 0, alone=len(word) == 1)


def _expand(shell: Session, part: Part, *, first: bool, alone: bool) -> Iterator[_Piece | _Break]:
    match part:
        case Text(text, quoted):
            if (
                first
                and not quoted
                and text.startswith("~")
                and (text[1:2] == "/" or (alone and text == "~"))
            ):
                yield _Piece(shell.read("HOME", "~"), quoted=True)
                text = text[1:]
            yield _Piece(text, quoted)
        case Substitution(program, quoted):
            yield _Piece(shell.capture(program), quoted, split=not quoted)
        case Arithmetic(expression, quoted):
            yield _Piece(_reckon(shell, expression), quoted, split=not quoted)
        case Parameter():
            yield from _parameter(shell, part)


def _reckon(shell: Session, word: Word) -> str:
    expression = text(shell, word)
    try:
        return str(arithmetic.evaluate(expression, lambda name: shell.read(name, ""), shell.assign))
    except arithmetic.ArithmeticFault as fault:
        raise ExpansionFault(f'arithmetic expression: {fault}: "{expression}"') from None


def _parameter(shell: Session, part: Parameter) -> Iterator[_Piece | _Break]:
    name, operator = part.name, part.operator
    value = shell.parameter(name)
    if operator == "length":
        yield _Piece(str(len(value or "")), part.quoted)
        return
    sign = operator[-1:]
    if sign and sign in "-=?+":
        missing = value is None or (operator[0] == ":" and not value)
        if missing != (sign == "+"):
            if sign == "+" or missing:
                yield from _substitute(shell, part, sign)
                return
        elif missing:
            if part.quoted:
                yield _Piece("", quoted=True)
            return
    elif value is None and shell.options["u"] and name not in "@*":
        raise ExpansionFault(f"{name}: parameter not set")
    if sign and sign in "#%" and value is not None and part.word is not None:
        value = patterns.remove(value, pattern(shell, part.word), operator)
    if name == "@" or (name == "*" and not part.quoted):
        yield from _positional(shell, quoted=part.quoted)
    elif value is not None:
        yield _Piece(value, part.quoted, split=not part.quoted)
    elif part.quoted:
        yield _Piece("", quoted=True)


def _substitute(shell: Session, part: Parameter, sign: str) -> Iterator[_Piece | _Break]:
    word = part.word or ()
    if sign == "?":
        raise ExpansionFault(f"{part.name}: {text(shell, word) or 'parameter not set or null'}")
    if sign == "=":
        shell.assign(part.name, text(shell, word))
        yield _Piece(shell.read(part.name, ""), part.quoted, split=not part.quoted)
        return
    if part.quoted:
        yield _Piece("", quoted=True)
    for piece in _pieces(shell, word):
        # Plain text of an unquoted ${x:-a b} is split as a value would be.
        if isinstance(piece, _Piece) and not piece.quoted and not part.quoted:
            yield _Piece(piece.text, quoted=False, split=True)
        else:
            yield piece


def _positional(shell: Session, *, quoted: bool) -> Iterator[_Piece | _Break]:
    for place, argument in enumerate(shell.arguments):
        if place:
            yield _BREAK
        yield _Piece(argument, quoted, split=not quoted)


def _split(pieces: Iterator[_Piece | _Break], ifs: str) -> Iterator[str]:
    """Part pieces into fields, each as a pattern; only what came from an expansion is split."""
    current: list[str] | None = None
    soft = False
    for piece in pieces:
        if isinstance(piece, _Break):
            if current is not None:
                yield "".join(current)
            current, soft = None, False
        elif piece.quoted:
            current = [*(current or []), patterns.escape(piece.text)]
            soft = False
        elif not piece.split:
            if piece.text:
                current = [*(current or []), piece.text]
                soft = False
        else:
            for chunk in re.split(f"([{re.escape(ifs)}])", piece.text) if ifs else [piece.text]:
                if len(chunk) == 1 and chunk in ifs:
                    blank = chunk in " \t\n"
                    if current is not None:
                        yield "".join(current)
                    elif not blank and not soft:
                        yield ""
                    soft = blank and (soft or current is not None)
                    current = None
                elif chunk:
                    current = [*(current or []), chunk.replace("\\", "\\\\")]
                    soft = False
    if current is not None:
        yield "".join(current)


def _file_names(shell: Session, field: str) -> list[str]:
    if not patterns.is_magic(field) or shell.options["f"]:
        return [patterns.unescape(field)]
    top = "/" if field.startswith("/") else ""
    found = [top]
    for place, segment in enumerate(field.strip("/").split("/")):
        found = [joined for base in found for joined in _matching(shell, base, segment, first=place == 0)]
    return sorted(found) or [patterns.unescape(field)]


def _matching(shell: Session, base: str, segment: str, *, first: bool) -> list[str]:
    prefix = base if first or base.endswith("/") else base + "/"
    tree = shell.process.world.tree
    if not patterns.is_magic(segment):
        path = prefix + patterns.unescape(segment)
        return [path] if tree.find(shell.process.absolute(path), follow=False) else []
    try:
        node = tree.lookup(shell.process.absolute(base or "."))
    except FileError:
        return []
    if not isinstance(node, Directory):
        return []
    hidden = segment.startswith((".", "\\."))
    return [
        prefix + name
        for name in node.entries
        if patterns.fits(segment, name) and (hidden or not name.startswith("."))
    ]
