"""Get the keys of submissions wrong."""

from __future__ import annotations

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists


@twists("CC-IDEM-001")
async def ignore_the_key(request: Request, forward: Forward) -> Answer:
    """A submission repeated under its key makes a second job."""
    return await forward(request.without_header("idempotency-key"))
