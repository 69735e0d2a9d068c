"""The only place where an error becomes HTTP: a problem document (RFC 9457) with its headers.

Status, title and retryability are the catalogue's; the sentences are made here, out of the errors' data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from common_compute_connector import errors
from common_compute_connector.answers import Answer
from common_compute_connector.contract import problem_kinds
from common_compute_connector.documents import timestamp
from common_compute_connector.errors import Fault

_RETRY_SECONDS = 5
_REALM = 'Bearer realm="common-compute"'


def problem(error: Exception, instance: str, request_id: str) -> Answer:
    """Turn any error into its answer; what is not one of ours is `internal`, and tells nothing."""
    code, detail = _code_and_detail(error)
    kind = problem_kinds()[code]
    document: dict[str, Any] = {
        "type": f"urn:common-compute:problem:{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": request_id,
        "retryable": kind.retryable,
    }
    if faults := faults_of(error):
        document["errors"] = [fault_document(fault) for fault in faults]
    return Answer(kind.status, document, _headers(error))


def code_of(faults: Sequence[Fault]) -> str:
    """Name the problem that these faults make: one of form comes before all others, then the first counts."""
    if any(fault.code == "invalid-request" for fault in faults):
        return "invalid-request"
    return faults[0].code


def faults_of(error: Exception) -> Sequence[Fault]:
    """Give the entries of `errors` that an error brings with it."""
    if isinstance(error, errors.Faulty):
        return error.faults
    if isinstance(error, errors.KeyReused):
        detail = "This key belongs to a job whose specification is another one."
        return (Fault(error.code, detail, header="Idempotency-Key"),)
    if isinstance(error, errors.CredentialRequired):
        return (Fault(error.code, _sentence(error), pointer="/facility_id"),)
    return ()


def fault_document(fault: Fault) -> Mapping[str, str]:
    """Write one entry of `errors`."""
    members = ("pointer", "parameter", "header", "code", "detail")
    return {name: value for name in members if (value := getattr(fault, name)) is not None}


def _code_and_detail(error: Exception) -> tuple[str, str]:
    match error:
        case errors.Faulty(faults=faults):
            found = "1 fault was" if len(faults) == 1 else f"{len(faults)} faults were"
            return code_of(faults), f"{found} found in the request."
        case errors.Refusal():
            return error.code, _sentence(error)
        case errors.LogUnavailable():
            return "log-unavailable", "The facility no longer has this log."
        case errors.EnrolmentNotSupported():
            return (
                "enrolment-not-supported",
                "This facility needs no step of yours; there is nothing to set up.",
            )
        case errors.FacilityUnavailable():
            again = _again(error.retry_after_seconds)
            return "facility-unavailable", f"{error.facility_id} does not answer. {again}"
        case errors.StoreUnavailable():
            again = _again(None)
            return "service-unavailable", f"The service cannot reach its store. Nothing was accepted. {again}"
        case _:
            return "internal", "Something went wrong in the service. Its operator finds it by the request id."


def _sentence(error: errors.Refusal) -> str:
    match error:
        case errors.NotFound():
            return f"There is no {error.what} {error.name}".rstrip() + " here."
        case errors.NotTerminal():
            return f"The job is {error.state}. Cancel it, or wait for its end, and release it then."
        case errors.ResultsNotReady():
            return f"The job is {error.state}. What it leaves is there once it has ended."
        case errors.ResultExpired():
            return f"Results and logs were kept until {_time(error.expired_at)}."
        case errors.CredentialRequired():
            return (
                f"Your credential for {error.facility_id} needs a step of yours; get_credential says which."
            )
        case errors.CredentialInUse():
            return f"You have jobs at {error.facility_id} that have not ended."
        case errors.KeyReused():
            return "The idempotency key was used for another job specification."
        case errors.KeyReleased():
            return f"The job of this key was released. The key is free again at {_time(error.free_at)}."
        case errors.Forbidden():
            return f"This operation needs the scope {error.scope}."
        case errors.RateLimited():
            again = _again(error.retry_after_seconds)
            return f"More than {error.requests_per_minute} requests in a minute. {again}"
        case errors.MethodNotAllowed():
            return f"This path has no such method; it has {', '.join(error.allowed)}."
        case errors.NotAcceptable():
            return "This operation answers application/json, which the Accept header excludes."
        case errors.PayloadTooLarge():
            return f"The body is too large; the limit is {error.max_bytes} bytes."
        case errors.RangeNotSatisfiable():
            return f"The range lies beyond the end; there are {error.size_bytes} bytes."
        case errors.Unauthenticated() | errors.UnsupportedMediaType() | errors.MalformedRequest():
            return error.detail
        case _:
            return problem_kinds()[error.code].title


def _headers(error: Exception) -> list[tuple[str, str]]:
    match error:
        case errors.Unauthenticated(token_given=True):
            said = f'error="invalid_token", error_description="{_quotable(error.detail)}"'
            return [("www-authenticate", f"{_REALM}, {said}")]
        case errors.Unauthenticated():
            return [("www-authenticate", _REALM)]
        case errors.Forbidden():
            return [("www-authenticate", f'{_REALM}, error="insufficient_scope", scope="{error.scope}"')]
        case errors.RateLimited() | errors.FacilityUnavailable():
            return [("retry-after", str(_seconds(error.retry_after_seconds)))]
        case errors.StoreUnavailable():
            return [("retry-after", str(_RETRY_SECONDS))]
        case errors.MethodNotAllowed():
            return [("allow", ", ".join(error.allowed))]
        case errors.RangeNotSatisfiable():
            return [("content-range", f"bytes */{error.size_bytes}")]
        case _:
            return []


def _again(seconds: float | None) -> str:
    return f"Try again after {_seconds(seconds)} seconds."


def _seconds(seconds: float | None) -> int:
    return max(1, -int(-seconds // 1)) if seconds else _RETRY_SECONDS


def _time(at: datetime | None) -> str:
    return "their expiry" if at is None else timestamp(at)


def _quotable(text: str) -> str:
    return "".join(char for char in text if " " <= char <= "~" and char not in '"\\')
