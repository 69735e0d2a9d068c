"""What the document refers to is there. Where it is not, no other rule can look."""

from __future__ import annotations

from collections.abc import Iterator

from common_compute_proposal.source import Finding, Source


def references_are_there(source: Source) -> Iterator[Finding]:
    """Every `$ref` names something of this document."""
    for pointer, node in source.values():
        reference = node.get("$ref")
        if reference is None or pointer.endswith("/properties"):
            continue
        try:
            source.version.resolved(node)
        except (LookupError, TypeError, ValueError):
            yield source.finding("reference", pointer, f"{reference} names nothing in this document")
