"""Read the query and the headers of a request as strictly as the contract says, and collect what is wrong.

A number is written in ASCII digits and nothing else, a name that the operation does not know is a fault, and
so is a parameter that is sent twice and may not be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from common_compute_connector.contract import Operation, Parameter, resolved
from common_compute_connector.errors import Fault
from common_compute_connector.schemas import Validator

_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]*)", re.ASCII)
_LONGEST_INTEGER = 30
_FORM = "invalid-request"

Headers = Mapping[str, Sequence[str]]
"""Header values by lower-case name, in the order in which they came."""


class ParameterReader:
    """The query parameters and headers of one operation, made once."""

    def __init__(self, operation: Operation) -> None:
        self._query = _readers(operation, "query")
        self._headers = {name.lower(): reader for name, reader in _readers(operation, "header").items()}

    def query(self, text: bytes, faults: list[Fault]) -> dict[str, Any]:
        """Read a raw query string; what is wrong goes to `faults`, and the value is then left out."""
        if not text:
            return {}
        values: dict[str, list[str]] = {}
        for piece in filter(None, text.split(b"&")):
            raw_name, _, raw_value = piece.partition(b"=")
            name, value = _decoded(raw_name), _decoded(raw_value)
            if name is None or name not in self._query:
                shown = raw_name[:100].decode("ascii", "replace") if name is None else name[:100]
                faults.append(Fault(_FORM, "This parameter is not known here.", parameter=shown))
            elif value is None:
                faults.append(self._query[name].fault("The value is not UTF-8."))
            else:
                values.setdefault(name, []).append(value)
        return _read(self._query, values, faults)

    def headers(self, headers: Headers, faults: list[Fault]) -> dict[str, Any]:
        """Read the headers that the operation knows, by lower-case name."""
        given = {name: headers[name] for name in self._headers if name in headers}
        return _read(self._headers, given, faults) if given else {}


def _read(
    readers: Mapping[str, _Reader], given: Mapping[str, Sequence[str]], faults: list[Fault]
) -> dict[str, Any]:
    read = ((name, readers[name].read(texts, faults)) for name, texts in given.items())
    return {name: value for name, value in read if value is not None}


class _Reader:
    """One parameter: text in, value of its schema's type out."""

    def __init__(self, parameter: Parameter) -> None:
        self._place = {"header" if parameter.place == "header" else "parameter": parameter.name}
        schema = parameter.schema
        self._repeats = schema["type"] == "array"
        one = resolved(schema["items"]) if self._repeats else schema
        self._integer = one["type"] == "integer"
        self._time = one.get("format") == "date-time"
        # Several lines of a list-valued header are one list (RFC 9110, 5.3).
        self._joins = parameter.place == "header" and "pattern" not in one
        self._validator = Validator(one)

    def read(self, given: Sequence[str], faults: list[Fault]) -> Any:
        """Give the value, or None after having told what is wrong."""
        if not self._repeats and len(given) > 1:
            if not self._joins:
                faults.append(self.fault("This may be sent once only."))
                return None
            given = [", ".join(given)]
        values = [value for text in given if (value := self._one(text, faults)) is not None]
        if self._repeats:
            return values or None
        return values[0] if values else None

    def fault(self, detail: str) -> Fault:
        """Say something about this parameter."""
        return Fault(_FORM, detail, **self._place)

    def _one(self, text: str, faults: list[Fault]) -> Any:
        value: Any = text
        if self._integer:
            if len(text) > _LONGEST_INTEGER or not _INTEGER.fullmatch(text):
                faults.append(self.fault("This must be an integer, written in digits."))
                return None
            value = int(text)
        if found := self._validator.faults(value):
            faults.append(self.fault(found[0].detail))
            return None
        if self._time:
            try:
                return datetime.fromisoformat(text).astimezone(UTC)
            except (ValueError, OverflowError):
                faults.append(self.fault("This is no time that exists."))
                return None
        return value


def _readers(operation: Operation, place: str) -> dict[str, _Reader]:
    return {entry.name: _Reader(entry) for entry in operation.parameters if entry.place == place}


def _decoded(raw: bytes) -> str | None:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        return None
