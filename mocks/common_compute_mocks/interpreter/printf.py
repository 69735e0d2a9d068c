"""`printf` and the escapes of `echo`, as XCU and dash have them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from common_compute_mocks.interpreter.arithmetic import number

_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_CONVERSION = re.compile(r"%([-+ #0]*)(\*|[0-9]+)?(?:\.(\*|[0-9]*))?([a-zA-Z%])")
_INTEGERS = "diouxX"
_FLOATS = "eEfFgG"


@dataclass(slots=True)
class Printed:
    """What comes out; `complaints` go to standard error and make the exit code 1."""

    text: str = ""
    complaints: list[str] = field(default_factory=list)


class _Stop(Exception):
    """`\\c`: nothing comes after it."""

    def __init__(self, text: str) -> None:
        self.text = text


def printf(form: str, arguments: list[str], *, hexadecimal: bool = False) -> Printed:
    """Print arguments in a form, which is used again while arguments are left.

    `hexadecimal` also knows the escape of two hexadecimal digits, which the program printf has and dash not.
    """
    printed = Printed()
    left = list(arguments)
    pieces: list[str] = []
    try:
        while True:
            count = len(left)
            _once(form, left, printed, pieces, hexadecimal=hexadecimal)
            if not left or len(left) == count:
                break
    except _Stop as stop:
        pieces.append(stop.text)
    printed.text = "".join(pieces)
    return printed


def unescape(text: str, *, zero_octal: bool, hexadecimal: bool = False) -> str:
    """Replace escapes; with `zero_octal` as `%b` and `echo` know them: octal after a zero, and `\\c`.

    Raises:
        _Stop: at `\\c`, with what came before.
    """
    octal = r"0[0-7]{0,3}|[1-7][0-7]{0,2}" if zero_octal else r"[0-7]{1,3}"
    hexa = r"|x[0-9A-Fa-f]{1,2}" if hexadecimal else ""
    out, at = [], 0
    for found in re.compile(rf"\\({octal}{hexa}|.)", re.DOTALL).finditer(text):
        out.append(text[at : found.start()])
        at = found.end()
        what = found[1]
        if what == "c" and zero_octal:
            raise _Stop("".join(out))
        if what[0] in "01234567":
            out.append(chr(int(what, 8) & 0xFF))
        elif what[0] == "x" and len(what) > 1:
            out.append(chr(int(what[1:], 16)))
        else:
            out.append(_SIMPLE.get(what, found[0]))
    return "".join([*out, text[at:]])


def echo(arguments: list[str]) -> str:
    """Give what dash's `echo` writes."""
    newline = "\n"
    if arguments[:1] == ["-n"]:
        newline, arguments = "", arguments[1:]
    try:
        return unescape(" ".join(arguments), zero_octal=True) + newline
    except _Stop as stop:
        return stop.text


def _once(form: str, left: list[str], printed: Printed, pieces: list[str], *, hexadecimal: bool) -> None:
    at = 0
    for found in _CONVERSION.finditer(form):
        if found.start() < at:
            continue
        pieces.append(unescape(form[at : found.start()], zero_octal=False, hexadecimal=hexadecimal))
        at = found.end()
        flags, width, precision, kind = found.groups()
        if kind == "%":
            pieces.append("%")
            continue
        stars = [_star(left) if value == "*" else value for value in (width, precision)]
        argument = left.pop(0) if left else None
        try:
            pieces.append(_convert(flags, stars[0], stars[1], kind, argument, printed))
        except _Stop as stop:
            raise _Stop(_pad(flags, stars[0], stop.text)) from None
    pieces.append(unescape(form[at:], zero_octal=False, hexadecimal=hexadecimal))


def _star(left: list[str]) -> str:
    return left.pop(0) if left else "0"


def _convert(
    flags: str, width: str | None, precision: str | None, kind: str, argument: str | None, printed: Printed
) -> str:
    if kind in "sbc":
        text = argument or ""
        if kind == "b":
            text = unescape(text, zero_octal=True)
        elif kind == "c":
            text = text[:1]
        if precision is not None:
            text = text[: int(precision or 0)]
        return _pad(flags, width, text)
    form = "%" + flags + (width or "") + ("" if precision is None else f".{precision or 0}")
    if kind in _INTEGERS:
        value = _integer(argument, printed)
        if kind in "ouxX" and value < 0:
            value += 1 << 64
        return _c_integer(flags, width, precision, kind, value)
    if kind in _FLOATS:
        return (form + kind) % _float(argument, printed)
    printed.complaints.append(f"%{kind}: invalid directive")
    return ""


def _c_integer(flags: str, width: str | None, precision: str | None, kind: str, value: int) -> str:
    digits = format(abs(value), {"o": "o", "x": "x", "X": "X"}.get(kind, "d"))
    if precision is not None:
        digits = digits.rjust(int(precision or 0), "0")
    sign = "-" if value < 0 else "+" if "+" in flags else " " if " " in flags else ""
    if kind in "ouxX":
        sign = {"o": "0", "x": "0x", "X": "0X"}.get(kind, "") if "#" in flags and value else ""
    if "0" in flags and "-" not in flags and precision is None and width:
        digits = digits.rjust(int(width) - len(sign), "0")
    return _pad(flags.replace("0", ""), width, sign + digits)


def _pad(flags: str, width: str | None, text: str) -> str:
    size = int(width or 0)
    return text.ljust(size) if "-" in flags else text.rjust(size)


def _integer(argument: str | None, printed: Printed) -> int:
    if argument is None or argument == "":
        return 0
    if argument[0] in "'\"":
        return ord(argument[1]) if len(argument) > 1 else 0
    found = re.match(r"\s*[-+]?(0[xX][0-9A-Fa-f]+|[0-9]+)", argument)
    if found is None:
        printed.complaints.append(f"{argument}: expected numeric value")
        return 0
    if found.end() < len(argument):
        printed.complaints.append(f"{argument}: not completely converted")
    try:
        return number(found[0])
    except ValueError:
        return 0


def _float(argument: str | None, printed: Printed) -> float:
    if not argument:
        return 0.0
    try:
        return float(argument)
    except ValueError:
        printed.complaints.append(f"{argument}: expected numeric value")
        return 0.0
