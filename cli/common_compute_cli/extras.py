"""Turn a missing package into the name of the extra that brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from common_compute_cli.errors import ExtraMissing


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Say which extra to install if an import inside the block finds nothing.

    Raises:
        ExtraMissing: a package of somebody else's is not installed. Our own always are; one of them
            missing is a defect and stays what it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not package or package.startswith("common_compute"):
            raise
        raise ExtraMissing(extra, package) from error
