"""Run the tasks of an array with other numbers, parameters or placeholders than their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from common_compute_connector.plan import OutputRule, parameters_of, replaced, task_count
from common_compute_mutants.registry import wraps
from common_compute_mutants.verbs import AltersSpecifications, MatchesOtherwise, Spec, shell

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_OTHER = "OTHER_"


class _AltersArrays(AltersSpecifications):
    """Alter arrays only."""

    def altered(self, spec: Spec) -> Spec:
        """Leave plain jobs as they are."""
        return self.array(spec) if "array" in spec else spec

    def array(self, spec: Spec) -> Spec:
        """Make the other array job."""
        raise NotImplementedError


def _run(spec: Spec, script: str) -> Spec:
    return {**spec, "command": shell(script, list(spec["command"]))}


def _with_variables(spec: Spec, *words: str) -> Spec:
    return {**spec, "command": ["env", *words, *spec["command"]]} if words else spec


def _tasks(spec: Spec) -> list[Mapping[str, str]]:
    return [parameters_of(spec, index) for index in range(task_count(spec))]


def _known(spec: Spec, index: int) -> dict[str, str]:
    numbers = {"CC_TASK_INDEX": str(index), "CC_TASK_COUNT": str(task_count(spec))}
    return {**parameters_of(spec, index), **numbers}


def _beside(spec: Spec, values: Sequence[Mapping[str, str]]) -> Spec:
    """Give each task parameters beside its own: a way to put any text in the place of a placeholder."""
    others = [{f"{_OTHER}{name}": value for name, value in each.items()} for each in values]
    parameters = [{**own, **more} for own, more in zip(_tasks(spec), others, strict=True)]
    return {**spec, "array": {"parameters": parameters}}


def _other(text: str, *names: str) -> str:
    """Ask for the values that were put beside, in the place of these placeholders or of all."""
    return _PLACEHOLDER.sub(
        lambda found: f"{{{{{_OTHER}{found[1]}}}}}" if not names or found[1] in names else found[0], text
    )


def _unreplaced(spec: Spec) -> Spec:
    """Have beside each parameter a text that is its own placeholder."""
    return _beside(spec, [{name: f"{{{{{name}}}}}" for name in _known(spec, 0)}] * task_count(spec))


@wraps("CC-TASK-003")
class CountTasksFromOne(_AltersArrays):
    """`CC_TASK_INDEX` of the tasks of an array begins with 1."""

    def array(self, spec: Spec) -> Spec:
        """Add one."""
        return _run(spec, 'CC_TASK_INDEX=$((CC_TASK_INDEX+1)); export CC_TASK_INDEX; exec "$@"')


@wraps("CC-TASK-003")
class TellNoIndex(_AltersArrays):
    """`CC_TASK_INDEX` is not set in the tasks of an array."""

    def array(self, spec: Spec) -> Spec:
        """Unset it."""
        return _with_variables(spec, "-u", "CC_TASK_INDEX")


@wraps("CC-TASK-003")
class TellTheHighestIndex(_AltersArrays):
    """`CC_TASK_COUNT` is the highest index."""

    def array(self, spec: Spec) -> Spec:
        """Subtract one."""
        return _run(spec, 'CC_TASK_COUNT=$((CC_TASK_COUNT-1)); export CC_TASK_COUNT; exec "$@"')


@wraps("CC-TASK-003")
class WorkInOneDirectory(_AltersArrays):
    """The inputs of all tasks lie in the working directory of each."""

    def array(self, spec: Spec) -> Spec:
        """Add the inputs of the others."""
        inputs: dict[str, Mapping[str, Any]] = {}
        for index in range(task_count(spec)):
            for entry in spec.get("inputs", []):
                path = replaced(entry["path"], _known(spec, index))
                inputs.setdefault(path, {**entry, "path": path})
        return {**spec, "inputs": list(inputs.values())}


@wraps("CC-TASK-004")
class GiveEveryoneTheFirstParameters(_AltersArrays):
    """Every task has the parameters of task 0 for its environment variables."""

    def array(self, spec: Spec) -> Spec:
        """Set them, without a change of what the placeholders bring in."""
        first = [parameters_of(spec, 0)] * task_count(spec)
        set_anew = [f"{name}={{{{{_OTHER}{name}}}}}" for name in first[0]]
        return _with_variables(_beside(spec, first), *set_anew) if set_anew else spec


@wraps("CC-TASK-004")
class GiveTheParametersOfTheNext(_AltersArrays):
    """Every task has the parameters of the task behind it for its environment variables."""

    def array(self, spec: Spec) -> Spec:
        """Set them."""
        tasks = _tasks(spec)
        set_anew = [f"{name}={{{{{_OTHER}{name}}}}}" for name in tasks[0]]
        return _with_variables(_beside(spec, [*tasks[1:], tasks[0]]), *set_anew) if set_anew else spec


@wraps("CC-TASK-004")
class KeepParametersOutOfTheEnvironment(_AltersArrays):
    """The parameters of a task are put in the place of placeholders only, and are no variables."""

    def array(self, spec: Spec) -> Spec:
        """Unset them."""
        return _with_variables(spec, *(word for name in parameters_of(spec, 0) for word in ("-u", name)))


@wraps("CC-TASK-004")
class CutParametersAtBlanks(_AltersArrays):
    """The variable of a parameter ends at the value's first blank."""

    def array(self, spec: Spec) -> Spec:
        """Cut."""
        cut = [{name: value.partition(" ")[0] for name, value in task.items()} for task in _tasks(spec)]
        set_anew = [f"{name}={{{{{_OTHER}{name}}}}}" for name in cut[0]]
        return _with_variables(_beside(spec, cut), *set_anew) if set_anew else spec


@wraps("CC-TASK-005")
class ReplaceNothingInArguments(_AltersArrays):
    """Placeholders in `command` stay as they are."""

    def array(self, spec: Spec) -> Spec:
        """Leave them."""
        return {**_unreplaced(spec), "command": [_other(word) for word in spec["command"]]}


@wraps("CC-TASK-005")
class ReplaceNothingInVariables(_AltersArrays):
    """Placeholders in `environment` stay as they are."""

    def array(self, spec: Spec) -> Spec:
        """Leave them."""
        environment = {name: _other(value) for name, value in spec.get("environment", {}).items()}
        return {**_unreplaced(spec), "environment": environment}


@wraps("CC-TASK-005")
class ReplaceNothingInPathsOfInputs(_AltersArrays):
    """Placeholders in the paths of inputs stay as they are."""

    def array(self, spec: Spec) -> Spec:
        """Leave them."""
        inputs = [{**entry, "path": _other(entry["path"])} for entry in spec.get("inputs", [])]
        return {**_unreplaced(spec), "inputs": inputs}


@wraps("CC-TASK-005")
class ReplaceParametersInPathsOfInputsOnly(_AltersArrays):
    """`{{CC_TASK_INDEX}}` in the path of an input stays as it is."""

    def array(self, spec: Spec) -> Spec:
        """Leave it."""
        inputs = [
            {**entry, "path": _other(entry["path"], "CC_TASK_INDEX")} for entry in spec.get("inputs", [])
        ]
        return {**_unreplaced(spec), "inputs": inputs}


@wraps("CC-TASK-005")
class FindTheOutputsOfTaskZero(MatchesOtherwise):
    """The paths of outputs are read with a 0 in the place of a number before the last dot, in every task."""

    def patterns(self, outputs: Sequence[OutputRule]) -> list[str]:
        """Put 0 where the index stood."""
        return [re.sub(r"[0-9]+\.", "0.", rule.path) for rule in outputs]


@wraps("CC-TASK-005")
class ReplaceTheFirstOnly(_AltersArrays):
    """Of several placeholders in one argument the first is replaced."""

    def array(self, spec: Spec) -> Spec:
        """Leave the others."""

        def put(word: str) -> str:
            found = _PLACEHOLDER.search(word)
            return word[: found.end()] + _other(word[found.end() :]) if found else word

        return {**_unreplaced(spec), "command": [put(word) for word in spec["command"]]}


@wraps("CC-TASK-005")
class LeaveTheCountInItsPlace(_AltersArrays):
    """`{{CC_TASK_COUNT}}` in `command` stays as it is."""

    def array(self, spec: Spec) -> Spec:
        """Leave it."""
        return {**_unreplaced(spec), "command": [_other(word, "CC_TASK_COUNT") for word in spec["command"]]}


@wraps("CC-TASK-006")
class ScanAgain(_AltersArrays):
    """What a placeholder in `command` brings in is scanned for placeholders again."""

    def array(self, spec: Spec) -> Spec:
        """Replace twice."""
        return _scanned_again(spec, lambda known: known)


@wraps("CC-TASK-006")
class ScanAgainForTheIndex(_AltersArrays):
    """In what a placeholder in `command` brings in, `{{CC_TASK_INDEX}}` is replaced."""

    def array(self, spec: Spec) -> Spec:
        """Replace that."""
        return _scanned_again(spec, lambda known: {"CC_TASK_INDEX": known["CC_TASK_INDEX"]})


def _scanned_again(spec: Spec, chosen: Callable[[dict[str, str]], Mapping[str, str]]) -> Spec:
    """Put into `command` what the parameters bring in, with the chosen placeholders in it replaced."""
    names = list(parameters_of(spec, 0))
    values = [
        {name: _filled(value, chosen(_known(spec, index))) for name, value in task.items()}
        for index, task in enumerate(_tasks(spec))
    ]
    words = [_other(word, *names) for word in spec["command"]]
    return {**_beside(spec, values), "command": words} if names else spec


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


@wraps("CC-TASK-006")
class ReplaceBracesWithBlanks(_AltersArrays):
    """`{{ NAME }}` in `command` is replaced, too."""

    def array(self, spec: Spec) -> Spec:
        """Take the blanks out."""
        return {**spec, "command": [_loose(r"\{\{ (\w+) \}\}", word, spec) for word in spec["command"]]}


@wraps("CC-TASK-006")
class ReplaceSingleBraces(_AltersArrays):
    """`{NAME}` in `command` is replaced, too."""

    def array(self, spec: Spec) -> Spec:
        """Double the braces."""
        single = r"(?<![{$])\{(\w+)\}(?!\})"
        return {**spec, "command": [_loose(single, word, spec) for word in spec["command"]]}


@wraps("CC-TASK-006")
class TakeBracesOff(_AltersArrays):
    """Braces with blanks inside are replaced by nothing."""

    def array(self, spec: Spec) -> Spec:
        """Take them out."""
        return {**spec, "command": [re.sub(r"\{\{ +\w+ +\}\}", "", word) for word in spec["command"]]}


def _loose(pattern: str, word: str, spec: Spec) -> str:
    """Write a placeholder where the pattern is found around a name that there is."""
    names = _known(spec, 0)
    return re.sub(pattern, lambda found: f"{{{{{found[1]}}}}}" if found[1] in names else found[0], word)
