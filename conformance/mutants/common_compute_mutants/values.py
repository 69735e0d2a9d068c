"""Overlook faults of commands, variables and paths."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.specification import Spec, drop, objects, reading, texts


def _words(spec: Spec) -> list[Any]:
    command = spec.get("command")
    return command if isinstance(command, list) else []


@twists("CC-VAL-003")
async def run_an_empty_command(request: Request, forward: Forward) -> Answer:
    """An empty `command` is accepted, for the image's own entry point."""
    return await reading(
        request, forward, lambda spec: spec.update(command=["true"]) if spec.get("command") == [] else None
    )


@twists("CC-VAL-003")
async def run_an_empty_program(request: Request, forward: Forward) -> Answer:
    """A `command` that begins with an empty string is accepted."""

    def edit(spec: Spec) -> None:
        if _words(spec)[:1] == [""]:
            spec["command"][0] = "true"

    return await reading(request, forward, edit)


@twists("CC-VAL-003")
async def end_arguments_at_a_nul(request: Request, forward: Forward) -> Answer:
    """An element of `command` ends at its first NUL."""

    def edit(spec: Spec) -> None:
        for number, word in enumerate(_words(spec)):
            if isinstance(word, str):
                spec["command"][number] = word.partition("\0")[0]

    return await reading(request, forward, edit)


async def _variables(request: Request, forward: Forward, unwanted: re.Pattern[str]) -> Answer:
    """Leave out the variables of which the name fits, whatever else there is to say of them."""
    return await reading(
        request,
        forward,
        lambda spec: drop(texts(spec, "environment"), lambda name, _: unwanted.fullmatch(name) is not None),
    )


@twists("CC-VAL-004")
async def take_reserved_variables(request: Request, forward: Forward) -> Answer:
    """A variable with a name that begins with `CC_` is accepted."""
    return await _variables(request, forward, re.compile("CC_[A-Za-z0-9_]*"))


@twists("CC-VAL-004")
async def reserve_its_own_variables_only(request: Request, forward: Forward) -> Answer:
    """Only the three variables that the service sets are refused, not all that begin with `CC_`."""
    return await _variables(
        request, forward, re.compile("CC_(?!(JOB_ID|TASK_INDEX|TASK_COUNT)$)[A-Za-z0-9_]*")
    )


@twists("CC-VAL-004")
async def take_letters_of_every_script(request: Request, forward: Forward) -> Answer:
    """A variable's name may have letters beyond ASCII."""
    return await _variables(request, forward, re.compile(r"(?=.*[^\x00-\x7f])[^\W\d]\w*"))


@twists("CC-VAL-004")
async def take_names_before_a_line_feed(request: Request, forward: Forward) -> Answer:
    """A variable's name may end in a line feed, since the pattern's end is not anchored."""
    return await _variables(request, forward, re.compile(r"(?!CC_)[A-Za-z_][A-Za-z0-9_]*\n"))


@twists("CC-VAL-004")
async def take_names_that_begin_with_a_digit(request: Request, forward: Forward) -> Answer:
    """A variable's name may begin with a digit."""
    return await _variables(request, forward, re.compile("[0-9][A-Za-z0-9_]*"))


@twists("CC-VAL-004")
async def take_dots_and_dashes_in_names(request: Request, forward: Forward) -> Answer:
    """A variable's name may have dots and dashes, as `env` would take them."""
    return await _variables(request, forward, re.compile("[A-Za-z_][A-Za-z0-9_]*[.-][A-Za-z0-9_.-]*"))


@twists("CC-VAL-004")
async def end_values_at_a_nul(request: Request, forward: Forward) -> Answer:
    """A variable's value ends at its first NUL."""

    def edit(spec: Spec) -> None:
        for name, value in texts(spec, "environment").items():
            if isinstance(value, str):
                spec["environment"][name] = value.partition("\0")[0]

    return await reading(request, forward, edit)


def _paths(spec: Spec, *names: str) -> list[Spec]:
    return [each for name in names for each in objects(spec, name) if isinstance(each.get("path"), str)]


@twists("CC-VAL-005")
async def put_absolute_paths_inside(request: Request, forward: Forward) -> Answer:
    """An absolute path is taken as relative to the working directory."""

    def edit(spec: Spec) -> None:
        for each in _paths(spec, "inputs", "outputs"):
            each["path"] = each["path"].lstrip("/") or "/"

    return await reading(request, forward, edit)


@twists("CC-VAL-005")
async def walk_up_and_down(request: Request, forward: Forward) -> Answer:
    """A `..` segment is accepted where the path stays inside the working directory."""

    def edit(spec: Spec) -> None:
        for each in _paths(spec, "inputs", "outputs"):
            if ".." in each["path"].split("/")[1:]:
                each["path"] = posixpath.normpath(each["path"])

    return await reading(request, forward, edit)


@twists("CC-VAL-005")
async def look_above_for_outputs(request: Request, forward: Forward) -> Answer:
    """An output's path may lead out of the working directory."""

    def edit(spec: Spec) -> None:
        for each in _paths(spec, "outputs"):
            each["path"] = each["path"].removeprefix("../") or ".."

    return await reading(request, forward, edit)


@twists("CC-VAL-005")
async def skip_single_dots(request: Request, forward: Forward) -> Answer:
    """A `.` segment in a path is skipped."""

    def edit(spec: Spec) -> None:
        for each in _paths(spec, "inputs", "outputs"):
            kept = [step for step in each["path"].split("/") if step != "."]
            each["path"] = "/".join(kept) or "."

    return await reading(request, forward, edit)


@twists("CC-VAL-005")
async def skip_empty_segments(request: Request, forward: Forward) -> Answer:
    """Two slashes in a path count as one."""

    def edit(spec: Spec) -> None:
        for each in _paths(spec, "inputs", "outputs"):
            each["path"] = re.sub("(?<=.)//+", "/", each["path"])

    return await reading(request, forward, edit)


@twists("CC-VAL-005")
async def forgive_a_slash_behind(request: Request, forward: Forward) -> Answer:
    """A slash at the end of an output's path is overlooked."""

    def edit(spec: Spec) -> None:
        for each in _paths(spec, "outputs"):
            each["path"] = each["path"].rstrip("/") or "/"

    return await reading(request, forward, edit)


@twists("CC-VAL-005")
async def let_the_last_input_win(request: Request, forward: Forward) -> Answer:
    """Of two inputs of one path the last wins."""

    def edit(spec: Spec) -> None:
        inputs = _paths(spec, "inputs")
        if len(inputs) > 1 and inputs == spec["inputs"]:
            spec["inputs"] = list({each["path"]: each for each in inputs}.values())

    return await reading(request, forward, edit)


@twists("CC-VAL-005")
async def put_a_file_where_a_directory_is(request: Request, forward: Forward) -> Answer:
    """An input whose path is the directory of another's is accepted, and lost."""

    def edit(spec: Spec) -> None:
        inputs = _paths(spec, "inputs")
        directories = {each["path"].rpartition("/")[0] for each in inputs}
        if len(inputs) > 1 and inputs == spec["inputs"]:
            spec["inputs"] = [each for each in inputs if each["path"] not in directories]

    return await reading(request, forward, edit)


@twists("CC-VAL-005")
async def look_at_neighbours_only(request: Request, forward: Forward) -> Answer:
    """An input whose path is the directory of another's is accepted unless it comes just before it."""

    def edit(spec: Spec) -> None:
        inputs = _paths(spec, "inputs")
        if len(inputs) > 1 and inputs == spec["inputs"]:
            ahead = [first for first in inputs if not _lies_behind(first["path"], inputs)]
            spec["inputs"] = ahead

    return await reading(request, forward, edit)


def _lies_behind(path: str, inputs: list[Spec]) -> bool:
    """Tell whether a path is the directory of one that came earlier."""
    earlier = [each["path"] for each in inputs[: [each["path"] for each in inputs].index(path)]]
    return any(each.startswith(f"{path}/") for each in earlier)
