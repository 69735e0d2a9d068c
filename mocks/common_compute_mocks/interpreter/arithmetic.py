"""Integer expressions of the shell: C's operators on 64 bits, as XCU 2.6.4 asks for."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

_TOKEN = re.compile(
    r"\s*(0[xX][0-9A-Fa-f]+|[0-9]+|[A-Za-z_][A-Za-z0-9_]*|[-+*/%&|^]=|<<=|>>=|<<|>>|[<>=!]=|&&|\|\||.)",
    re.DOTALL,
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class ArithmeticFault(Exception):
    """The expression cannot be reckoned; its text says why, as a shell does."""


def _divide(a: int, b: int) -> int:
    if b == 0:
        raise ArithmeticFault("division by zero")
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


_BINARY: dict[str, tuple[int, Callable[[int, int], int]]] = {
    "|": (3, lambda a, b: a | b),
    "^": (4, lambda a, b: a ^ b),
    "&": (5, lambda a, b: a & b),
    "==": (6, lambda a, b: int(a == b)),
    "!=": (6, lambda a, b: int(a != b)),
    "<": (7, lambda a, b: int(a < b)),
    "<=": (7, lambda a, b: int(a <= b)),
    ">": (7, lambda a, b: int(a > b)),
    ">=": (7, lambda a, b: int(a >= b)),
    "<<": (8, lambda a, b: a << (b & 63)),
    ">>": (8, lambda a, b: a >> (b & 63)),
    "+": (9, lambda a, b: a + b),
    "-": (9, lambda a, b: a - b),
    "*": (10, lambda a, b: a * b),
    "/": (10, _divide),
    "%": (10, lambda a, b: a - b * _divide(a, b)),
}
_AND, _OR = 2, 1


def evaluate(expression: str, read: Callable[[str], str], assign: Callable[[str, str], None]) -> int:
    """Reckon an expression over variables.

    Raises:
        ArithmeticFault: it is no expression, or divides by zero.
    """
    reckoner = _Reckoner(expression, read, assign)
    value = reckoner.assignment(active=True)
    reckoner.finish()
    return value


@lru_cache(maxsize=1024)
def _tokens(expression: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(expression.strip()))


def _wrap(value: int) -> int:
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def number(text: str) -> int:
    """Read an integer constant: decimal, octal with a leading 0, hexadecimal with 0x.

    Raises:
        ValueError: it is none.
    """
    digits = text.strip()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-") if digits[:1] in "+-" else digits
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[:1] == "0" and len(digits) > 1 else 10
    return sign * int(digits, base)


class _Reckoner:
    def __init__(
        self, expression: str, read: Callable[[str], str], assign: Callable[[str, str], None]
    ) -> None:
        self._tokens = _tokens(expression)
        self._at = 0
        self._read = read
        self._assign = assign

    def finish(self) -> None:
        if self._at < len(self._tokens):
            raise ArithmeticFault("expecting EOF")

    def assignment(self, *, active: bool) -> int:
        name = self._peek()
        if _NAME.fullmatch(name) and self._at + 1 < len(self._tokens):
            operator = self._tokens[self._at + 1]
            if operator == "=" or (operator[-1] == "=" and operator[:-1] in _BINARY):
                self._at += 2
                value = self.assignment(active=active)
                if operator != "=" and active:
                    value = _wrap(_BINARY[operator[:-1]][1](self._variable(name), value))
                if active:
                    self._assign(name, str(value))
                return value
        return self._choice(active=active)

    def _choice(self, *, active: bool) -> int:
        condition = self._climb(1, active=active)
        if self._peek() != "?":
            return condition
        self._at += 1
        yes = self.assignment(active=active and bool(condition))
        self._expect(":")
        no = self.assignment(active=active and not condition)
        return yes if condition else no

    def _climb(self, least: int, *, active: bool) -> int:
        left = self._unary(active=active)
        while True:
            operator = self._peek()
            if operator == "||" and least <= _OR:
                self._at += 1
                right = self._climb(_OR + 1, active=active and not left)
                left = int(bool(left) or bool(right))
            elif operator == "&&" and least <= _AND:
                self._at += 1
                right = self._climb(_AND + 1, active=active and bool(left))
                left = int(bool(left) and bool(right))
            elif operator in _BINARY and _BINARY[operator][0] >= least:
                self._at += 1
                binding, reckon = _BINARY[operator]
                right = self._climb(binding + 1, active=active)
                left = _wrap(reckon(left, right)) if active else 0
            else:
                return left

    def _unary(self, *, active: bool) -> int:
        token = self._take()
        match token:
            case "-":
                return _wrap(-self._unary(active=active))
            case "+":
                return self._unary(active=active)
            case "!":
                return int(not self._unary(active=active))
            case "~":
                return ~self._unary(active=active)
            case "(":
                value = self.assignment(active=active)
                self._expect(")")
                return value
        if token[:1].isdigit():
            try:
                return _wrap(number(token))
            except ValueError:
                raise ArithmeticFault("expecting EOF") from None
        if _NAME.fullmatch(token):
            return self._variable(token)
        raise ArithmeticFault("expecting primary")

    def _variable(self, name: str) -> int:
        value = self._read(name).strip()
        if not value:
            return 0
        try:
            return _wrap(number(value))
        except ValueError:
            raise ArithmeticFault(f"Illegal number: {value}") from None

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise ArithmeticFault(f"expecting '{token}'")
