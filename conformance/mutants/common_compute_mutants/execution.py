"""Run something else than what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from common_compute_connector.protocol import Submission
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.registry import wraps


@wraps("CC-JOB-007")
class SplitTheEnvironmentAtCommas(BetweenGroundAndFacility):
    """A variable's value ends at its first comma, as in `sbatch --export`."""

    async def submit(self, batch: Sequence[Submission]) -> Any:
        """Hand on what a comma leaves of each value."""
        return await self.right.submit([replace(each, spec=_split(each.spec)) for each in batch])


def _split(spec: Mapping[str, Any]) -> dict[str, Any]:
    environment = {name: value.partition(",")[0] for name, value in spec.get("environment", {}).items()}
    return {**spec, "environment": environment} if environment else dict(spec)
