"""Write words, bodies and comments for a POSIX shell, so that nothing in them is ever executed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LARGEST_BODY_BYTES = 60_000
"""Of what of a body has to be spelled out; runs of one byte do not count."""
LONGEST_TEXTS = (20_000, 8000, 2000)
"""Of the texts in a larger body, as long as will do; multiples of four, so that base64 stays base64."""
_LONGEST_COMMENT = 400
_RUN = re.compile(rb"([ -~])\1{255,}", re.DOTALL)
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:=,@%+-]+")
_NAME_GOES_ON = re.compile(r"[A-Za-z0-9_]")


@dataclass(frozen=True)
class Variable:
    """A shell variable, whose value stands for what another run had in that place."""

    name: str


Part = str | Variable


def word(*parts: Part) -> str:
    """Return one word of a command line that holds these parts exactly, for interactive shells too.

    Those treat `!` in double quotes as a request for an older command.
    """
    literals = [part for part in parts if isinstance(part, str)]
    literal = "".join(literals)
    if len(literals) == len(parts) and _PLAIN_WORD.fullmatch(literal):
        return literal
    if not re.search(r'[$`"\\!]', literal) and literal.isprintable():
        return '"' + "".join(_in_double_quotes(parts)) + '"'
    return "".join(
        _single(part) if isinstance(part, str) else f'"${{{part.name}}}"' for part in parts if part
    )


def _in_double_quotes(parts: Sequence[Part]) -> list[str]:
    written = []
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        if isinstance(part, str):
            written.append(part)
        elif isinstance(following, str) and _NAME_GOES_ON.match(following):
            written.append(f"${{{part.name}}}")
        else:
            written.append(f"${part.name}")
    return written


def _single(text: str) -> str:
    if text.isprintable():
        return "'" + text.replace("'", "'\\''") + "'"
    return f'"$(printf {_format(text.encode("utf-8", "surrogateescape"))})"'


def _format(content: bytes) -> str:
    """Return the bytes as a format of printf, octal where a terminal or a shell would take one for more."""
    text = "".join(
        f"\\{byte:03o}" if not 32 <= byte < 127 or byte in b"'\\" else "%%" if byte == 37 else chr(byte)
        for byte in content
    )
    return f"'{text}'"


def prints(name: str, content: bytes) -> str:
    """Return the definition of a shell function that prints a body.

    It prints the body byte for byte, except that a JSON text gets a line feed at its end, and that the texts
    in one too large to be pasted are cut, which is said.
    """
    spelled = _RUN.sub(b"", content)
    if len(spelled) > LARGEST_BODY_BYTES:
        for longest in LONGEST_TEXTS:
            shorter = _shorter(content, longest)
            if shorter is not None and len(shorter) <= LARGEST_BODY_BYTES:
                words = f"its texts are cut after {longest} characters here."
                return (
                    f"# The body of this request had {len(content)} bytes: {words}\n{prints(name, shorter)}"
                )
        return (
            f"# The body of this request has {len(content)} bytes, too many to stand here: put it into\n"
            f"# the file {name}.bin.\n{name}() {{ sed '' {name}.bin; }}\n"
        )
    if len(spelled) == len(content) and (text := _json_text(content)) is not None:
        mark = "END"
        while mark in text:
            mark += "_"
        return f"{name}() {{ sed '' <<'{mark}'\n{text}\n{mark}\n}}\n"
    commands = []
    position = 0
    for run in _RUN.finditer(content):
        commands += [_printf(content[position : run.start()]), _repeated(run[1], len(run[0]))]
        position = run.end()
    commands.append(_printf(content[position:]))
    return f"{name}() {{ {'; '.join(filter(None, commands)) or ':'}; }}\n"


def _shorter(content: bytes, longest: int) -> bytes | None:
    """Return a JSON text with its long texts cut, None of what is no JSON."""

    def cut(value: Any) -> Any:
        if isinstance(value, str):
            return value[:longest]
        if isinstance(value, list):
            return [cut(each) for each in value]
        return {name: cut(each) for name, each in value.items()} if isinstance(value, dict) else value

    try:
        text = json.dumps(cut(json.loads(content)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return text.encode("utf-8", "backslashreplace")


def _json_text(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
        json.loads(text)
    except ValueError:
        return None
    return text if all(letter.isprintable() or letter == "\n" for letter in text) else None


def _printf(content: bytes) -> str:
    return f"printf {_format(content)}" if content else ""


def _repeated(letter: bytes, times: int) -> str:
    blanks = f"printf '%{times}s' ''"
    if letter == b" ":
        return blanks
    written = "\\" + letter.decode() if letter in b"&/\\" else letter.decode()
    return f"{blanks} | sed {word(f's/ /{written}/g')}"


def comment(text: str) -> str:
    """Return the text as one line of comment."""
    shown = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
    return "# " + (shown if len(shown) <= _LONGEST_COMMENT else f"{shown[:_LONGEST_COMMENT]}...")
