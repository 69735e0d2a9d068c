"""Read the parameters of a generated request as a server has to: what of them is right, wrong or open."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import jsonschema_rs

from common_compute_conformance.generation.claimed import ClaimedContract

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
# `1.0`, `1e2`, `+1`, `007` and blanks around: numbers to some servers, and no matter of the contract.
_NUMBER_TO_SOME = re.compile(r"\s*[+-]?[0-9_.]+(?:[eE][+-]?[0-9]+)?\s*")
_TIME_TO_SOME = re.compile(r"0000-|.*:60(?:\.|Z)|.*T24:")
_VISIBLE = re.compile(r"[\x21-\x7E\x80-\xFF](?:[\x20-\x7E\x80-\xFF]*[\x21-\x7E\x80-\xFF])?")


class Reading(Enum):
    """What the contract says of a value."""

    RIGHT = "right"
    WRONG = "wrong"
    OPEN = "open"


class Readings:
    """The readings of one target's parameters."""

    def __init__(self, claimed: ClaimedContract) -> None:
        self._claimed = claimed
        self._validators: dict[int, jsonschema_rs.Draft7Validator] = {}

    def knows(self, operation_id: str, place: str, name: str) -> bool:
        """Tell whether the operation has a parameter or header of this name."""
        return (place, name) in self._claimed.parameters[operation_id]

    def of(self, operation_id: str, place: str, name: str, values: Sequence[str]) -> Reading:
        """Read all values that a request gives for a parameter or header of this name."""
        parameter = self._claimed.parameters[operation_id].get((place, name))
        if parameter is None:
            return Reading.WRONG
        schema = self._resolve(parameter["schema"])
        if schema.get("type") == "array":
            readings = {self._read(schema["items"], value) for value in values}
            return next(each for each in (Reading.WRONG, Reading.OPEN, Reading.RIGHT) if each in readings)
        return self._read(parameter["schema"], values[0]) if len(values) == 1 else Reading.WRONG

    def _read(self, schema: Mapping[str, Any], text: str) -> Reading:
        resolved = self._resolve(schema)
        value: Any = text
        if resolved.get("type") == "integer":
            if _NUMBER_TO_SOME.fullmatch(text) and (not _NUMBER.fullmatch(text) or text == "-0"):
                return Reading.OPEN
            value = int(text) if _NUMBER.fullmatch(text) else text
        if resolved.get("format") == "date-time" and _TIME_TO_SOME.match(text):
            return Reading.OPEN
        return Reading.RIGHT if self._validator(schema).is_valid(value) else Reading.WRONG

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self._claimed.schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def _validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Draft7Validator:
        if id(schema) not in self._validators:
            whole = {"allOf": [schema], "components": {"schemas": self._claimed.schemas}}
            self._validators[id(schema)] = jsonschema_rs.Draft7Validator(whole, validate_formats=True)
        return self._validators[id(schema)]


def sendable(header: str) -> bool:
    """Tell whether a header's value survives the way: blanks at its ends and control characters do not."""
    return _VISIBLE.fullmatch(header) is not None
