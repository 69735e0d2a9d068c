"""Know a visitor again: two cookies, and the mark that every form of theirs must carry.

The cookie of the session is drawn by chance; the other keeps the bearer token, out of reach of every script.
Neither is sent by a form or link of another site (SameSite=Strict). A form's mark is a digest of both under
the service's own key, so that only a page of this console, made for this very visitor, can have it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Scope

from common_compute_connector.answers import Headers

_SESSION = re.compile(r"[0-9a-v]{8,64}", re.ASCII)
_TOKEN = re.compile(r"[!-~]+")
_LONGEST_VALUE = 4000
"""Browsers keep no cookie of more than 4096 bytes with its name."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who visits: `known` tells whether the cookie came with the request."""

    id: str
    token: str | None
    known: bool


class Sessions:
    """Reads and writes the cookies of one service.

    Cookies are shared by all ports of a host, so their names tell the services apart.
    """

    def __init__(self, secret: bytes, new_id: Callable[[], str]) -> None:
        self._key = hmac.digest(secret, b"console", "sha256")
        self._new_id = new_id
        mark = hmac.digest(secret, b"console cookies", "sha256")[:4].hex()
        self._session_name = f"common-compute-{mark}"
        self._token_name = f"common-compute-token-{mark}"

    def read(self, scope: Scope) -> Session:
        """Give the visitor's session, a new one if there is none."""
        cookies = _cookies(scope)
        prefix = _prefix(scope)
        sent = cookies.get(prefix + self._session_name, "")
        known = _SESSION.fullmatch(sent) is not None
        kept = cookies.get(prefix + self._token_name)
        return Session(sent if known else self._new_id(), _opened(kept) if known and kept else None, known)

    def signed_in(self, token: str) -> Session:
        """Make the session of a token: another than before, lest somebody has planted that one."""
        return Session(self._new_id(), token, known=False)

    def mark(self, session: Session) -> str:
        """Give what a form of this session carries."""
        bound = f"{session.id}\0{session.token or ''}".encode("ascii")
        return hmac.digest(self._key, bound, "sha256").hex()

    def is_own(self, session: Session, mark: str) -> bool:
        """Tell whether a form that carries this mark was made for this session."""
        return hmac.compare_digest(self.mark(session).encode(), mark.encode())

    def cookies(self, session: Session, scope: Scope) -> Headers:
        """Give the headers by which the browser remembers a new session."""
        kept = [_cookie(self._session_name, session.id, scope)]
        if session.token is not None:
            kept.append(_cookie(self._token_name, _sealed(session.token), scope))
        return kept

    def forgotten(self, scope: Scope) -> Headers:
        """Give the headers by which the browser forgets everything."""
        return [_cookie(name, "", scope, "; Max-Age=0") for name in (self._session_name, self._token_name)]


def is_token(text: str) -> bool:
    """Tell whether a text can be sent as a bearer token."""
    return _TOKEN.fullmatch(text) is not None


def is_kept(token: str) -> bool:
    """Tell whether a cookie has room for this token."""
    return len(_sealed(token)) <= _LONGEST_VALUE


def _cookies(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                key, _, content = pair.strip().partition("=")
                found.setdefault(key, content)
    return found


def _is_secure(scope: Scope) -> bool:
    return bool(scope.get("scheme") == "https")


def _prefix(scope: Scope) -> str:
    """Give the prefix with which a browser takes a cookie from this host alone, and over TLS alone."""
    return "__Host-" if _is_secure(scope) else ""


def _cookie(name: str, value: str, scope: Scope, more: str = "") -> tuple[str, str]:
    secure = "; Secure" if _is_secure(scope) else ""
    return "set-cookie", f"{_prefix(scope)}{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}"


def _sealed(token: str) -> str:
    """Write a token in what a cookie may hold."""
    return base64.urlsafe_b64encode(token.encode("ascii")).decode("ascii").rstrip("=")


def _opened(value: str) -> str | None:
    try:
        padded = value + "=" * (-len(value) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
