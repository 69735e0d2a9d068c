"""What a facility offers, as jobs are judged by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Offer:
    """A facility document of the contract with its catalogue of software."""

    document: Mapping[str, Any]
    software: Sequence[Mapping[str, Any]] = ()

    @property
    def classes(self) -> Sequence[str]:
        """The conformance classes that the facility claims."""
        claimed: Sequence[str] = self.document["conforms_to"]
        return claimed

    @property
    def limits(self) -> Mapping[str, int]:
        """The facility's limits."""
        limits: Mapping[str, int] = self.document["limits"]
        return limits
