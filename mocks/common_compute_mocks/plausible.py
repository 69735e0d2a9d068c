"""What a command leaves that nobody here can work out: something like what its job says that it will."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from math import inf

from common_compute_connector.plan import OutputRule, TaskPlan
from common_compute_mocks.chance import Draw
from common_compute_mocks.interpreter.ends import Written
from common_compute_mocks.interpreter.machine import Run
from common_compute_mocks.plausible_content import plausible_content
from common_compute_mocks.scenarios import Prints, Script

_SHORTEST_SECONDS = 0.2
_LONGEST_SECONDS = 0.6
_LONGEST_COMMAND = 200
"""Of a command's words as many characters are put into a line or a file."""

_PLACE = re.compile(r"\{(n|of|command|index)\}")


def plausible_run(plan: TaskPlan, draw: Draw, until: float = inf) -> Run:
    """Make up a run: it names the command and the task, writes a file for each output, and exits with 0."""
    seconds = _SHORTEST_SECONDS + draw("seconds") * (_LONGEST_SECONDS - _SHORTEST_SECONDS)
    lines = [Written(0.0, "stdout", f"{shlex.join(plan.command)}\n".encode(), 0)]
    if _is_of_array(plan):
        lines.append(Written(0.0, "stdout", f"{_task(plan)}\n".encode(), 0))
    return _made_up(Script(seconds), lines, plan, draw, until)


def scripted_run(script: Script, plan: TaskPlan, draw: Draw, until: float = inf) -> Run:
    """Make up a run as a scenario says; files are written only if it exits with 0."""
    lines = list(_printed(script.prints, script.seconds, plan)) if script.prints is not None else []
    return _made_up(script, lines, plan, draw, until)


def _made_up(script: Script, lines: Sequence[Written], plan: TaskPlan, draw: Draw, until: float) -> Run:
    if script.seconds > until:
        return Run("time", until, tape=tuple(line for line in lines if line.at <= until))
    files = _files(plan, draw, script.named) if script.exit_code == 0 else {}
    wrote = [Written(script.seconds, "stdout", f"wrote {path}\n".encode(), 0) for path in files]
    return Run("exit", script.seconds, exit_code=script.exit_code, tape=(*lines, *wrote), files=files)


def _printed(prints: Prints, seconds: float, plan: TaskPlan) -> Iterator[Written]:
    count = int(seconds / prints.every_seconds)
    facts = {"of": str(count), "command": _shortened(plan), "index": str(plan.index)}
    for number in range(1, count + 1):
        facts["n"] = str(number)
        text = _PLACE.sub(lambda found: facts[found[1]], prints.line)
        yield Written(number * prints.every_seconds, prints.stream, f"{text}\n".encode(), 0)


def _files(plan: TaskPlan, draw: Draw, named: str) -> Mapping[str, bytes]:
    origin = _shortened(plan) + (f", {_task(plan)}" if _is_of_array(plan) else "")
    paths = [file_name(rule, named) for rule in plan.outputs]
    return {path: plausible_content(path, origin, draw) for path in paths}


def _shortened(plan: TaskPlan) -> str:
    command = shlex.join(plan.command)
    return command if len(command) <= _LONGEST_COMMAND else command[: _LONGEST_COMMAND - 1] + "…"


def _is_of_array(plan: TaskPlan) -> bool:
    return plan.environment["CC_TASK_COUNT"] != "1"


def _task(plan: TaskPlan) -> str:
    return f"task {plan.index} of {plan.environment['CC_TASK_COUNT']}"


def file_name(rule: OutputRule, named: str = "output") -> str:
    """Give a path that an output's glob matches; where it leaves the whole name open, it is `named`."""
    segments = [_segment(segment, named) for segment in rule.path.split("/")]
    segments = [segment for segment in segments[:-1] if segment != "**"] + [
        named if segments[-1] == "**" else segments[-1]
    ]
    return "/".join(segments)


def _segment(glob: str, named: str) -> str:
    if glob == "**":
        return glob
    is_open = not glob.strip("*") or (glob.startswith("*.") and not glob.endswith("*"))

    def chosen(found: re.Match[str]) -> str:
        if found[0].startswith("["):
            return _one_of(found)
        return "1" if found[0] == "?" or not is_open else named

    return re.sub(r"\[(!?)\]?[^\]]*\]|\*+|\?", chosen, glob)


def _one_of(found: re.Match[str]) -> str:
    inner = found[0][1:-1]
    if not found[1]:
        return inner[0]
    refused = set()
    for low, high, single in re.findall(r"(.)-(.)|(.)", inner[1:], flags=re.DOTALL):
        refused |= {single} if single else set(map(chr, range(ord(low), ord(high) + 1)))
    return next(char for char in "1a_xA-+,=@~%^" if char not in refused)
