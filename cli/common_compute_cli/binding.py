"""Make a job specification from a template: what stands in `${...}` is bound to names, files and results.

`${NAME}`          the value given for NAME
`${FILE:path}`     the base64 of a file beside the template
`${RESULT:path}`   in an input, which is then repeated for every task of an array job that has such a result:
                   the base64 of the result
`${INDEX}`         beside it: the task's index
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from importlib.resources.abc import Traversable
from typing import Any

from common_compute_cli.errors import WrongUsage

_PLACEHOLDER = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)(?::([^}]+))?\}")

Results = Mapping[int, Mapping[str, bytes]]
"""The results of an array: task index, path, bytes."""


def bind(
    template: Any, values: Mapping[str, str], beside: Traversable, results: Results | None = None
) -> Any:
    """Give the template with everything bound.

    Raises:
        WrongUsage: a placeholder has no value, or its file cannot be read.
    """

    def value(name: str, argument: str | None) -> str:
        if name == "FILE" and argument is not None:
            try:
                return base64.b64encode(beside.joinpath(argument).read_bytes()).decode()
            except OSError as error:
                raise WrongUsage(
                    f"The template needs the file {argument} beside it: {error.strerror}."
                ) from error
        if argument is None and name in values:
            return values[name]
        written = name if argument is None else f"{name}:{argument}"
        raise WrongUsage(
            f"The template needs a value for ${{{written}}}: give it with --set {written}=VALUE."
        )

    if isinstance(template, dict) and results is not None and "inputs" in template:
        inputs = [bound for each in template["inputs"] for bound in _for_each_result(each, results)]
        template = {**template, "inputs": inputs}
    return _replaced(template, value)


def _for_each_result(template: Any, results: Results) -> list[Any]:
    """Repeat an input whose content is a result for every task that has one of that path."""
    wanted = {found[2] for found in _PLACEHOLDER.finditer(json.dumps(template)) if found[1] == "RESULT"}
    if not wanted:
        return [template]

    def bound(index: int, files: Mapping[str, bytes]) -> Any:
        def value(name: str, argument: str | None) -> str:
            if name == "INDEX" and argument is None:
                return str(index)
            if name == "RESULT" and argument is not None:
                return base64.b64encode(files[argument]).decode()
            return f"${{{name}}}" if argument is None else f"${{{name}:{argument}}}"

        return _replaced(template, value)

    return [bound(index, files) for index, files in sorted(results.items()) if wanted <= files.keys()]


def _replaced(template: Any, value: Callable[[str, str | None], str]) -> Any:
    if isinstance(template, dict):
        return {key: _replaced(each, value) for key, each in template.items()}
    if isinstance(template, list):
        return [_replaced(each, value) for each in template]
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda found: value(found[1], found[2]), template)
    return template
