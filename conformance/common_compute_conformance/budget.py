"""Say how much a certification may cost: all budgets assess the same requirements, on more or less."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """How many jobs, examples and repetitions a certification takes.

    `jobs` bounds the submissions that a right server accepts, over all repetitions. `twins` is how many
    submissions meet under one key. A story is one run of the stateful layer, of at most `story_steps` calls;
    in one repetition all stories together make `story_jobs` jobs and generated submissions `generated_jobs`.
    """

    name: str
    jobs: int
    repetitions: int
    exit_codes: tuple[int, ...]
    twins: int
    long_argument_bytes: int
    stories: int
    story_steps: int
    story_jobs: int
    generated_jobs: int


# 126 and 127 are a shell's own, 128 and above what it makes of signals: each was lost by some facility.
_TELLING_CODES = (0, 1, 2, 77, 125, 126, 127, 128, 255)

QUICK = Budget("quick", 25, 1, _TELLING_CODES, 6, 100_000, 1, 30, 3, 1)
NORMAL = Budget(
    "normal", 100, 2, (*_TELLING_CODES, 3, 64, 124, 129, 137, 143, 254), 12, 100_000, 4, 40, 8, 10
)
THOROUGH = Budget("thorough", 400, 3, tuple(range(256)), 24, 120_000, 25, 50, 60, 40)

BUDGETS = {budget.name: budget for budget in (QUICK, NORMAL, THOROUGH)}
