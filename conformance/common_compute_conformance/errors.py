"""Say how a certification, or one check of it, can end early.

ConformanceError                 the certification itself cannot go on
|-- NothingAnswers(url, cause)   no HTTP server answers at the target's URL
`-- WrongArgument(argument)      what was asked for cannot be done; the message says what can
Finding                          one check ends here; nothing else is touched
|-- Failure(message)             the server does not do what the requirement says
|-- Inconclusive(message)        the server's own trouble (5xx, a cut connection) left the answer open
|-- NotApplicable(reason)        there is nothing to check on this target
`-- NotAssessed(reason)          a precondition is not met, so nothing is known
"""

from __future__ import annotations


class ConformanceError(Exception):
    """End a certification."""


class NothingAnswers(ConformanceError):
    """Tell that no HTTP server answers at `url`."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(
            f"Nothing answers at {url} ({cause}). Is the server running, and does the URL end in /v1?"
        )
        self.url = url
        self.cause = cause


class WrongArgument(ConformanceError):
    """Tell which argument cannot be honoured, and what would do."""


class Finding(Exception):
    """End one check with an outcome that is not `passed`."""


class Failure(Finding):
    """Tell what the server did against the requirement, and in short what was expected and what came."""

    def __init__(self, message: str, *, expected: str = "", actual: str = "") -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class Inconclusive(Finding):
    """Tell which trouble of the server kept the check from an answer."""


class NotApplicable(Finding):
    """Tell why there is nothing to check on this target."""


class NotAssessed(Finding):
    """Tell which precondition of the check is not met."""
