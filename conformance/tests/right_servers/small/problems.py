"""What the service answers when it refuses: the contract's problems, and the faults that one of them lists."""

import json
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# The codes that this service can come to: status, title, retryable.
CATALOGUE = {
    "malformed-request": (400, "The body is not JSON", False),
    "unauthenticated": (401, "No valid token", False),
    "not-found": (404, "Not found", False),
    "log-unavailable": (404, "The log is not available", False),
    "method-not-allowed": (405, "Method not allowed", False),
    "not-acceptable": (406, "No acceptable representation", False),
    "job-not-terminal": (409, "The job has not ended", True),
    "results-not-ready": (409, "The results are not ready", True),
    "job-released": (409, "The job of this key was released", False),
    "result-expired": (410, "The results have expired", False),
    "payload-too-large": (413, "The body is too large", False),
    "unsupported-media-type": (415, "Unsupported media type", False),
    "invalid-request": (422, "The request is not valid", False),
    "unknown-facility": (422, "Unknown facility", False),
    "unknown-software": (422, "Unknown software", False),
    "unsupported-capability": (422, "The facility cannot do this", False),
    "limit-exceeded": (422, "A limit is exceeded", False),
    "idempotency-key-reused": (422, "The idempotency key was used for another request", False),
    "rate-limited": (429, "Too many requests", True),
    "internal": (500, "Internal error", False),
}


@dataclass(frozen=True)
class Fault:
    """One fault of a request: `place` is `pointer`, `parameter` or `header`, and `name` what it names."""

    place: str
    name: str
    detail: str
    code: str = "invalid-request"


@dataclass
class Problem(Exception):
    """The refusal of a request."""

    code: str
    detail: str
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The status of the answer."""
        return CATALOGUE[self.code][0]

    def document(self, target: str, request_id: str) -> bytes:
        """Write the problem document of an answer to a request for `target`."""
        status, title, retryable = CATALOGUE[self.code]
        document: dict[str, object] = {
            "type": f"urn:common-compute:problem:{self.code}",
            "title": title,
            "status": status,
            "detail": self.detail,
            "instance": urllib.parse.quote(target, safe="/?&=%:;,@!$'()*+~"),
            "code": self.code,
            "request_id": request_id,
            "retryable": retryable,
        }
        if self.faults:
            document["errors"] = [{fault.place: fault.name, "detail": fault.detail} for fault in self.faults]
        return json.dumps(document).encode()


def not_found() -> Problem:
    """Say that there is no such thing, in the same words whoever asks and whatever is asked for."""
    return Problem("not-found", "There is nothing here for you. Check the address.")


def refuse(faults: Sequence[Fault]) -> None:
    """Raise the one problem of these faults, if there are any."""
    if faults:
        of_form = any(fault.code == "invalid-request" for fault in faults)
        code = "invalid-request" if of_form else faults[0].code
        raise Problem(code, f"Mend what `errors` lists ({len(faults)}), and send the request again.", faults)
