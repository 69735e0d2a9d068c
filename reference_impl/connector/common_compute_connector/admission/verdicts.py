"""The words for what a facility does not offer."""

from __future__ import annotations

from collections.abc import Sequence

from common_compute_connector.errors import Fault
from common_compute_connector.schemas import pointer

Place = Sequence[str | int]


def unsupported(place: Place, detail: str) -> Fault:
    """Say that the facility cannot do something."""
    return Fault("unsupported-capability", detail, pointer=pointer(place))


def exceeded(place: Place, what: str, limit: int) -> Fault:
    """Say that something is above a limit."""
    return Fault("limit-exceeded", f"{what} is above the limit of {limit}.", pointer=pointer(place))


def unlisted_scheme(place: Place, schemes: Sequence[str]) -> Fault:
    """Say that the facility does not read or write URLs of this scheme."""
    known = f"it knows {', '.join(schemes)}" if schemes else "it knows none"
    return unsupported(place, f"The facility does not know the scheme of this URL: {known}.")


def scheme_of(url: str) -> str:
    """Give a URL's scheme, in lower case."""
    return url.partition(":")[0].lower()
