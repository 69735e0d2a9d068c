"""Cut a list into the page that was asked for, and say where the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from common_compute_connector.answers import Answer
from common_compute_connector.contract import default_page_size
from common_compute_connector.http.request import Request
from common_compute_connector.service import Service

T = TypeVar("T")


def page_size(service: Service, request: Request) -> int:
    """Give the number of entries that the page may have."""
    return min(int(request.query.get("page_size", default_page_size())), service.limits.max_page_size)


def page(
    service: Service,
    request: Request,
    member: str,
    found: Sequence[T],
    position: Callable[[T], list[Any]],
    document: Callable[[T], dict[str, Any]],
    **others: Any,
) -> Answer:
    """Make a page of the first entries of `found`, which holds one more than the page if there is another.

    `position` says in plain JSON where an entry stands, `others` are members beside the list.
    """
    size = page_size(service, request)
    shown = found[:size]
    answer = {**others, member: [document(entry) for entry in shown]}
    if len(found) > size:
        answer["next_page_token"] = service.pages.token(
            request.owner, request.path, request.query, position(shown[-1])
        )
    return Answer(200, answer)
