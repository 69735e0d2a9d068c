"""`test` and `[`, XCU: expressions of up to any length, joined by `-a`, `-o`, `!` and parentheses."""

from __future__ import annotations

from collections.abc import Callable

from common_compute_mocks.interpreter.files import Binary, Device, Directory, File, Link
from common_compute_mocks.interpreter.world import Process

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
}
_STRINGS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
_UNARY = frozenset("bcdefghknprstuwxzLS")


class ConditionFault(Exception):
    """The expression is none; its text says why."""


def holds(process: Process, arguments: list[str]) -> bool:
    """Tell whether an expression holds.

    Raises:
        ConditionFault: it is none.
    """
    if len(arguments) == 3 and (compare := _STRINGS.get(arguments[1])):
        return compare(arguments[0], arguments[2])
    if len(arguments) == 3 and (reckon := _COMPARE.get(arguments[1])):
        return reckon(_number(arguments[0]), _number(arguments[2]))
    reader = _Reader(process, arguments)
    return reader.whole() if arguments else False


class _Reader:
    def __init__(self, process: Process, arguments: list[str]) -> None:
        self._process = process
        self._left = list(arguments)

    def whole(self) -> bool:
        value = self._either()
        if self._left:
            raise ConditionFault(f"{self._left[0]}: unexpected operator")
        return value

    def _either(self) -> bool:
        value = self._both()
        while self._left[:1] == ["-o"]:
            del self._left[0]
            value = self._both() or value
        return value

    def _both(self) -> bool:
        value = self._not()
        while self._left[:1] == ["-a"]:
            del self._left[0]
            value = self._not() and value
        return value

    def _not(self) -> bool:
        if self._left[:1] == ["!"] and len(self._left) > 1 and not self._is_binary():
            del self._left[0]
            return not self._not()
        return self._primary()

    def _is_binary(self) -> bool:
        return len(self._left) > 2 and (self._left[1] in _COMPARE or self._left[1] in _STRINGS)

    def _primary(self) -> bool:
        if not self._left:
            raise ConditionFault("argument expected")
        if self._is_binary():
            left, operator, right = self._left[:3]
            del self._left[:3]
            if operator in _STRINGS:
                return _STRINGS[operator](left, right)
            return _COMPARE[operator](_number(left), _number(right))
        first = self._left.pop(0)
        if first == "(" and self._left:
            value = self._either()
            if self._left[:1] != [")"]:
                raise ConditionFault("closing paren expected")
            del self._left[0]
            return value
        if len(first) == 2 and first[0] == "-" and first[1] in _UNARY | {"n"} and self._left:
            return self._unary(first[1], self._left.pop(0))
        return bool(first)

    def _unary(self, kind: str, operand: str) -> bool:
        if kind in "nz":
            return bool(operand) == (kind == "n")
        if kind == "t" or not operand:
            return False
        node = self._process.world.tree.find(self._process.absolute(operand), follow=kind not in "Lh")
        match kind:
            case "f":
                return isinstance(node, File | Binary)
            case "d":
                return isinstance(node, Directory)
            case "L" | "h":
                return isinstance(node, Link)
            case "c":
                return isinstance(node, Device)
            case "s":
                return isinstance(node, Directory | Binary) or (isinstance(node, File) and bool(node.content))
            case "x":
                return isinstance(node, Directory | Binary) or (isinstance(node, File) and node.executable)
            case "w":
                return isinstance(node, File | Device) or (isinstance(node, Directory) and node.writable)
            case "e" | "r":
                return node is not None
        return False


def _number(text: str) -> int:
    try:
        return int(text.strip(), 10)
    except ValueError:
        raise ConditionFault(f"Illegal number: {text}") from None
