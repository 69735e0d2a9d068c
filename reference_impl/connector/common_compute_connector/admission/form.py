"""The rules of form that no schema can say: they hold at every facility."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import orjson

from common_compute_connector import contract
from common_compute_connector.admission.sound import Sound
from common_compute_connector.admission.tasks import Tasks
from common_compute_connector.errors import Fault
from common_compute_connector.plan import OutputRule
from common_compute_connector.schemas import component, pointer


def form_faults(sound: Sound, max_tasks: int) -> list[Fault]:
    """Name the faults of form of a specification's sound parts.

    Of an array with more than `max_tasks` tasks only what holds for all of them at once is looked at.
    """
    tasks = Tasks(sound)
    faults: list[Fault] = []
    if sound.array is not None:
        faults += [*_array_faults(sound), *_placeholder_faults(sound, tasks)]
    each_task = not faults and sound.task_count <= max_tasks
    if each_task and sound.array is not None:
        faults += _replaced_command_faults(sound, tasks)
        faults += _replaced_faults(sound, tasks)
    if sound.inputs and (each_task or sound.array is None):
        faults += _input_path_faults(sound, tasks)
    faults += _glob_faults(sound, tasks, each_task=each_task)
    faults += _metadata_faults(sound)
    return faults


def _array_faults(sound: Sound) -> Iterator[Fault]:
    for index, parameters in enumerate(sound.parameters):
        if parameters.keys() != sound.parameters[0].keys():
            detail = "Every task must have the same names as the first."
            yield _fault(["array", "parameters", index], detail)
    for name in sound.parameters[0] if sound.parameters else ():
        if name in sound.environment:
            detail = "This name is already in use in environment."
            yield _fault(["array", "parameters", 0, name], detail)


def _placeholder_faults(sound: Sound, tasks: Tasks) -> Iterator[Fault]:
    for place, text in _replaceable_texts(sound):
        for name in dict.fromkeys(tasks.unknown(text)):
            detail = (
                f"{{{{{name}}}}} names neither a parameter of the array nor CC_TASK_INDEX nor CC_TASK_COUNT."
            )
            yield _fault(place, detail)


def _replaceable_texts(sound: Sound) -> Iterator[tuple[list[str | int], str]]:
    """Give every text in which placeholders are replaced, and where it is."""
    for at, word in enumerate(sound.command):
        yield ["command", at], word
    for name, value in sound.environment.items():
        yield ["environment", name], value
    for at, entry in sound.inputs:
        yield ["inputs", at, "path"], entry["path"]
        if entry["source"]["kind"] == "url":
            yield ["inputs", at, "source", "url"], entry["source"]["url"]
    for at, entry in sound.outputs:
        yield ["outputs", at, "path"], entry["path"]


def _replaced_command_faults(sound: Sound, tasks: Tasks) -> Iterator[Fault]:
    if sound.command and tasks.varies(sound.command[0]) and not all(tasks.each(sound.command[0])):
        yield _fault(["command", 0], "For at least one task the first element is empty.")


def _input_path_faults(sound: Sound, tasks: Tasks) -> list[Fault]:
    """Find inputs of one path, and an input in the place of another's directory, in any of the tasks."""
    varying = [tasks.varies(entry["path"]) for _, entry in sound.inputs]
    rounds = sound.task_count if any(varying) else 1
    paths = [tasks.each(entry["path"]) for _, entry in sound.inputs]
    faults: dict[Fault, None] = {}
    steady = [None if changes else next(each) for changes, each in zip(varying, paths, strict=True)]
    for _ in range(rounds):
        seen = [fixed if fixed is not None else next(each) for fixed, each in zip(steady, paths, strict=True)]
        faults |= dict.fromkeys(_clashes(seen, [at for at, _ in sound.inputs]))
    return list(faults)


def _clashes(paths: Sequence[str], indices: Sequence[int]) -> Iterator[Fault]:
    first: dict[str, int] = {}
    directories = {
        path[:end]: at
        for path, at in zip(paths, indices, strict=True)
        for end in (found.start() for found in re.finditer("/", path))
    }
    for path, at in zip(paths, indices, strict=True):
        if path in first:
            yield _fault(["inputs", at, "path"], f"The input {first[path]} has this path already.")
        first.setdefault(path, at)
        if path in directories:
            detail = f"This path is a directory of the input {directories[path]}."
            yield _fault(["inputs", at, "path"], detail)


def _replaced_faults(sound: Sound, tasks: Tasks) -> Iterator[Fault]:
    """Find paths and URLs that are none any more once a task's parameters are in place."""
    path, url = component("RelativePath").fits, component("Url").fits
    for place, text in _replaceable_texts(sound):
        if place[0] not in ("inputs", "outputs") or not tasks.varies(text):
            continue
        fits = url if place[-1] == "url" else path
        for index, seen in enumerate(tasks.each(text)):
            if not fits(seen):
                what = "URL" if place[-1] == "url" else "relative path"
                yield _fault(place, f"For the task {index} this is no valid {what}.")
                break


def _glob_faults(sound: Sound, tasks: Tasks, *, each_task: bool) -> Iterator[Fault]:
    for at, entry in sound.outputs:
        texts = tasks.each(entry["path"]) if each_task else [entry["path"]]
        # Only a set of characters can be wrong, so only those are compiled, however many tasks there are.
        if any(_is_bad_glob(text) for text in texts if "[" in text):
            yield _fault(["outputs", at, "path"], "This is no pattern that can be matched.")


def _is_bad_glob(text: str) -> bool:
    try:
        OutputRule(text).matches("")
    except re.error:
        return True
    return False


def _metadata_faults(sound: Sound) -> Iterator[Fault]:
    if sound.metadata is not None:
        most = contract.document()["components"]["schemas"]["JobSpec"]["properties"]["metadata"][
            "x-max-bytes"
        ]
        size = len(orjson.dumps(sound.metadata))
        if size > most:
            yield _fault(["metadata"], f"This has {size} bytes as compact JSON; the limit is {most}.")


def _fault(place: Sequence[str | int], detail: str) -> Fault:
    return Fault("invalid-request", detail, pointer=pointer(place))
