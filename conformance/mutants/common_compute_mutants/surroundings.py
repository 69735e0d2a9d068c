"""Run jobs in other surroundings than were promised: their directories, and what they know of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common_compute_mutants.registry import wraps
from common_compute_mutants.verbs import (
    AltersCommands,
    AltersSpecifications,
    AltersVariables,
    Spec,
    shell,
)


@wraps("CC-JOB-008")
class LiveElsewhere(AltersVariables):
    """`HOME` is the account's home, not the working directory."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Set it."""
        return {**environment, "HOME": "/tmp"}  # noqa: S108 (a path inside the mock's own machine)


@wraps("CC-JOB-008")
class HaveNoHome(AltersCommands):
    """`HOME` is not set."""

    def command(self, command: list[str]) -> list[str]:
        """Unset it."""
        return ["env", "-u", "HOME", *command]


@wraps("CC-JOB-008")
class KeepTemporaryFilesNowhere(AltersVariables):
    """`TMPDIR` is a directory that nobody made."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Set it."""
        return {**environment, "TMPDIR": "/local/scratch"}


@wraps("CC-JOB-008")
class LeaveTheScriptLyingThere(AltersSpecifications):
    """The facility's own job script lies in the working directory."""

    def altered(self, spec: Spec) -> Spec:
        """Add it."""
        script = {"path": "job.sh", "source": {"kind": "inline", "content_base64": ""}}
        return {**spec, "inputs": [*spec.get("inputs", []), script]}


@wraps("CC-JOB-008")
class WorkAmongWhatWasLeft(AltersSpecifications):
    """Inputs of the jobs before still lie in the working directory."""

    left: tuple[Mapping[str, Any], ...] = ()

    def altered(self, spec: Spec) -> Spec:
        """Add what the jobs before had, and remember what this one has."""
        own = spec.get("inputs", [])
        taken = {entry["path"].partition("/")[0] for entry in own}
        left = [entry for entry in self.left if entry["path"].partition("/")[0] not in taken]
        self.left = (*left, *own)
        return {**spec, "inputs": [*own, *left]}


@wraps("CC-JOB-010")
class CallTheJobByItsNativeId(AltersCommands):
    """`CC_JOB_ID` holds the facility's own number."""

    def command(self, command: list[str]) -> list[str]:
        """Set it."""
        return ["env", "CC_JOB_ID=4711", *command]


@wraps("CC-JOB-010")
class CutTheJobId(AltersCommands):
    """`CC_JOB_ID` holds the first 15 characters of the job's id, as a scheduler's list shows them."""

    def command(self, command: list[str]) -> list[str]:
        """Cut."""
        return shell('CC_JOB_ID=$(printf %.15s "$CC_JOB_ID"); export CC_JOB_ID; exec "$@"', command)


@wraps("CC-JOB-010")
class CountTheOnlyTaskFromOne(AltersSpecifications):
    """In a job that is no array `CC_TASK_INDEX` is 1."""

    def altered(self, spec: Spec) -> Spec:
        """Set it."""
        return spec if "array" in spec else {**spec, "command": ["env", "CC_TASK_INDEX=1", *spec["command"]]}


@wraps("CC-JOB-010")
class CountNoTasks(AltersSpecifications):
    """In a job that is no array `CC_TASK_COUNT` is not set."""

    def altered(self, spec: Spec) -> Spec:
        """Unset it."""
        return (
            spec if "array" in spec else {**spec, "command": ["env", "-u", "CC_TASK_COUNT", *spec["command"]]}
        )


@wraps("CC-JOB-011")
class HaveNoPath(AltersCommands):
    """`PATH` is not set in a job that sets none itself."""

    def command(self, command: list[str]) -> list[str]:
        """Unset it, from a shell whose own commands need none."""
        return shell('unset PATH; "$@"', command)


@wraps("CC-JOB-011")
class HaveNoLanguage(AltersVariables):
    """`LANG` is empty in a job that does not set it itself."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Empty it."""
        return {"LANG": "", **environment}


@wraps("CC-JOB-011")
class KnowTheLanguageBetter(AltersVariables):
    """The facility's `LANG` wins over the job's."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Set it."""
        return {**environment, "LANG": "C.UTF-8"}


@wraps("CC-JOB-011")
class KnowThePathBetter(AltersVariables):
    """The facility's `PATH` wins over the job's."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Drop the job's."""
        return {name: value for name, value in environment.items() if name != "PATH"}


@wraps("CC-JOB-011", house="dirac")
class KnowTheTemporaryDirectoryBetter(AltersVariables):
    """The facility's `TMPDIR` wins over the job's."""

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Drop the job's."""
        return {name: value for name, value in environment.items() if name != "TMPDIR"}
