"""Write words, bodies and comments for a POSIX shell, so that nothing in them is ever executed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

LARGEST_BODY_BYTES = 60_000
"""Of what of a body has to be spelled out; runs of one byte do not count."""
LONGEST_TEXTS = (20_000, 8000, 2000)
"""Of the texts in a larger body, as long as will do; multiples of four, so that base64 stays base64."""
_LONGEST_COMMENT = 400
_SHORTEST_RUN = 256
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
    runs = _runs(content)
    if len(content) - sum(end - begin for begin, end in runs) > LARGEST_BODY_BYTES:
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
    if not runs and (text := _json_text(content)) is not None:
        mark = "END"
        while mark in text:
            mark += "_"
        return f"{name}() {{ sed '' <<'{mark}'\n{text}\n{mark}\n}}\n"
    commands = []
    position = 0
    for begin, end in runs:
        commands += [_printf(content[position:begin]), _repeated(content[begin : begin + 1], end - begin)]
        position = end
    commands.append(_printf(content[position:]))
    return f"{name}() {{ {'; '.join(filter(None, commands)) or ':'}; }}\n"


@cache
def _other_than(letter: bytes) -> re.Pattern[bytes]:
    return re.compile(b"[^" + re.escape(letter) + b"]")


def _runs(content: bytes) -> list[tuple[int, int]]:
    """Return where one printable byte is repeated so often that spelling it out would be long.

    Looks at the content in steps of half the shortest run, one of which lies within each: a body of many
    megabytes, as the limits are tried with, takes seconds by a regular expression.
    """
    step = _SHORTEST_RUN // 2
    found = []
    done = 0
    for position in range(0, len(content), step):
        letter = content[position : position + 1]
        if position < done or not b" " <= letter <= b"~" or not content.startswith(letter * step, position):
            continue
        # Further back the step before would have seen it.
        before = content[max(done, position - step) : position]
        begin = position - (len(before) - len(before.rstrip(letter)))
        other = _other_than(letter).search(content, position)
        end = other.start() if other else len(content)
        if end - begin >= _SHORTEST_RUN:
            found.append((begin, end))
            done = end
    return found


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
