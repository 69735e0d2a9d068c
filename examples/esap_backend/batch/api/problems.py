"""Turn what a computing service says into the errors of Django REST Framework."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.response import Response

from batch.common_compute import ComputeError, Refused
from batch.jobs import NotSubmitted

# Which answer of ours stands for which of theirs. A token that is not accepted is ESAP's, not the user's.
_STATUS = {400: 502, 401: 502, 403: 502, 405: 502, 406: 502, 415: 502, 422: 400, 429: 503, 500: 502}
_AS_IT_IS = (404, 409, 410, 413, 416, 503)


class ComputeProblem(APIException):
    """An error with the facts of a problem document: `code` for programs, `detail` and `errors` for people.

    An entry of `errors` says by a JSON Pointer which member of the job's specification is at fault. `wait`
    becomes Retry-After.
    """

    def __init__(self, error: ComputeError) -> None:
        self.wait = error.retry_after
        self.detail: dict[str, Any] = {"code": error.code, "detail": error.detail}
        if isinstance(error, Refused):
            default = error.status if error.status in _AS_IT_IS else 502
            self.status_code = _STATUS.get(error.status, default)
            self.detail |= {"errors": error.errors, "request_id": error.request_id}
        else:
            self.status_code = 503


class NotThereYet(APIException):
    """The job was not submitted yet."""

    status_code = 409
    default_detail = {  # noqa: RUF012  (DRF's own way to give words)
        "code": "not-submitted",
        "detail": "This job could not be submitted yet; it will be as soon as the computing service answers.",
    }


class ComputeErrors:
    """A view in which errors of the computing service become answers."""

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an error."""
        if isinstance(exc, ComputeError):
            exc = ComputeProblem(exc)
        elif isinstance(exc, NotSubmitted):
            exc = NotThereYet()
        answer: Response = super().handle_exception(exc)  # type: ignore[misc]
        return answer
