"""Run jobs in another software than the one that they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from common_compute_connector.protocol import LivePart, Observation, Submission
from common_compute_mutants.facility import BetweenGroundAndFacility
from common_compute_mutants.registry import wraps
from common_compute_mutants.verbs import AltersSpecifications, Spec


class _AltersSoftware(AltersSpecifications):
    """Hand every part on with the software that `software` makes of its own."""

    def altered(self, spec: Spec) -> Spec:
        """Put the other software in place."""
        return {**spec, "software": self.software(dict(spec["software"]))}

    def software(self, software: dict[str, Any]) -> dict[str, Any]:
        """Make the other software."""
        raise NotImplementedError


@wraps("CC-JOB-052")
class RunWhatTheTagMeansToday(_AltersSoftware):
    """The digest of an image is ignored: what its tag means now is run."""

    def software(self, software: dict[str, Any]) -> dict[str, Any]:
        """Take the digest off."""
        if "@" in software.get("image", ""):
            return {**software, "image": software["image"].partition("@")[0]}
        return software


@wraps("CC-JOB-052")
class TellAnotherDigest(BetweenGroundAndFacility):
    """A job whose image carries a digest is said to have run another one."""

    def __init__(self, right: Any) -> None:
        super().__init__(right)
        self._pinned: dict[str, str] = {}

    async def submit(self, batch: Sequence[Submission]) -> Any:
        """Remember whose image carries one."""
        for each in batch:
            if "@" in (image := each.spec["software"].get("image", "")):
                self._pinned[each.part.key.job_id] = "sha256:" + sha256(image.encode()).hexdigest()
        return await self.right.submit(batch)

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Tell another digest of those."""
        return [self._told(each) for each in await self.right.observe(parts)]

    def _told(self, seen: Observation) -> Observation:
        digest = self._pinned.get(seen.key.job_id)
        if digest is None:
            return seen
        tasks = [
            replace(task, resolved=replace(task.resolved, image_digest=digest)) if task.resolved else task
            for task in seen.tasks
        ]
        return replace(seen, tasks=tasks)


@wraps("CC-JOB-055", house="dirac")
class RunTheNewestVersion(BetweenGroundAndFacility):
    """Software without a `version` is run in the newest version, not in the catalogue's default."""

    async def submit(self, batch: Sequence[Submission]) -> Any:
        """Name the newest."""
        newest: dict[str, str] = {}
        for entry in await self.right.list_software():
            newest.setdefault(entry["name"], entry["version"])
        return await self.right.submit(
            [
                replace(
                    each, spec={**each.spec, "software": {"version": newest[software["name"]], **software}}
                )
                for each in batch
                for software in [each.spec["software"]]
            ]
        )


@wraps("CC-JOB-055", house="dirac")
class IgnoreTheVersionAskedFor(_AltersSoftware):
    """Software is run in the catalogue's default version, also where another one is named."""

    def software(self, software: dict[str, Any]) -> dict[str, Any]:
        """Drop the version."""
        return {name: value for name, value in software.items() if name != "version"}
