"""Lists page by page: a page token is the position of the last entry of a page, with a seal."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from typing import Any


class Pages:
    """Cuts lists into pages, and knows its own page tokens again."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def position(self, token: str, scope: object) -> int:
        """Read a token; ValueError if it was not made here for this scope (the caller, the path, the filters)."""
        found = re.fullmatch(r"(-?[0-9]{1,15})~[0-9a-f]{32}", token)
        if found is None or not hmac.compare_digest(token, self._token(int(found[1]), scope)):
            raise ValueError("it is not a token of this list with these filters")
        return int(found[1])

    def cut(
        self, entries: Sequence[tuple[int, Any]], after: int | None, size: int, scope: object
    ) -> tuple[list[Any], dict[str, str]]:
        """Give the entries of a page and the members that lead to the next; positions in `entries` ascend."""
        rest = [(position, entry) for position, entry in entries if after is None or position > after]
        page = rest[:size]
        onward = {"next_page_token": self._token(page[-1][0], scope)} if len(rest) > size else {}
        return [entry for _, entry in page], onward

    def _token(self, position: int, scope: object) -> str:
        seal = hmac.new(self._key, repr((position, scope)).encode(), hashlib.sha256).hexdigest()[:32]
        return f"{position}~{seal}"
