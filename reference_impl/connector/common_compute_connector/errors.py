"""What can go wrong on the ground, as data; `problems.py` alone turns an error into HTTP.

ConnectorError
|-- FacilityUnavailable       nobody answers there now; nothing happened, try again
|-- LogUnavailable            the facility has lost this log
|-- EnrolmentNotSupported     there is no step for a user to take here
|-- StoreUnavailable          the service's own store is out of reach
`-- Refusal                   an operation that the contract refuses
    |-- NotFound              or another caller's: nobody can tell which
    |-- NotTerminal           the job has to end first
    |-- ResultsNotReady       the same, for results and logs
    |-- ResultExpired         the retention is over
    |-- CredentialRequired    the caller has to enrol first
    |-- CredentialInUse       live jobs need it
    |-- KeyReused             the idempotency key was used with another body
    |-- KeyReleased           its job was released
    |-- Faulty                the request's form or wishes; carries all its faults
    `-- Unauthenticated, Forbidden, RateLimited, MethodNotAllowed, NotAcceptable, UnsupportedMediaType,
        PayloadTooLarge, MalformedRequest, RangeNotSatisfiable: about the HTTP request alone
ConfigurationError            the configuration file; carries every fault found
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request, and where: exactly one of the three places is set."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class ConnectorError(Exception):
    """Anything that this module names."""


class FacilityUnavailable(ConnectorError):
    """The facility could not be reached: nothing is known to have happened there."""

    def __init__(self, facility_id: str, detail: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(facility_id, detail)
        self.facility_id = facility_id
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class LogUnavailable(ConnectorError):
    """The facility no longer has, or never had, this log."""


class EnrolmentNotSupported(ConnectorError):
    """The facility's delegation needs no step of the caller's."""


class StoreUnavailable(ConnectorError):
    """The service's own store is out of reach: nothing was accepted or changed."""


class Refusal(ConnectorError):
    """An operation that the contract refuses; `code` is the problem's."""

    code = "invalid-request"


class NotFound(Refusal):
    """There is no such thing for this caller."""

    code = "not-found"

    def __init__(self, what: str, name: str = "") -> None:
        super().__init__(what, name)
        self.what = what
        self.name = name


class NotTerminal(Refusal):
    """The job has to reach a terminal state first; it is in `state`."""

    code = "job-not-terminal"

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class ResultsNotReady(Refusal):
    """Results, or a log, exist only after the end of the job, which is in `state`."""

    code = "results-not-ready"

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class ResultExpired(Refusal):
    """The retention was over at `expired_at` and the bytes are gone."""

    code = "result-expired"

    def __init__(self, expired_at: datetime | None) -> None:
        super().__init__(expired_at)
        self.expired_at = expired_at


class CredentialRequired(Refusal):
    """The facility needs a credential of the caller's that is missing or not yet accepted."""

    code = "credential-required"

    def __init__(self, facility_id: str) -> None:
        super().__init__(facility_id)
        self.facility_id = facility_id


class CredentialInUse(Refusal):
    """The caller has live jobs at the facility."""

    code = "credential-in-use"

    def __init__(self, facility_id: str) -> None:
        super().__init__(facility_id)
        self.facility_id = facility_id


class KeyReused(Refusal):
    """The idempotency key came with another body before."""

    code = "idempotency-key-reused"


class KeyReleased(Refusal):
    """The job of this idempotency key was released; the key is free again at `free_at`."""

    code = "job-released"

    def __init__(self, free_at: datetime) -> None:
        super().__init__(free_at)
        self.free_at = free_at


class Faulty(Refusal):
    """The request is at fault in the ways listed, the first in the contract's order first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(list(faults))
        self.faults = tuple(faults)


class Unauthenticated(Refusal):
    """The request carries no token, or one that is not accepted; `detail` says why."""

    code = "unauthenticated"

    def __init__(self, detail: str, *, token_given: bool) -> None:
        super().__init__(detail)
        self.detail = detail
        self.token_given = token_given


class Forbidden(Refusal):
    """The token lacks a scope."""

    code = "forbidden"

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope


class RateLimited(Refusal):
    """The caller asks more often than the service allows."""

    code = "rate-limited"

    def __init__(self, requests_per_minute: int, retry_after_seconds: float) -> None:
        super().__init__(requests_per_minute, retry_after_seconds)
        self.requests_per_minute = requests_per_minute
        self.retry_after_seconds = retry_after_seconds


class MethodNotAllowed(Refusal):
    """The path exists; it has the methods `allowed`."""

    code = "method-not-allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(allowed)
        self.allowed = tuple(allowed)


class NotAcceptable(Refusal):
    """The `Accept` header excludes JSON."""

    code = "not-acceptable"


class UnsupportedMediaType(Refusal):
    """The body is not announced as plain JSON."""

    code = "unsupported-media-type"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class PayloadTooLarge(Refusal):
    """The body is longer than the service takes."""

    code = "payload-too-large"

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self.max_bytes = max_bytes


class MalformedRequest(Refusal):
    """The body is no JSON."""

    code = "malformed-request"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class RangeNotSatisfiable(Refusal):
    """The range lies beyond the end; there are `size_bytes` bytes."""

    code = "range-not-satisfiable"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self.size_bytes = size_bytes


class ConfigurationError(Exception):
    """The configuration cannot be used; one sentence per fault, each naming the place and the remedy."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)
