"""The parameters in the query of a request: what each of them may be, and reading them all at once."""

import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import times
from problems import Fault

STATES = ("pending", "queued", "running", "succeeded", "failed", "cancelled")
LARGEST = 9007199254740991

_LABEL = re.compile(r"([A-Za-z0-9._/-]{1,63})=([^\x00-\x1F\x7F-\x9F]{0,255})")


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation: `read` makes a value of its text, or raises ValueError with what is wrong."""

    read: Callable[[str], Any]
    repeats: bool = False


def read_query(query: str, known: Mapping[str, Parameter]) -> tuple[dict[str, Any], list[Fault]]:
    """Read a query into values, a list for a parameter that may repeat, and all its faults."""
    values: dict[str, Any] = {}
    faults = []
    for name, text in urllib.parse.parse_qsl(query, keep_blank_values=True):
        if name not in known:
            faults.append(Fault("parameter", name, "This operation has no such parameter: leave it out."))
            continue
        parameter = known[name]
        if name in values and not parameter.repeats:
            faults.append(Fault("parameter", name, "It may be there only once."))
            continue
        try:
            value = parameter.read(text)
        except ValueError as error:
            faults.append(Fault("parameter", name, f"This value does not fit: {error}."))
            continue
        if parameter.repeats:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return values, faults


def filters(query: str) -> list[tuple[str, str]]:
    """Give what of a query decides which entries a list has, in one order for equal filters."""
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    return sorted({pair for pair in pairs if pair[0] not in ("page_size", "page_token")})


def _integer(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,20}", text) or not least <= int(text) <= most:
            raise ValueError(f"send an integer from {least} to {most}")
        return int(text)

    return read


def _state(text: str) -> str:
    if text not in STATES:
        raise ValueError(f"the states are {', '.join(STATES)}")
    return text


def _label(text: str) -> tuple[str, str]:
    found = _LABEL.fullmatch(text)
    if found is None:
        raise ValueError("write it as key=value, as labels are")
    return found[1], found[2]


def _no_waiting(_text: str) -> int:
    raise ValueError("this service does not wait for changes (class watch): ask again later instead")


PAGING = {"page_size": Parameter(_integer(1, 1000)), "page_token": Parameter(str)}
OF_A_JOB = {"wait_seconds": Parameter(_no_waiting)}
OF_JOBS = {
    "state": Parameter(_state, repeats=True),
    "facility_id": Parameter(str),
    "label": Parameter(_label, repeats=True),
    "created_after": Parameter(times.read),
    "updated_after": Parameter(times.read),
    **PAGING,
}
OF_A_LOG = {"task_index": Parameter(_integer(0, LARGEST))}
OF_RESULTS = {**OF_A_LOG, **PAGING}
OF_SOFTWARE = {"name": Parameter(str), **PAGING}
