"""Structured logs: one JSON object per line on standard error, never with a token, a query, or a body."""

from __future__ import annotations

import logging
import sys

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger


def configure_logs(level: int = logging.INFO) -> None:
    """Set up the logs of a process that serves, from a level on; called once, before anything is served."""
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _as_json,
        ],
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
    )


def quiet_logs() -> None:
    """Tell only what breaks, in a process that is not ours and has set up nothing itself."""
    if not structlog.is_configured():
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=str)
