"""What is remembered of an accepted part: its jobs' numbers in DIRAC, and whose they are. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from common_compute_connector.protocol import Part
from common_compute_dirac.worker import Identity


@dataclass(frozen=True, slots=True)
class Handle:
    """A part in DIRAC: `jobs` in the order of the tasks; `acting` None is whoever the one proxy is of."""

    jobs: tuple[int, ...]
    acting: Identity | None
    software_version: str | None = None

    def text(self) -> str:
        """Write it for the store."""
        acting = [self.acting.dn, self.acting.group] if self.acting else None
        return json.dumps({"jobs": self.jobs, "as": acting, "version": self.software_version})

    def number(self, part: Part, index: int) -> int:
        """Give the number of a task's job."""
        return self.jobs[index - part.first_index]


def read_handle(part: Part) -> Handle:
    """Read the handle of an accepted part."""
    assert part.handle is not None
    told = json.loads(part.handle)
    acting = Identity(*told["as"]) if told["as"] else None
    return Handle(tuple(told["jobs"]), acting, told["version"])
