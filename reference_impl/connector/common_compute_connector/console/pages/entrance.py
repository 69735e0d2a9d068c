"""Sign in with a bearer token, and out again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common_compute_connector.console.session import is_kept, is_token
from common_compute_connector.console.visit import Reply, Visit

_OWN_PAGE = re.compile(r"/console/[A-Za-z0-9/._~-]*(\?[A-Za-z0-9=&%._~+-]*)?", re.ASCII)


def entrance(
    visit: Visit, status: int, detail: str | None = None, wanted: str = "/", headers: Any = ()
) -> Reply:
    """Make the page that asks for a token, before the one that was wanted."""
    return visit.page("entrance.html", status, headers, detail=detail, wanted=_own_page(wanted))


async def sign_in(visit: Visit) -> Reply:
    """Keep a token in the browser, if the API knows it."""
    token, wanted = visit.form.get("token", "").strip(), visit.form.get("wanted", "/")
    if not is_token(token):
        return entrance(visit, 400, "A token is one word of letters, digits and signs.", wanted)
    if not is_kept(token):
        return entrance(visit, 400, "The token is too long for a browser to keep.", wanted)
    answer = await visit.api.with_token(token).get("jobs", query=[("page_size", 1)])
    if not (answer.fine or answer.status == 403):  # a token may be good for something else than reading
        return entrance(visit, answer.status, _words(answer.document), wanted)
    return Reply(303, headers=[("location", _own_page(wanted))], signs_in=token)


async def sign_out(visit: Visit) -> Reply:  # noqa: ARG001
    """Let the browser forget the token."""
    return Reply(303, headers=[("location", "/")], signs_out=True)


def _words(problem: Mapping[str, Any]) -> str:
    return str(problem["detail"])


def _own_page(wanted: str) -> str:
    """Give the page to go to after the token, the first one if it is none of this console's."""
    return wanted if _OWN_PAGE.fullmatch(wanted) else "/"
