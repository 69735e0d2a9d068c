"""Name probes in which not all works that has to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from common_compute_connector.protocol import Submission
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.registry import wraps

_MEBIBYTE = 2**20


def _without(program: str, word: str) -> str:
    """Return a word of a command in which a program, called by its bare name, is not there."""
    return re.sub(rf"(^|[\s|;&(]){program}(?=\s)", r"\1/usr/bin/absent", word)


class _OtherCommands(BetweenGroundAndFacility):
    """Change the words of every command before the facility sees it."""

    def changed(self, word: str) -> str:
        """Return what a word of the command becomes."""
        raise NotImplementedError

    async def submit(self, batch: Sequence[Submission]) -> Any:
        """Hand on the changed commands."""
        return await self.right.submit([replace(each, spec=self.changed_spec(each.spec)) for each in batch])

    def changed_spec(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return the specification with its command changed."""
        return {**spec, "command": [self.changed(word) for word in spec["command"]]}


@wraps("CC-FAC-003")
class LackHead(_OtherCommands):
    """The probe's image has no `head`."""

    def changed(self, word: str) -> str:
        """Name a program that is not there."""
        return _without("head", word)


@wraps("CC-FAC-003")
class LackKill(_OtherCommands):
    """The probe's image has no `kill`."""

    def changed(self, word: str) -> str:
        """Name a program that is not there."""
        return _without("kill", word)


@wraps("CC-FAC-003", house="dirac")
class LackCat(_OtherCommands):
    """The probe's software has no `cat` on its PATH."""

    def changed(self, word: str) -> str:
        """Name a program that is not there."""
        return _without("cat", word)


@wraps("CC-FAC-003")
class SetNothingWithEnv(_OtherCommands):
    """`env` in the probe's image sets no variables."""

    def changed(self, word: str) -> str:
        """Drop the first assignment behind `env`."""
        return re.sub(r"(^|\s)env [A-Za-z_]+=\S+", r"\1env", word)


@wraps("CC-FAC-003")
class SleepForNoTime(_OtherCommands):
    """`sleep` in the probe's image returns at once."""

    def changed(self, word: str) -> str:
        """Sleep for no time."""
        return re.sub(r"\bsleep [0-9.]+", "sleep 0", word)


@wraps("CC-FAC-003")
class NeedMoreMemory(_OtherCommands):
    """A job with 64 MiB of memory or less dies, for want of memory."""

    def changed_spec(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Let it die as the kernel would."""
        memory = spec.get("resources", {}).get("memory_bytes")
        if memory is None or memory > 64 * _MEBIBYTE:
            return dict(spec)
        return {**spec, "command": ["/bin/sh", "-c", "exit 137"]}


@wraps("CC-FAC-003")
class NeedMoreTime(_OtherCommands):
    """A job with a minute of wall time or less is refused by the scheduler's minimum."""

    def changed_spec(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Let it end before it begins."""
        seconds = spec.get("resources", {}).get("wall_time_seconds")
        if seconds is None or seconds > 60:
            return dict(spec)
        return {**spec, "command": ["/bin/sh", "-c", "exit 1"]}
