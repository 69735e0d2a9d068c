"""Times as the service keeps them, in microseconds since 1970, and as the contract writes them."""

import calendar
import datetime as dt
import re
import time

SECOND = 1_000_000

# The wall clock may be set back while the service runs; the times of a job never decrease.
_START = time.time_ns() - time.monotonic_ns()

_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?Z"
)
_LEAP_YEAR = 4


def now() -> int:
    """Tell the time in microseconds."""
    return (_START + time.monotonic_ns()) // 1000


def whole_second(instant: int) -> int:
    """Cut a time down to its second."""
    return instant - instant % SECOND


def written(instant: int) -> str:
    """Write a time with as many decimals as it has: none for a whole second."""
    seconds, rest = divmod(instant, SECOND)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    decimals = f"{rest:06}".rstrip("0")
    return f"{text}.{decimals}Z" if decimals else f"{text}Z"


def read(text: str) -> int:
    """Read a time of a request; ValueError if it is none."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError("write a time as 2026-03-01T12:00:00Z, with up to six decimals")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if hour > 23 or minute > 59 or second > 60 or (second == 60 and minute != 59):
        raise ValueError("there is no such time of day")
    # RFC 3339 has a year 0000, a leap year, and Python has none: for what it is compared with, any early one will do.
    dt.date(year or _LEAP_YEAR, month, day)
    seconds = calendar.timegm((year or _LEAP_YEAR, month, day, hour, minute, second))
    return seconds * SECOND + int((found[7] or "").ljust(6, "0"))
