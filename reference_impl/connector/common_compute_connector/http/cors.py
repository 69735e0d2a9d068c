"""Let pages of other origins ask (Fetch standard, CORS), as far as the configuration says."""

from __future__ import annotations

from collections.abc import Sequence

from common_compute_connector.http.wire import RawHeaders

_EXPOSED = (
    b"ETag, Location, X-Request-Id, Idempotency-Replayed, Content-Range, Content-Disposition, Accept-Ranges, "
    b"Retry-After, WWW-Authenticate, Allow"
)
_MAY_SEND = b"Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Range"
_KEPT_SECONDS = b"600"


class Cors:
    """The origins that are let in; `*` is any."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origin.encode("latin-1") for origin in origins)

    def headers(self, origin: bytes | None) -> RawHeaders:
        """Give what an answer to this origin carries."""
        vary = [] if self._any or not self._origins else [(b"vary", b"Origin")]
        if origin is None or not (self._any or origin in self._origins):
            return vary
        allowed = b"*" if self._any else origin
        return [
            *vary,
            (b"access-control-allow-origin", allowed),
            (b"access-control-expose-headers", _EXPOSED),
        ]

    def preflight(self, methods: Sequence[str]) -> RawHeaders:
        """Give what the answer to an OPTIONS carries beside."""
        return [
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", _MAY_SEND),
            (b"access-control-max-age", _KEPT_SECONDS),
        ]
