"""Alter one verb of a facility: what it is handed, what it tells, and what it gives home."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from common_compute_connector.plan import OutputRule
from common_compute_connector.protocol import (
    Collected,
    EndedTask,
    LivePart,
    LogBytes,
    Observation,
    ResultBytes,
    Submission,
    TaskSeen,
)
from common_compute_mutants.facility import BetweenGroundAndFacility

Spec = Mapping[str, Any]
_CHUNK = 256 * 1024


class AltersSpecifications(BetweenGroundAndFacility):
    """Hand every part on with the specification that `altered` makes of its own."""

    async def submit(self, batch: Sequence[Submission]) -> Any:
        """Alter each specification before it is handed on."""
        return await self.right.submit([replace(each, spec=self.altered(each.spec)) for each in batch])

    def altered(self, spec: Spec) -> Spec:
        """Make the other specification."""
        raise NotImplementedError


class AltersCommands(AltersSpecifications):
    """Hand every part on with the argument vector that `command` makes of its own."""

    def altered(self, spec: Spec) -> Spec:
        """Put the other command in place."""
        return {**spec, "command": self.command(list(spec["command"]))}

    def command(self, command: list[str]) -> list[str]:
        """Make the other argument vector."""
        raise NotImplementedError


class AltersVariables(AltersSpecifications):
    """Hand every part on with the environment that `environment` makes of its own."""

    def altered(self, spec: Spec) -> Spec:
        """Put the other environment in place."""
        return {**spec, "environment": self.environment(dict(spec.get("environment", {})))}

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Make the other environment."""
        raise NotImplementedError


class AltersInputs(AltersSpecifications):
    """Hand every part on with the inputs that `inputs` makes of its own."""

    def altered(self, spec: Spec) -> Spec:
        """Put the other inputs in place."""
        return {**spec, "inputs": self.inputs([dict(each) for each in spec.get("inputs", [])])}

    def inputs(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Make the other inputs."""
        raise NotImplementedError


class AltersObservations(BetweenGroundAndFacility):
    """Tell of each task what `told` makes of what the facility tells."""

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Alter each task seen."""
        seen = await self.right.observe(parts)
        return [replace(each, tasks=[self.told(task) for task in each.tasks]) for each in seen]

    def told(self, task: TaskSeen) -> TaskSeen:
        """Make the other observation."""
        raise NotImplementedError


class AltersBytes(BetweenGroundAndFacility):
    """Give home what `log` and `result` make of each task's bytes."""

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Alter what is collected; a result or log of which None is made does not come."""
        async for item in self.right.collect(ended):
            if isinstance(item, Collected):
                yield item
                continue
            content = b"".join([chunk async for chunk in item.chunks])
            if isinstance(item, LogBytes):
                kept = self.log(item.stream, content)
            else:
                kept = self.result(item.path, content)
            if kept is not None:
                yield replace(item, chunks=chunks_of(kept))

    def log(self, stream: str, content: bytes) -> bytes | None:  # noqa: ARG002
        """Make the other log."""
        return content

    def result(self, path: str, content: bytes) -> bytes | None:  # noqa: ARG002
        """Make the other result."""
        return content


class MatchesOtherwise(BetweenGroundAndFacility):
    """Collect the files of which `matches` says that an output means them."""

    async def collect(self, ended: Sequence[EndedTask]) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
        """Match by this mutant's rules."""
        altered = [
            replace(task, outputs=[_Rule(path, reader=self) for path in self.patterns(task.outputs)])
            for task in ended
        ]
        async for item in self.right.collect(altered):
            yield item

    def patterns(self, outputs: Sequence[OutputRule]) -> list[str]:
        """Give the patterns of a task's outputs."""
        return [rule.path for rule in outputs]

    def matches(self, pattern: str, path: str) -> bool:
        """Tell whether an output of this pattern means this file."""
        return OutputRule(pattern).matches(path)


@dataclass(frozen=True)
class _Rule(OutputRule):
    """An output rule as the mutant reads it."""

    reader: MatchesOtherwise = field(kw_only=True)

    def matches(self, path: str) -> bool:
        """Ask the mutant."""
        return self.reader.matches(self.path, path)


async def chunks_of(content: bytes) -> AsyncIterator[bytes]:
    """Give bytes as the protocol wants them."""
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]


def shell(script: str, command: list[str]) -> list[str]:
    """Make a command that runs a script, to which the other command is `"$@"`."""
    return ["/bin/sh", "-c", script, "sh", *command]
