"""What can go wrong on the ground, as data; `problems.py` alone turns an error into HTTP.

ConnectorError
|-- FacilityUnavailable       nobody answers there now; nothing happened, try again
|-- LogUnavailable            the facility has lost this log
|-- EnrolmentNotSupported     there is no step for a user to take here
`-- Refusal                   an operation that the contract refuses
    |-- NotFound              or another caller's: nobody can tell which
    |-- NotTerminal           the job has to end first
    |-- ResultsNotReady       the same, for results and logs
    |-- ResultExpired         the retention is over
    |-- CredentialRequired    the caller has to enrol first
    |-- CredentialInUse       live jobs need it
    |-- KeyReused             the idempotency key was used with another body
    |-- KeyReleased           its job was released
    `-- Faulty                the request's form or wishes; carries all its faults
ConfigurationError            the configuration file; carries every fault found
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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


class Refusal(ConnectorError):
    """An operation that the contract refuses; `code` is the problem's."""

    code = "invalid-request"


class NotFound(Refusal):
    """There is no such thing for this caller."""

    code = "not-found"


class NotTerminal(Refusal):
    """The job has to reach a terminal state first."""

    code = "job-not-terminal"


class ResultsNotReady(Refusal):
    """Results, or a log, exist only after the end of the job."""

    code = "results-not-ready"


class ResultExpired(Refusal):
    """The retention is over and the bytes are gone."""

    code = "result-expired"


class CredentialRequired(Refusal):
    """The facility needs a credential of the caller's that is missing or not yet accepted."""

    code = "credential-required"


class CredentialInUse(Refusal):
    """The caller has live jobs at the facility."""

    code = "credential-in-use"


class KeyReused(Refusal):
    """The idempotency key came with another body before."""

    code = "idempotency-key-reused"


class KeyReleased(Refusal):
    """The job of this idempotency key was released."""

    code = "job-released"


class Faulty(Refusal):
    """The request is at fault in the ways listed, the first in the contract's order first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(list(faults))
        self.faults = tuple(faults)


class ConfigurationError(Exception):
    """The configuration cannot be used; one sentence per fault, each naming the place and the remedy."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)
