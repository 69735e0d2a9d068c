"""Parts that a connector has handed over, for figures of what a look at them costs."""

from __future__ import annotations

from common_compute_connector.clock import SystemClock
from common_compute_connector.protocol import Accepted, Connector, LivePart, Part, PartKey, Submission


async def hand_over(connector: Connector, clock: SystemClock, count: int) -> list[LivePart]:
    """Submit jobs that sleep for ten minutes, and give them as live; raise if not all were taken."""
    spec = {
        "facility_id": connector.facility_id,
        "software": {"kind": "installed", "name": "posix-shell"},
        "command": ["sleep", "600"],
    }
    parts = [Part(PartKey(clock.new_id(), 0), "anonymous", 0, 1) for _ in range(count)]
    answers = await connector.submit([Submission(part, spec, 1) for part in parts])
    taken = [answer for answer in answers if isinstance(answer, Accepted)]
    if len(taken) < count:
        raise RuntimeError(f"only {len(taken)} of {count} jobs were taken")
    return [LivePart(Part(each.key, "anonymous", 0, 1, each.handle), [0]) for each in taken]
