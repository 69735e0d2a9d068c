"""What an operation needs: a function that answers, and what must happen before its faults are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from common_compute_connector.answers import Answer, ByteAnswer
from common_compute_connector.errors import Fault
from common_compute_connector.http.request import Request
from common_compute_connector.service import Service


@dataclass(frozen=True, slots=True)
class Handler:
    """One operation.

    `answer` runs once nothing is wrong with the request. `judge` finds faults beyond those of the schemas.
    `look_up` runs before any fault is told, and may answer in place of everything else.
    """

    answer: Callable[[Service, Request], Awaitable[Answer | ByteAnswer]]
    judge: Callable[[Service, Request], Sequence[Fault]] | None = None
    look_up: Callable[[Service, Request], Awaitable[Answer | None]] | None = None
