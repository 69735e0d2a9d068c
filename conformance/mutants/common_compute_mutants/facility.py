"""Stand between the ground and a facility that is right, so that a mutant changes one verb of it."""

from __future__ import annotations

from typing import Any


class BetweenGroundAndFacility:
    """A connector that hands every verb on to `right`; a mutant overrides the one that it gets wrong."""

    def __init__(self, right: Any) -> None:
        self.right = right

    def __getattr__(self, name: str) -> Any:
        """Give what the right connector has."""
        return getattr(self.right, name)
