"""Reads a shell program into the tree of `syntax.py`, following the grammar of POSIX.1-2017, XCU 2.10."""

from __future__ import annotations

from functools import lru_cache

from common_compute_mocks.interpreter.failures import ShellSyntaxError
from common_compute_mocks.interpreter.lexer import NAME, Lexer, Token, assignment_of
from common_compute_mocks.interpreter.syntax import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    HereDocument,
    If,
    Pipeline,
    Redirected,
    Redirection,
    Sequence,
    Simple,
    Text,
    While,
    Word,
)

_CLOSING = frozenset({"then", "else", "elif", "fi", "do", "done", "}", "esac", ")", ";;"})
_REDIRECTIONS = {"<": 0, "<<": 0, "<<-": 0, "<&": 0, "<>": 0, ">": 1, ">>": 1, ">&": 1, ">|": 1}


@lru_cache(maxsize=512)
def parse(source: str) -> Sequence:
    """Read a whole program.

    Raises:
        ShellSyntaxError: it is none.
    """
    parser = _Parser(source)
    program = parser.sequence()
    parser.expect_end()
    return program


def _substitute(source: str, position: int, line: int) -> tuple[Sequence, int, int]:
    parser = _Parser(source, position, line)
    program = parser.sequence()
    parser.expect(")")
    return program, parser.lexer.position, parser.lexer.line


class _Parser:
    def __init__(self, source: str, position: int = 0, line: int = 1) -> None:
        self.lexer = Lexer(source, _substitute, position, line)
        self._ahead: Token | None = None

    def sequence(self) -> Sequence:
        items: list[tuple[Command, bool]] = []
        self._skip_newlines()
        while not self._closes(self._peek()):
            item = self._and_or()
            after = self._peek()
            background = after.text == "&" and after.kind == "operator"
            items.append((item, background))
            if background or after.kind == "newline" or (after.kind == "operator" and after.text == ";"):
                self._take()
                self._skip_newlines()
            elif not self._closes(after):
                raise self._unexpected(after)
        return Sequence(tuple(items))

    def expect_end(self) -> None:
        token = self._peek()
        if token.kind != "end":
            raise self._unexpected(token)

    def expect(self, text: str) -> None:
        # Nothing behind a closing parenthesis may be read: it belongs to another reader.
        token = self._take()
        if token.text != text:
            raise self._unexpected(token, text)

    def _peek(self) -> Token:
        if self._ahead is None:
            self._ahead = self.lexer.next()
        return self._ahead

    def _take(self) -> Token:
        token = self._peek()
        self._ahead = None
        return token

    def _skip_newlines(self) -> None:
        while self._peek().kind == "newline":
            self._take()

    def _closes(self, token: Token) -> bool:
        return token.kind == "end" or (token.text in _CLOSING and token.kind != "newline")

    def _unexpected(self, token: Token, wanted: str | None = None) -> ShellSyntaxError:
        what = token.text if token.kind in ("end", "newline") else f'"{token.text}"'
        hint = f' (expecting "{wanted}")' if wanted else ""
        return ShellSyntaxError(token.line, f"Syntax error: {what} unexpected{hint}")

    def _body(self, closing: str | None = None) -> Sequence:
        """Read lists of which there has to be one, and the word that closes them."""
        body = self.sequence()
        if not body.items:
            token = self._peek()
            raise self._unexpected(token, closing if token.kind == "end" else None)
        if closing:
            self.expect(closing)
        return body

    def _and_or(self) -> Command:
        first = self._pipeline()
        rest: list[tuple[str, Command]] = []
        while self._peek().kind == "operator" and self._peek().text in ("&&", "||"):
            operator = self._take().text
            self._skip_newlines()
            rest.append((operator, self._pipeline()))
        return AndOr(first, tuple(rest)) if rest else first

    def _pipeline(self) -> Command:
        negated = False
        while self._peek().kind == "word" and self._peek().text == "!":
            self._take()
            negated = not negated
        commands = [self._command()]
        while self._peek().kind == "operator" and self._peek().text == "|":
            self._take()
            self._skip_newlines()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated) if negated or len(commands) > 1 else commands[0]

    def _command(self) -> Command:
        token = self._peek()
        compound = self._compound(token)
        if compound is None:
            return self._simple()
        redirections = []
        while (redirection := self._redirection()) is not None:
            redirections.append(redirection)
        return Redirected(compound, tuple(redirections), token.line) if redirections else compound

    def _compound(self, token: Token) -> Command | None:
        if token.kind == "operator" and token.text == "(":
            return self._group("(", ")")
        if token.kind != "word":
            return None
        match token.text:
            case "{":
                return self._group("{", "}")
            case "if":
                return self._if()
            case "while" | "until":
                return self._while()
            case "for":
                return self._for()
            case "case":
                return self._case()
        return None

    def _group(self, opening: str, closing: str) -> Group:
        self._take()
        body = self._body(closing)
        return Group(body, subshell=opening == "(")

    def _if(self) -> If:
        branches = []
        otherwise = None
        self._take()
        while True:
            condition = self._body("then")
            branches.append((condition, self._body()))
            if self._peek().text != "elif":
                break
            self._take()
        if self._peek().text == "else":
            self._take()
            otherwise = self._body()
        self.expect("fi")
        return If(tuple(branches), otherwise)

    def _while(self) -> While:
        until = self._take().text == "until"
        condition = self._body()
        return While(condition, self._do(), until)

    def _do(self) -> Sequence:
        self.expect("do")
        return self._body("done")

    def _for(self) -> For:
        self._take()
        name = self._take()
        if name.kind != "word" or not NAME.fullmatch(name.text):
            raise ShellSyntaxError(name.line, "Syntax error: Bad for loop variable")
        words: list[Word] | None = None
        self._skip_newlines()
        if self._peek().text == "in" and self._peek().kind == "word":
            self._take()
            words = []
            while self._peek().kind == "word":
                words.append(self._take().word)
            if self._peek().kind != "newline" and self._peek().text != ";":
                raise self._unexpected(self._peek())
        if self._peek().text == ";":
            self._take()
        self._skip_newlines()
        return For(name.text, None if words is None else tuple(words), self._do())

    def _case(self) -> Case:
        self._take()
        word = self._take()
        if word.kind != "word":
            raise self._unexpected(word)
        self._skip_newlines()
        self.expect("in")
        self._skip_newlines()
        arms = []
        while self._peek().text != "esac":
            if self._peek().text == "(":
                self._take()
            patterns = [self._pattern()]
            while self._peek().text == "|":
                self._take()
                patterns.append(self._pattern())
            self.expect(")")
            arms.append((tuple(patterns), self.sequence()))
            if self._peek().text != ";;":
                break
            self._take()
            self._skip_newlines()
        self.expect("esac")
        return Case(word.word, tuple(arms))

    def _pattern(self) -> Word:
        token = self._take()
        if token.kind != "word":
            raise self._unexpected(token)
        return token.word

    def _redirection(self) -> Redirection | None:
        token = self._peek()
        if token.kind != "operator" or token.text not in _REDIRECTIONS:
            return None
        self._take()
        target = self._peek()
        if target.kind != "word":
            raise self._unexpected(target)
        # A document begins behind this line's end: it has to be known before another token is read.
        descriptor = _REDIRECTIONS[token.text] if token.descriptor is None else token.descriptor
        if token.text not in ("<<", "<<-"):
            return Redirection(descriptor, token.text, self._take().word)
        delimiter = "".join(part.text for part in target.word if isinstance(part, Text))
        literal = any(isinstance(part, Text) and part.quoted for part in target.word)
        document = HereDocument(delimiter, literal=literal, strip_tabs=token.text == "<<-")
        self.lexer.pending.append(document)
        self._take()
        return Redirection(descriptor, "<<", document)

    def _simple(self) -> Command:
        line = self._peek().line
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        while True:
            if (redirection := self._redirection()) is not None:
                redirections.append(redirection)
                continue
            token = self._peek()
            if token.kind == "operator" and token.text == "(" and len(words) == 1 and not assignments:
                return self._function(words[0])
            if token.kind != "word":
                break
            self._take()
            if not words and (assigned := assignment_of(token.word)):
                assignments.append(assigned)
            else:
                words.append(token.word)
        if not (assignments or words or redirections):
            raise self._unexpected(self._peek())
        return Simple(tuple(assignments), tuple(words), tuple(redirections), line)

    def _function(self, name: Word) -> Function:
        opening = self._take()
        self.expect(")")
        if len(name) != 1 or not isinstance(name[0], Text) or not NAME.fullmatch(name[0].text):
            raise ShellSyntaxError(opening.line, "Syntax error: Bad function name")
        self._skip_newlines()
        return Function(name[0].text, self._command())
