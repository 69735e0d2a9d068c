"""What DIRAC's answers mean, for whoever asked through client.py: a value, or a kind of "no". Pure.

Runs in DIRAC's own environment beside client.py, and so imports nothing but what Python brings.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

Json = dict[str, Any]

UNAUTHORIZED = 1111
_DATABASE = range(1130, 1140)  # DErrno: EDB, EMYSQL; a database that is away says nothing of what was asked
# The last two are how M2SSLTransport begins: with the addresses, as pairs, at which it was in vain.
_NOT_CONNECTED = (
    "Can't connect to ",
    "Cannot get URL for ",
    "URL for service ",
    "Reason(s):",
    "DNS lookup failed",
    "('",
)
# How DIRAC's transports word what can happen once a call has begun.
_INTERRUPTED = (
    "Peer closed connection",
    "Connection closed by peer",
    "Connection seems stalled",
    "Connection timeout",
    "Exception while ",
    "Unknown unrecoverable error",
    "Network error ",
    "Could not decode ",
    "Socket ",
    "Error in _",
)


class Failed(Exception):
    """A call that has no value, and why."""

    def __init__(self, kind: str, words: str, errno: int = 0) -> None:
        super().__init__(words)
        self.kind = kind
        self.words = words
        self.errno = errno


def kind_of(errno: int, words: str) -> str:
    """Tell what DIRAC's "no" means for whoever asked."""
    if errno == UNAUTHORIZED or words.startswith(_NOT_CONNECTED):
        return "unauthorized" if errno == UNAUTHORIZED else "unreachable"
    return "interrupted" if errno in _DATABASE or words.startswith(_INTERRUPTED) else "refused"


def value_of(answer: Json) -> Any:
    """Give the value of one of DIRAC's answers.

    Raises:
        Failed: there is none.
    """
    if answer["OK"]:
        return answer.get("Value")
    errno, words = int(answer.get("Errno", 0)), str(answer.get("Message", ""))
    raise Failed(kind_of(errno, words), words, errno)


def plain(value: Any) -> Any:
    """Give for JSON what DIRAC has as something else: moments, in UTC."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)
