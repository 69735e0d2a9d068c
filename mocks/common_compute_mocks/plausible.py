"""What a command leaves that nobody here can work out: something like what its job says that it will."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from math import inf

from common_compute_connector.plan import OutputRule, TaskPlan
from common_compute_mocks.chance import Draw
from common_compute_mocks.interpreter.ends import Written
from common_compute_mocks.interpreter.machine import Run

_SHORTEST_SECONDS = 0.2
_LONGEST_SECONDS = 0.6
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200"><title>{title}</title></svg>\n'


def plausible_run(plan: TaskPlan, draw: Draw, until: float = inf) -> Run:
    """Make up a run: it names the command, writes a file for each declared output, and exits with 0."""
    seconds = _SHORTEST_SECONDS + draw("seconds") * (_LONGEST_SECONDS - _SHORTEST_SECONDS)
    command = shlex.join(plan.command)
    lines = [Written(0.0, "stdout", f"{command}\n".encode(), 0)]
    if seconds > until:
        return Run("time", until, tape=tuple(lines))
    files = {path: _content(path, command, draw) for path in map(file_name, plan.outputs)}
    lines += [Written(seconds, "stdout", f"wrote {path}\n".encode(), 0) for path in files]
    return Run("exit", seconds, exit_code=0, tape=tuple(lines), files=files)


def file_name(rule: OutputRule) -> str:
    """Give a path that an output's glob matches."""
    segments = [_segment(segment) for segment in rule.path.split("/")]
    segments = [segment for segment in segments[:-1] if segment != "**"] + [
        "output" if segments[-1] == "**" else segments[-1]
    ]
    return "/".join(segments)


def _segment(glob: str) -> str:
    if glob == "**":
        return glob
    name = re.sub(r"\[(!?)\]?[^\]]*\]", _one_of, glob)
    name = (
        re.sub(r"\*+", "output", name)
        if name.strip("*") in ("", *_suffixes(name))
        else re.sub(r"\*+", "1", name)
    )
    return name.replace("?", "1")


def _suffixes(name: str) -> Sequence[str]:
    return [name.lstrip("*")] if name.startswith("*.") else []


def _one_of(found: re.Match[str]) -> str:
    inner = found[0][1:-1]
    if not found[1]:
        return inner[0]
    refused = set()
    for low, high, single in re.findall(r"(.)-(.)|(.)", inner[1:], flags=re.DOTALL):
        refused |= {single} if single else set(map(chr, range(ord(low), ord(high) + 1)))
    return next(char for char in "1a_xA-+,=@~%^" if char not in refused)


def _content(path: str, command: str, draw: Draw) -> bytes:
    numbers = [round(draw(path, place), 4) for place in range(8)]
    match path.rpartition(".")[2]:
        case "json":
            return json.dumps({"command": command, "values": numbers}).encode() + b"\n"
        case "csv":
            rows = "".join(f"{place},{number}\n" for place, number in enumerate(numbers))
            return f"index,value\n{rows}".encode()
        case "svg":
            title = command.replace("&", "&amp;").replace("<", "&lt;")
            return _SVG.format(title=title).encode()
    return f"{path} of {command}\n".encode()
