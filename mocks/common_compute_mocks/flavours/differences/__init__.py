"""Hold a facility against the table of `docs/flavours.md`, row by row.

What is looked at is plain data (`Evidence`), gathered by whoever has the facility on a bench: a mock, or a
connector with the real thing behind it. `ROWS` has a check for each row; it raises AssertionError where the
facility is not what the row says of its flavour.
"""

from common_compute_mocks.flavours.differences import credentials, documents, ends, lives  # noqa: F401
from common_compute_mocks.flavours.differences.evidence import EXPERIMENTS, Evidence, Experiment
from common_compute_mocks.flavours.differences.rows import ROWS, Check

__all__ = ["EXPERIMENTS", "ROWS", "Check", "Evidence", "Experiment"]
