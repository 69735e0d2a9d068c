"""What each task of a job runs: a job specification with its array parameters put in.

Pure: a specification and an index in, a plan out. Connectors turn a plan into their own facility's words.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that lies in the working directory when the task starts.

    `content` is set for an inline source; else `source` is the specification's own object.
    """

    path: str
    executable: bool
    source: Mapping[str, Any]

    @property
    def content(self) -> bytes | None:
        """The bytes of an inline source."""
        if self.source["kind"] != "inline":
            return None
        return base64.b64decode(self.source["content_base64"], validate=True)


@dataclass(frozen=True, slots=True)
class OutputRule:
    """A glob of result files, relative to the working directory."""

    path: str
    required: bool = True
    destination_url: str | None = None

    def matches(self, path: str) -> bool:
        """Tell whether a file's path, segments joined by `/`, is meant by this rule."""
        return _compiled(self.path).fullmatch(path) is not None

    @property
    def expression(self) -> str:
        """The rule as a regular expression that a whole path fits (`re.DOTALL`), to match elsewhere."""
        return _compiled(self.path).pattern


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """One task: argv and environment exactly as they must reach the process."""

    index: int
    command: tuple[str, ...]
    environment: Mapping[str, str]
    inputs: tuple[InputFile, ...]
    outputs: tuple[OutputRule, ...]


def task_count(spec: Mapping[str, Any]) -> int:
    """Say how many tasks a job has."""
    array = spec.get("array")
    if array is None:
        return 1
    return int(array["count"]) if "count" in array else len(array["parameters"])


def plan_task(spec: Mapping[str, Any], job_id: str, index: int) -> TaskPlan:
    """Put the parameters of task `index` in place, once, and never look at what was put in.

    The environment holds the job's own names, then the parameters, then `CC_JOB_ID`, `CC_TASK_INDEX` and
    `CC_TASK_COUNT`. In a job that is no array braces stay as they are.
    """
    replace = _replacer(spec, index)
    environment = {name: replace(value) for name, value in spec.get("environment", {}).items()}
    environment |= parameters_of(spec, index)
    environment |= {
        "CC_JOB_ID": job_id,
        "CC_TASK_INDEX": str(index),
        "CC_TASK_COUNT": str(task_count(spec)),
    }
    return TaskPlan(
        index=index,
        command=tuple(replace(word) for word in spec["command"]),
        environment=environment,
        inputs=tuple(_input(entry, replace) for entry in spec.get("inputs", ())),
        outputs=output_rules(spec, index),
    )


def output_rules(spec: Mapping[str, Any], index: int) -> tuple[OutputRule, ...]:
    """Give the globs of one task's results."""
    replace = _replacer(spec, index)
    return tuple(
        OutputRule(
            path=replace(entry["path"]),
            required=entry.get("required", True),
            destination_url=entry.get("destination", {}).get("url"),
        )
        for entry in spec.get("outputs", ())
    )


def requires_output(spec: Mapping[str, Any]) -> bool:
    """Tell whether a job has an output that has to be there."""
    return any(entry.get("required", True) for entry in spec.get("outputs", ()))


def missing_outputs(rules: Sequence[OutputRule], paths: Sequence[str]) -> list[str]:
    """Name the required globs that none of the paths fits."""
    return [rule.path for rule in rules if rule.required and not any(map(rule.matches, paths))]


def parameters_of(spec: Mapping[str, Any], index: int) -> dict[str, str]:
    """Give the array parameters of one task."""
    parameters = spec.get("array", {}).get("parameters")
    return dict(parameters[index]) if parameters else {}


def placeholders(text: str) -> list[str]:
    """Name what stands in `{{...}}` in a text, in order."""
    return _PLACEHOLDER.findall(text)


def replaced(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of all placeholders, each of which must have one."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


class _Replacer:
    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __call__(self, text: str) -> str:
        return replaced(text, self._values) if self._values else text


def _replacer(spec: Mapping[str, Any], index: int) -> _Replacer:
    if "array" not in spec:
        return _Replacer({})
    known = {"CC_TASK_INDEX": str(index), "CC_TASK_COUNT": str(task_count(spec))}
    return _Replacer(parameters_of(spec, index) | known)


def _input(entry: Mapping[str, Any], replace: _Replacer) -> InputFile:
    source = dict(entry["source"])
    if source["kind"] == "url":
        source["url"] = replace(source["url"])
    return InputFile(replace(entry["path"]), entry.get("executable", False), source)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Translate a glob: `*` and `?` stay within a segment, `**` as a segment is any depth, `[!x]` negates.

    A name that begins with a dot is matched only by a pattern whose segment does too.
    """
    segments = pattern.split("/")
    text = ""
    for place, segment in enumerate(segments):
        last = place == len(segments) - 1
        if segment == "**":
            text += r"(?:(?!\.)[^/]+/)*" + (r"(?!\.)[^/]+" if last else "")
        else:
            text += _segment(segment) + ("" if last else "/")
    return re.compile(text, re.DOTALL)


def _segment(segment: str) -> str:
    text = "" if segment.startswith(".") else r"(?!\.)"
    at = 0
    while at < len(segment):
        char = segment[at]
        close = segment.find("]", at + 2 + segment.startswith("!", at + 1)) if char == "[" else -1
        if char == "*":
            text += "[^/]*"
        elif char == "?":
            text += "[^/]"
        elif close > 0:
            negated = segment[at + 1] == "!"
            inner = re.sub(r"([\\\[\]^&~|])", r"\\\1", segment[at + 1 + negated : close])
            text += f"(?!/)[{'^' if negated else ''}{inner}]"
            at = close
        else:
            text += re.escape(char)
        at += 1
    return text
