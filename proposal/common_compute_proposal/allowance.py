"""Which breaks a decision record lets pass: those whose subject it names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from common_compute_proposal.changes import Change, Weight


def broken_subjects(changes: Iterable[Change]) -> set[str]:
    """Give what breaks: operations, ids of requirements, the steps of a job."""
    return {change.subject for change in changes if change.weight is Weight.BREAK}


def names(record: str, subject: str) -> bool:
    """Tell whether the text of a record names a subject, as a word of its own."""
    return re.search(rf"(?<![\w-]){re.escape(subject)}(?![\w-])", record) is not None


def not_named(subjects: Iterable[str], records: Iterable[str]) -> set[str]:
    """Give the subjects that no record names."""
    texts = list(records)
    return {subject for subject in subjects if not any(names(record, subject) for record in texts)}
