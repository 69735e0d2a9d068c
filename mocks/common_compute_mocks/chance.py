"""Chance without a source of chance: numbers that follow from words alone."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

Draw = Callable[..., float]
"""Gives a number from [0, 1) for what is to be decided, always the same for the same words."""


def chance_of(*subject: object) -> Draw:
    """Make the draws that belong to a subject, such as a seed, a job and a task."""
    prefix = "\0".join(map(str, subject))

    def draw(*question: object) -> float:
        text = "\0".join([prefix, *map(str, question)])
        return int.from_bytes(blake2b(text.encode(), digest_size=7).digest()) / (1 << 56)

    return draw
