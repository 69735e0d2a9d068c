"""What the form begins with: a small job that every facility runs, and the use cases of the specification.

Names are bound where the form is filled in; `${FILE:name}` stays in sight, and is bound to the file's bytes
when the form is sent, so that people edit a body without pages of base64 in it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

_NAME = re.compile(r"\$\{(FACILITY|SOFTWARE|VERSION|IMAGE)\}")
_FILE = re.compile(r"\$\{FILE:([A-Za-z0-9_][A-Za-z0-9._-]*)\}")
_PROGRAM_SOFTWARE = {"python3": "python"}
"""The software that a command needs which is no script of the shell."""

SMALL = "small"
_SMALL_SCRIPT = 'for step in 1 2 3; do echo "step $step of 3"; sleep 1; done; echo "hello" > hello.txt'


@dataclass(frozen=True, slots=True)
class Case:
    """A body to begin with at a facility, bound but for its files."""

    name: str
    title: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """A facility's document and its catalogue, by which a case is bound."""

    facility: Mapping[str, Any]
    software: Sequence[Mapping[str, Any]]


def cases_for(offer: Offer) -> list[Case]:
    """Give the cases that can run at a facility, the smallest first."""
    small = Case(SMALL, "A small job that says hello", _small(offer.facility))
    bound = (_bound(name, title, template, offer) for name, title, template in _templates())
    return [small, *(case for case in bound if case is not None)]


def with_files(text: str, case: str) -> bytes:
    """Give the body of a form's text, with the files of its case in it; what is no JSON stays as it is."""
    sent = text.encode("utf-8", "surrogatepass")
    if "${FILE:" not in text or case not in {name for name, _, _ in _templates()}:
        return sent
    folder = _folder().joinpath(case)

    def content(value: str) -> str:
        named = _FILE.fullmatch(value)
        if named is None or not (file := folder.joinpath(named[1])).is_file():
            return value
        return base64.b64encode(file.read_bytes()).decode("ascii")

    try:
        return json.dumps(_mapped(json.loads(text), content)).encode("ascii")
    except (ValueError, RecursionError):
        return sent


@cache
def _templates() -> Sequence[tuple[str, str, Mapping[str, Any]]]:
    """Read the use cases: the folder's name, the title of its page, the body."""
    found = []
    folder = _folder()
    for case in sorted(folder.iterdir(), key=lambda entry: entry.name) if folder.is_dir() else ():
        body, page = case.joinpath("body.json"), case.joinpath("README.md")
        if body.is_file() and page.is_file():
            title = page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
            found.append((case.name, title, json.loads(body.read_text(encoding="utf-8"))))
    return found


def _folder() -> Traversable:
    return files("common_compute_connector").joinpath("console", "use_cases")


def _small(facility: Mapping[str, Any]) -> dict[str, Any]:
    probe = facility["probe"]
    return {
        "name": "Hello",
        "facility_id": facility["id"],
        "software": probe.get("container") or probe.get("installed"),
        "command": ["/bin/sh", "-c", _SMALL_SCRIPT],
        "outputs": [{"path": "hello.txt"}],
    }


def _bound(name: str, title: str, template: Mapping[str, Any], offer: Offer) -> Case | None:
    values = _values(template, offer)
    tasks = len(template.get("array", {}).get("parameters", ()))
    if values is None or (tasks and not _takes_array(offer.facility, tasks)):
        return None

    def bound(value: str) -> str:
        return _NAME.sub(lambda found: values[found[1]], value)

    return Case(name, title, _mapped(template, bound))


def _values(template: Mapping[str, Any], offer: Offer) -> Mapping[str, str] | None:
    """Give what the names stand for at a facility; None if it does not have what the case needs."""
    facility_id, probe = offer.facility["id"], offer.facility["probe"]
    if template["software"]["kind"] == "container":
        image = probe.get("container", {}).get("image")
        return None if image is None else {"FACILITY": facility_id, "IMAGE": image}
    wanted = template["software"]["name"]
    if _NAME.fullmatch(wanted):
        wanted = _PROGRAM_SOFTWARE.get(template["command"][0], probe.get("installed", {}).get("name"))
    versions = [entry for entry in offer.software if entry["name"] == wanted]
    chosen = next((entry for entry in versions if entry["default"]), None)
    if chosen is None:
        return None
    return {"FACILITY": facility_id, "SOFTWARE": chosen["name"], "VERSION": chosen["version"]}


def _takes_array(facility: Mapping[str, Any], tasks: int) -> bool:
    return "arrays" in facility["conforms_to"] and tasks <= facility["limits"].get("max_array_tasks", 0)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _mapped(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [_mapped(each, change) for each in value]
    return change(value) if isinstance(value, str) else value
