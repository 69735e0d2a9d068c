"""All our rules, and what they find in a version of the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from common_compute_proposal.rules.history import nothing_breaks, versions_agree, what_was_released_stays
from common_compute_proposal.rules.instances import examples_are_valid, reserved_values_are_refused
from common_compute_proposal.rules.operations import (
    operations_have_examples,
    operations_have_problems,
    operations_have_requirements,
)
from common_compute_proposal.rules.references import references_are_there
from common_compute_proposal.rules.statements import (
    ids_are_known,
    normative_words_have_ids,
    requirements_have_operations,
)
from common_compute_proposal.source import Finding, Source

Rule = Callable[[Source], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    operations_have_problems,
    operations_have_examples,
    operations_have_requirements,
    normative_words_have_ids,
    ids_are_known,
    requirements_have_operations,
    examples_are_valid,
    reserved_values_are_refused,
    versions_agree,
    what_was_released_stays,
    nothing_breaks,
)
"""Each rule's docstring is what it asks."""


def findings_of(source: Source) -> list[Finding]:
    """Give everything that is not as the rules want it, each once, by file and line.

    Raises:
        NoContract: a file beside the contract cannot be read.
    """
    # Where a reference leads nowhere the other rules cannot follow it.
    lost = sorted(set(references_are_there(source)))
    return lost or sorted({finding for rule in RULES for finding in rule(source)})
