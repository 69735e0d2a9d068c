"""Read `hints.yaml`: where to look when a requirement is not met."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from common_compute_conformance.requirements import load_yaml


@cache
def load_hints() -> Mapping[str, str]:
    """Return one sentence to each requirement that is verified over HTTP, by its id."""
    return {requirement: " ".join(hint.split()) for requirement, hint in load_yaml("hints.yaml").items()}
