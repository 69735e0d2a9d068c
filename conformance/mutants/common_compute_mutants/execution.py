"""Run something else than what was sent, or somewhere else than was promised."""

from __future__ import annotations

import shlex
import unicodedata

from common_compute_mutants.registry import wraps
from common_compute_mutants.verbs import (
    AltersCommands,
    AltersSpecifications,
    AltersVariables,
    MatchesOtherwise,
    Spec,
)

_ODD = 4
"""Behind the program and the words with which a script is usually handed to a shell."""


_OF_A_SCRIPT = 4
"""The words before a script's own arguments: /bin/sh -c TEXT NAME."""


@wraps("CC-JOB-007")
class SplitTheEnvironmentAtCommas(AltersVariables):
    """A variable's value ends at its first comma, as in `sbatch --export`."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Cut each value."""
        return {name: value.partition(",")[0] for name, value in environment.items()}


@wraps("CC-JOB-007")
class JoinTheArguments(AltersCommands):
    """The arguments of a script are joined with blanks and given to a shell."""

    def command(self, command: list[str]) -> list[str]:
        """Join."""
        head, rest = command[:_OF_A_SCRIPT], command[_OF_A_SCRIPT:]
        return ["/bin/sh", "-c", " ".join([*map(shlex.quote, head), *rest])]


@wraps("CC-JOB-007")
class QuoteTheArgumentsTwice(AltersCommands):
    """The arguments of a script stand between double quotes on their way, so that `$` is expanded."""

    def command(self, command: list[str]) -> list[str]:
        """Quote."""
        head, rest = command[:_OF_A_SCRIPT], command[_OF_A_SCRIPT:]
        return ["/bin/sh", "-c", " ".join([*map(shlex.quote, head), *(f'"{word}"' for word in rest)])]


@wraps("CC-JOB-007")
class DropEmptyArguments(AltersCommands):
    """An empty argument is dropped."""

    def command(self, command: list[str]) -> list[str]:
        """Drop."""
        return [word for word in command if word]


@wraps("CC-JOB-007", house="dirac")
class TrimTheArguments(AltersCommands):
    """Blanks at the ends of an argument are gone, as where the arguments are one text."""

    def command(self, command: list[str]) -> list[str]:
        """Trim."""
        return [word.strip(" ") for word in command]


@wraps("CC-JOB-007")
class LoseTheLastLineFeed(AltersCommands):
    """A line feed at the end of an argument is gone, as after a command substitution."""

    def command(self, command: list[str]) -> list[str]:
        """Strip."""
        return [word.rstrip("\n") for word in command]


@wraps("CC-JOB-007")
class SplitArgumentsAtSemicolons(AltersCommands):
    """An argument that is a list with semicolons becomes several, as in a JDL."""

    def command(self, command: list[str]) -> list[str]:
        """Split what comes behind the script."""
        return [*command[:_ODD], *(part for word in command[_ODD:] for part in word.split(";"))]


@wraps("CC-JOB-007")
class ExpandPercentSigns(AltersCommands):
    """A doubled `%` in an argument becomes one, as in a name pattern of a scheduler."""

    def command(self, command: list[str]) -> list[str]:
        """Halve them."""
        return [word.replace("%%", "%") for word in command]


@wraps("CC-JOB-007")
class LoseWhatIsBeyondThePlane(AltersCommands):
    """A character beyond the Basic Multilingual Plane arrives as U+FFFD."""

    def command(self, command: list[str]) -> list[str]:
        """Replace them."""
        return ["".join(c if ord(c) < 0x10000 else "\ufffd" for c in word) for word in command]


@wraps("CC-JOB-007")
class ComposeTheArguments(AltersCommands):
    """Arguments arrive in Unicode's composed form."""

    def command(self, command: list[str]) -> list[str]:
        """Compose."""
        return [unicodedata.normalize("NFC", word) for word in command]


@wraps("CC-JOB-007")
class CutLongArguments(AltersCommands):
    """An argument of more than 64 KiB is cut there."""

    def command(self, command: list[str]) -> list[str]:
        """Cut."""
        return [word[:65536] for word in command]


@wraps("CC-JOB-007")
class TakeOptionsForItself(AltersCommands):
    """The facility's launcher takes a `--` out of the arguments."""

    def command(self, command: list[str]) -> list[str]:
        """Take it."""
        return [word for word in command if word != "--"]


@wraps("CC-JOB-007")
class CutVariablesAtLineFeeds(AltersVariables):
    """A variable's value ends at its first line feed, as in a file of one variable a line."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Cut."""
        return {name: value.partition("\n")[0] for name, value in environment.items()}


@wraps("CC-JOB-007")
class EscapeVariables(AltersVariables):
    """A backslash in a variable's value arrives doubled."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Double."""
        return {name: value.replace("\\", "\\\\") for name, value in environment.items()}


@wraps("CC-JOB-007")
class TakeQuotesOffVariables(AltersVariables):
    """Quotes around a variable's whole value are taken off, as in an `.env` file."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Unquote."""
        return {name: value.strip("'\"") for name, value in environment.items()}


@wraps("CC-JOB-007")
class LeaveEmptyVariablesUnset(AltersVariables):
    """A variable with an empty value is not set."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Drop."""
        return {name: value for name, value in environment.items() if value}


@wraps("CC-JOB-013")
class EmptyBracesInArguments(AltersSpecifications):
    """In a job that is no array a placeholder in an argument is replaced by nothing."""

    def altered(self, spec: Spec) -> Spec:
        """Replace."""
        words = [word.replace("{{NAME}}", "") for word in spec["command"]]
        return spec if "array" in spec else {**spec, "command": words}


@wraps("CC-JOB-013")
class EmptyBracesInVariables(AltersSpecifications):
    """In a job that is no array a placeholder in a variable is replaced by nothing."""

    def altered(self, spec: Spec) -> Spec:
        """Replace."""
        values = {name: value.replace("{{NAME}}", "") for name, value in spec.get("environment", {}).items()}
        return spec if "array" in spec or not values else {**spec, "environment": values}


@wraps("CC-JOB-013")
class EmptyBracesInPaths(AltersSpecifications):
    """In a job that is no array a placeholder in an input's path is replaced by nothing."""

    def altered(self, spec: Spec) -> Spec:
        """Replace."""
        inputs = [
            {**entry, "path": entry["path"].replace("{{NAME}}", "")} for entry in spec.get("inputs", [])
        ]
        return spec if "array" in spec else {**spec, "inputs": inputs}


@wraps("CC-JOB-013")
class NumberThePlainJob(AltersSpecifications):
    """In a job that is no array `{{CC_TASK_INDEX}}` in an argument is replaced by 0."""

    def altered(self, spec: Spec) -> Spec:
        """Replace."""
        words = [word.replace("{{CC_TASK_INDEX}}", "0") for word in spec["command"]]
        return spec if "array" in spec else {**spec, "command": words}


@wraps("CC-JOB-013")
class FindNoBracesAmongTheOutputs(MatchesOtherwise):
    """An output whose path has braces in it, as it was sent, matches nothing."""

    def matches(self, pattern: str, path: str) -> bool:
        """Match what has no braces."""
        return "{{" not in pattern and super().matches(pattern, path)
