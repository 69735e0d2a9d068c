"""Tell a visitor's own doing from that of a web page elsewhere which their browser happens to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import Scope


def foreign_host(scope: Scope, headers: Mapping[str, str], let_in: Sequence[str]) -> str | None:
    """Give the name by which a server of this machine alone was called, if it is not one of this machine's.

    Where no token guards a server that only its own machine reaches, somebody's domain name that points to
    127.0.0.1 (DNS rebinding) would make their page one of this server's. Names out of `let_in`, which are
    origins as the configuration has them, are the operator's own.
    """
    server = (scope.get("server") or ("", None))[0]
    if not _is_loopback(server) or "*" in let_in:
        return None
    called = _host(f"//{headers.get('host', '')}")
    if _is_loopback(called) or called in {_host(origin) for origin in let_in}:
        return None
    return called or "no name at all"


def is_sent_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Tell whether a form came from a page of another origin, as far as the browser says it.

    `Sec-Fetch-Site` is the browser's own judgement, also behind a proxy that changes the name of the host;
    where it is not sent, `Origin` must be the origin that was called.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def is_led_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Tell whether a link of another site led here, for which a browser holds back the cookies."""
    return headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") == "navigate"


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
