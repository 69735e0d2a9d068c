"""Overlook faults of an array's size, its parameters and its placeholders."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from common_compute_mutants.capabilities import is_refused_for, recoded
from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.specification import Spec, drop, facility_of, objects, reading, texts

_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}")
_OURS = ("CC_TASK_INDEX", "CC_TASK_COUNT")


async def _largest(request: Request, forward: Forward) -> int:
    return (
        int((await facility_of(request, forward))["limits"]["max_array_tasks"])
        if request.is_submission
        else 0
    )


@twists("CC-VAL-018")
async def run_as_many_tasks_as_may_be(request: Request, forward: Forward) -> Answer:
    """An array of more than `max_array_tasks` by its `count` is cut down to them."""
    largest = await _largest(request, forward)

    def edit(spec: Spec) -> None:
        array = texts(spec, "array")
        if isinstance(array.get("count"), int):
            array["count"] = min(array["count"], largest)

    return await reading(request, forward, edit)


@twists("CC-VAL-018")
async def count_no_parameters(request: Request, forward: Forward) -> Answer:
    """`max_array_tasks` is held against `count` only, not against a list of parameters."""
    largest = await _largest(request, forward)

    def edit(spec: Spec) -> None:
        array = texts(spec, "array")
        if isinstance(array.get("parameters"), list):
            array["parameters"] = array["parameters"][:largest]

    return await reading(request, forward, edit)


@twists("CC-VAL-018")
async def refuse_the_largest_array(request: Request, forward: Forward) -> Answer:
    """An array of exactly `max_array_tasks` tasks is refused."""
    largest = await _largest(request, forward)

    def edit(spec: Spec) -> None:
        array = texts(spec, "array")
        if array.get("count") == largest:
            array["count"] += 1

    return await reading(request, forward, edit)


@twists("CC-VAL-018")
async def call_a_large_array_invalid(request: Request, forward: Forward) -> Answer:
    """An array of more than `max_array_tasks` tasks is answered 422 `invalid-request`."""
    answer = await forward(request)
    asked = request.json()
    if isinstance(asked, dict) and texts(asked, "array") and is_refused_for(answer, "limit-exceeded"):
        return recoded(answer, "invalid-request")
    return answer


async def _parameters(
    request: Request, forward: Forward, edit: Callable[[list[Spec], Spec], object]
) -> Answer:
    """Read the parameters as `edit` leaves them, which is given the specification as well."""

    def whole(spec: Spec) -> None:
        tasks = objects(texts(spec, "array"), "parameters")
        if tasks:
            edit(tasks, spec)

    return await reading(request, forward, whole)


@twists("CC-VAL-019")
async def fill_in_missing_parameters(request: Request, forward: Forward) -> Answer:
    """A parameter that one task lacks is empty there."""

    def edit(tasks: list[Spec], _: Spec) -> None:
        names = {name for task in tasks for name in task}
        for task in tasks:
            for name in names:
                task.setdefault(name, "")

    return await _parameters(request, forward, edit)


@twists("CC-VAL-019")
async def follow_the_first_task(request: Request, forward: Forward) -> Answer:
    """A parameter that the first task does not have is dropped from the others."""

    def edit(tasks: list[Spec], _: Spec) -> None:
        for task in tasks:
            drop(task, lambda name, _: name not in tasks[0])

    return await _parameters(request, forward, edit)


@twists("CC-VAL-019")
async def write_parameters_as_text(request: Request, forward: Forward) -> Answer:
    """A parameter that is a number counts as its digits."""

    def edit(tasks: list[Spec], _: Spec) -> None:
        for task in tasks:
            task.update({name: str(value) for name, value in task.items() if isinstance(value, int | float)})

    return await _parameters(request, forward, edit)


@twists("CC-VAL-019")
async def take_a_null_parameter_for_empty(request: Request, forward: Forward) -> Answer:
    """A parameter that is null is empty."""

    def edit(tasks: list[Spec], _: Spec) -> None:
        for task in tasks:
            task.update({name: "" for name, value in task.items() if value is None})

    return await _parameters(request, forward, edit)


@twists("CC-VAL-019")
async def let_parameters_win(request: Request, forward: Forward) -> Answer:
    """A parameter may have a name in use in `environment`, and wins."""

    def edit(tasks: list[Spec], spec: Spec) -> None:
        drop(texts(spec, "environment"), lambda name, _: name in tasks[0])

    return await _parameters(request, forward, edit)


@twists("CC-VAL-019")
async def take_reserved_parameters(request: Request, forward: Forward) -> Answer:
    """A parameter with a name that begins with `CC_` is accepted."""

    def edit(tasks: list[Spec], _: Spec) -> None:
        for task in tasks:
            for name in [name for name in task if name.startswith("CC_")]:
                task[f"X{name}"] = task.pop(name)

    return await _parameters(request, forward, edit)


@twists("CC-VAL-019")
async def look_at_the_first_task_only(request: Request, forward: Forward) -> Answer:
    """The names of parameters are looked at in the first task, and their values as well."""

    def edit(tasks: list[Spec], _: Spec) -> None:
        for task in tasks[1:]:
            task.update({name: "" for name, value in task.items() if not isinstance(value, str)})

    return await _parameters(request, forward, edit)


def _known(spec: Spec) -> set[str]:
    tasks = objects(texts(spec, "array"), "parameters")
    return {*_OURS, *(name for task in tasks for name in task)}


def _loosened(value: Any, known: set[str]) -> Any:
    """Return a text in which a placeholder of an unknown name is one no longer."""
    if not isinstance(value, str):
        return value
    return _PLACEHOLDER.sub(lambda found: found[0] if found[1] in known else found[1], value)


async def _placeholders(
    request: Request, forward: Forward, edit: Callable[[Spec, set[str]], object]
) -> Answer:
    def whole(spec: Spec) -> None:
        if texts(spec, "array"):
            edit(spec, _known(spec))

    return await reading(request, forward, whole)


@twists("CC-VAL-020")
async def leave_placeholders_in_commands(request: Request, forward: Forward) -> Answer:
    """A `{{NAME}}` that names nothing stays as it is in `command`."""

    def edit(spec: Spec, known: set[str]) -> None:
        if isinstance(spec.get("command"), list):
            spec["command"] = [_loosened(word, known) for word in spec["command"]]

    return await _placeholders(request, forward, edit)


@twists("CC-VAL-020")
async def leave_placeholders_in_variables(request: Request, forward: Forward) -> Answer:
    """A `{{NAME}}` that names nothing stays as it is in the value of a variable."""

    def edit(spec: Spec, known: set[str]) -> None:
        for name, value in texts(spec, "environment").items():
            spec["environment"][name] = _loosened(value, known)

    return await _placeholders(request, forward, edit)


@twists("CC-VAL-020")
async def leave_placeholders_in_paths(request: Request, forward: Forward) -> Answer:
    """A `{{NAME}}` that names nothing stays as it is in the path of an output."""

    def edit(spec: Spec, known: set[str]) -> None:
        for each in objects(spec, "outputs"):
            each["path"] = _loosened(each.get("path"), known)

    return await _placeholders(request, forward, edit)


@twists("CC-VAL-020")
async def know_placeholders_in_any_case(request: Request, forward: Forward) -> Answer:
    """A `{{name}}` in small letters names the parameter in capital ones."""

    def edit(spec: Spec, known: set[str]) -> None:
        for name, value in texts(spec, "environment").items():
            if isinstance(value, str):
                spec["environment"][name] = _PLACEHOLDER.sub(
                    lambda found: f"{{{{{found[1].upper()}}}}}" if found[1].upper() in known else found[0],
                    value,
                )

    return await _placeholders(request, forward, edit)


@twists("CC-VAL-020")
async def name_the_job_in_placeholders(request: Request, forward: Forward) -> Answer:
    """`{{CC_JOB_ID}}` is accepted as a placeholder."""

    def edit(spec: Spec, _: set[str]) -> None:
        for each in objects(spec, "outputs"):
            if isinstance(each.get("path"), str):
                each["path"] = each["path"].replace("{{CC_JOB_ID}}", "job")

    return await _placeholders(request, forward, edit)


@twists("CC-VAL-020")
async def look_at_placeholders_of_parameters_only(request: Request, forward: Forward) -> Answer:
    """In an array without parameters a `{{NAME}}` stays as it is."""

    def edit(spec: Spec, known: set[str]) -> None:
        if "count" in spec["array"] and isinstance(spec.get("command"), list):
            spec["command"] = [_loosened(word, known) for word in spec["command"]]

    return await _placeholders(request, forward, edit)
