"""Reads a shell program into tokens; words come with their quotes and expansions already taken apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from common_compute_mocks.interpreter.failures import ShellSyntaxError
from common_compute_mocks.interpreter.syntax import (
    Arithmetic,
    HereDocument,
    Parameter,
    Part,
    Sequence,
    Substitution,
    Text,
    Word,
)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!$-]")
_BRACED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?!$-]")
_OPERATOR = re.compile(r"&&|\|\||;;|<<-|<<|>>|<&|>&|<>|>\||[&;|<>()]")
_EXPANSION_OPERATOR = re.compile(r":?[-=?+]|##|#|%%|%")
_WORD_ENDS = frozenset(" \t\n;&|<>()")

Substitute = Callable[[str, int, int], tuple[Sequence, int, int]]
"""Reads a program from a position and line up to its `)`, and says where and on which line that was."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `descriptor` is the number that stands right before a redirection."""

    kind: Literal["word", "operator", "newline", "end"]
    text: str
    line: int
    word: Word = ()
    descriptor: int | None = None


class Lexer:
    """Tokens of a source, one after the other."""

    def __init__(self, source: str, substitute: Substitute, position: int = 0, line: int = 1) -> None:
        self.source = source
        self.position = position
        self.line = line
        self.pending: list[HereDocument] = []
        self._substitute = substitute

    def next(self) -> Token:
        """Read the next token."""
        self._skip_blanks()
        line = self.line
        char = self._char()
        if not char:
            return Token("end", "end of file", line)
        if char == "\n":
            self._advance()
            for document in self.pending:
                self._read_here_document(document)
            self.pending.clear()
            return Token("newline", "newline", line)
        if found := re.compile(r"([0-9])(?=[<>])").match(self.source, self.position):
            self.position = found.end()
            return self._operator(line, int(found[1]))
        if _OPERATOR.match(self.source, self.position):
            return self._operator(line, None)
        start = self.position
        word = self._parts(_WORD_ENDS, quoted=False)
        return Token("word", self.source[start : self.position], line, word)

    def _operator(self, line: int, descriptor: int | None) -> Token:
        found = _OPERATOR.match(self.source, self.position)
        assert found is not None
        self.position = found.end()
        return Token("operator", found[0], line, descriptor=descriptor)

    def _skip_blanks(self) -> None:
        while True:
            if self.source.startswith("\\\n", self.position):
                self.position += 2
                self.line += 1
            elif self._char() in (" ", "\t"):
                self.position += 1
            elif self._char() == "#":
                end = self.source.find("\n", self.position)
                self.position = len(self.source) if end < 0 else end
            else:
                return

    def _char(self) -> str:
        return self.source[self.position : self.position + 1]

    def _advance(self) -> str:
        char = self._char()
        self.position += 1
        if char == "\n":
            self.line += 1
        return char

    def _parts(self, ends: frozenset[str], *, quoted: bool, here_document: bool = False) -> Word:
        parts: list[Part] = []
        plain: list[str] = []

        def flush() -> None:
            if plain:
                parts.append(Text("".join(plain), quoted))
                plain.clear()

        while (char := self._char()) and char not in ends:
            if char == "\\":
                self._advance()
                after = self._advance()
                if after == "\n":
                    continue
                special = '$`\\"}' if not here_document else "$`\\"
                if quoted and (not after or after not in special or (after == "}" and "}" not in ends)):
                    plain.append("\\" + after)
                elif quoted:
                    plain.append(after)
                else:
                    flush()
                    parts.append(Text(after or "\\", quoted=True))
            elif char == "'" and not quoted:
                flush()
                parts.append(Text(self._single(), quoted=True))
            elif char == '"' and not here_document:
                flush()
                self._advance()
                inner = self._parts(frozenset('"'), quoted=True)
                self._expect('"', "Syntax error: Unterminated quoted string")
                parts.extend(inner or (Text("", quoted=True),))
            elif char == "$":
                flush()
                parts.append(self._dollar(quoted=quoted))
            elif char == "`":
                flush()
                parts.append(self._backquoted(quoted=quoted))
            else:
                plain.append(self._advance())
        flush()
        return tuple(parts)

    def _expect(self, char: str, complaint: str) -> None:
        if self._advance() != char:
            raise ShellSyntaxError(self.line, complaint)

    def _single(self) -> str:
        end = self.source.find("'", self.position + 1)
        if end < 0:
            raise ShellSyntaxError(self.line, "Syntax error: Unterminated quoted string")
        text = self.source[self.position + 1 : end]
        self.position = end + 1
        self.line += text.count("\n")
        return text

    def _dollar(self, *, quoted: bool) -> Part:
        self._advance()
        if self.source.startswith("((", self.position) and (reckoned := self._arithmetic(quoted=quoted)):
            return reckoned
        if self._char() == "(":
            program, self.position, self.line = self._substitute(self.source, self.position + 1, self.line)
            return Substitution(program, quoted)
        if self._char() == "{":
            self._advance()
            return self._braced(quoted=quoted)
        if found := _PARAMETER.match(self.source, self.position):
            self.position = found.end()
            return Parameter(found[0], "", None, quoted)
        return Text("$", quoted)

    def _braced(self, *, quoted: bool) -> Part:
        length = re.compile(r"#(?=[A-Za-z0-9_@*?!$-][A-Za-z0-9_]*\})").match(self.source, self.position)
        if length:
            self.position = length.end()
        found = _BRACED.match(self.source, self.position)
        if not found:
            raise ShellSyntaxError(self.line, "Bad substitution")
        self.position = found.end()
        operator, word = "length" if length else "", None
        if not length and (sign := _EXPANSION_OPERATOR.match(self.source, self.position)):
            operator = sign[0]
            self.position = sign.end()
            # The word of a pattern is never within the quotes that stand outside the braces.
            within = quoted and operator[0] not in "#%"
            word = self._parts(frozenset("}"), quoted=within)
        self._expect("}", "Bad substitution")
        return Parameter(found[0], operator, word, quoted)

    def _arithmetic(self, *, quoted: bool) -> Arithmetic | None:
        start, line = self.position, self.line
        self.position += 2
        parts: list[Part] = []
        depth = 0
        while True:
            parts.extend(self._parts(frozenset("()"), quoted=True))
            char = self._advance()
            if char == ")" and not depth:
                if self._char() == ")":
                    self._advance()
                    return Arithmetic(tuple(parts), quoted)
                break
            if not char:
                break
            depth += 1 if char == "(" else -1
            parts.append(Text(char, quoted=True))
        # It was a subshell at the start of a command substitution after all.
        self.position, self.line = start, line
        return None

    def _backquoted(self, *, quoted: bool) -> Substitution:
        self._advance()
        inner: list[str] = []
        line = self.line
        while (char := self._advance()) != "`":
            if not char:
                raise ShellSyntaxError(self.line, "Syntax error: EOF in backquote substitution")
            if char == "\\" and self._char() in ("$", "`", "\\", *('"' if quoted else "")):
                char = self._advance()
            inner.append(char)
        program, _, _ = self._substitute("".join(inner) + ")", 0, line)
        return Substitution(program, quoted)

    def _read_here_document(self, document: HereDocument) -> None:
        lines: list[str] = []
        while self.position < len(self.source):
            end = self.source.find("\n", self.position)
            end = len(self.source) if end < 0 else end
            line = self.source[self.position : end]
            self.position = end + 1
            self.line += 1
            if document.strip_tabs:
                line = line.lstrip("\t")
            if line == document.delimiter:
                break
            lines.append(line + "\n")
        body = "".join(lines)
        if document.literal:
            document.content = (Text(body, quoted=True),)
        else:
            inside = Lexer(body, self._substitute, line=self.line)
            document.content = inside._parts(frozenset(), quoted=True, here_document=True)


def assignment_of(word: Word) -> tuple[str, Word] | None:
    """Take `name=value` apart; None if a word is no assignment."""
    if not word or not isinstance(word[0], Text) or word[0].quoted:
        return None
    found = NAME.match(word[0].text)
    if not found or word[0].text[found.end() : found.end() + 1] != "=":
        return None
    rest = word[0].text[found.end() + 1 :]
    return found[0], ((Text(rest, quoted=False),) if rest else ()) + word[1:]
