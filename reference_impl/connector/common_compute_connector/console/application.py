"""The console as an ASGI application: who visits, whether they mean it, and which page answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from common_compute_connector import contract
from common_compute_connector.answers import Headers
from common_compute_connector.console import assets, guard
from common_compute_connector.console.api import Api, Download
from common_compute_connector.console.form import read_form
from common_compute_connector.console.pages.entrance import entrance
from common_compute_connector.console.refusals import RefusedByApi, RefusedHere
from common_compute_connector.console.rendering import templates
from common_compute_connector.console.routes import route_of
from common_compute_connector.console.session import Session, Sessions
from common_compute_connector.console.visit import House, Reply, Visit
from common_compute_connector.errors import MethodNotAllowed, NotFound
from common_compute_connector.http.wire import send_bytes
from common_compute_connector.service import Service

_STATIC = "/console/static/"
_HARDENED: Headers = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    # Without any referrer a browser would name no origin with a form either.
    ("referrer-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)
_MOST_PARAMETERS = 32
_NOT_KEPT: Headers = (("cache-control", "no-store"),)
_KEPT: Headers = (("cache-control", "public, max-age=86400"),)


class Console:
    """The pages for people of one service, whose whole application is `app`."""

    def __init__(self, service: Service, app: ASGIApp) -> None:
        self._service = service
        self._app = app
        self._sessions = Sessions(service.store.secret, service.clock.new_id)
        self._house = House(
            name=service.settings.name,
            description=service.settings.description,
            is_open=service.is_open,
            base_path=contract.base_path(),
            issuers=service.access.description.get("issuers", ()),
        )
        self._templates = templates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"].startswith(_STATIC):
            reply = _asset(scope)
            await send_bytes(send, reply.status, reply.media_type, reply.body, reply.headers)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        session = self._sessions.read(scope)
        visit = self._visit(scope, session)
        try:
            answer = await self._reply(visit, scope, headers, receive, send)
        except RefusedHere as refused:
            answer = _refusal(visit, refused.status, refused.detail)
        except RefusedByApi as refused:
            answer = self._refused(visit, refused)
        if answer is not None:
            cookies = self._cookies(answer, visit, scope, headers)
            told = [*answer.headers, *_HARDENED, *_NOT_KEPT, *cookies]
            await send_bytes(send, answer.status, answer.media_type, answer.body, told)

    async def _reply(
        self, visit: Visit, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> Reply | None:
        """Find the page and let it answer; None says that the answer has left already."""
        self._check_host(scope, headers)
        visit.query = _query(scope)
        found = route_of(visit.path)
        if found is None:
            raise RefusedHere(404, "There is no such page here.")
        route, visit.ids = found
        page = route.page(visit.method)
        if page is None:
            allowed = ", ".join(route.methods)
            detail = f"This page has no such method; it has {allowed}."
            return _refusal(visit, 405, detail, [("allow", allowed)])
        if visit.method == "POST":
            visit.form = await self._own_form(visit, headers, receive)
        elif not visit.session.known and guard.is_led_from_elsewhere(headers):
            return visit.page("returning.html")
        if visit.session.token is None and not (self._house.is_open or route.is_public):
            return self._entrance(visit, headers)
        answer = await page(visit)
        if isinstance(answer, Reply):
            return answer
        return await self._download(visit, answer, headers, send)

    def _check_host(self, scope: Scope, headers: Mapping[str, str]) -> None:
        if not self._house.is_open:
            return  # the cookie belongs to the name that it was given under, and without it there is no token
        name = guard.foreign_host(scope, headers, self._service.settings.cors_origins)
        if name is not None:
            raise RefusedHere(
                421,
                f"This server is of this machine alone, and was called {name}. Open it as 127.0.0.1 or "
                "localhost, or let its operator add this origin to cors_origins.",
            )

    async def _own_form(
        self, visit: Visit, headers: Mapping[str, str], receive: Receive
    ) -> Mapping[str, str]:
        """Read a form, and see to it that it is one of this console's for this very visitor."""
        form = await read_form(headers, receive)
        if guard.is_sent_from_elsewhere(headers):
            raise RefusedHere(403, "This form was sent by a page of another site. Nothing was done.")
        if not self._sessions.is_own(visit.session, form.get("mark", "")):
            raise RefusedHere(
                403,
                "This form was made for another session, or cookies are off. Nothing was done: "
                "open the page again, and send the form from there.",
            )
        return form

    def _entrance(self, visit: Visit, headers: Mapping[str, str]) -> Reply:
        if "hx-request" in headers:  # a part of a page: the page itself shall ask for the token
            return Reply(401, headers=[("hx-refresh", "true")])
        wanted = visit.path if visit.method in ("GET", "HEAD") else "/"
        return entrance(visit, 200 if visit.path == "/" else 401, wanted=wanted)

    def _refused(self, visit: Visit, refused: RefusedByApi) -> Reply:
        status, problem = refused.answer.status, refused.answer.document
        retry = [(name, value) for name, value in refused.answer.headers.items() if name == "retry-after"]
        if visit.path.startswith("/console/live/") and status in (401, 404):
            return Reply(status, headers=[("hx-refresh", "true")])
        if status == 401:
            return entrance(visit, 401, problem["detail"], visit.path)
        return visit.page(
            "problem.html", status, retry, problem=problem, retry_after=dict(retry).get("retry-after")
        )

    async def _download(
        self, visit: Visit, download: Download, headers: Mapping[str, str], send: Send
    ) -> Reply | None:
        passed = [(name, headers[name]) for name in ("range", "if-range") if name in headers]
        problem = await visit.api.pass_on(download, visit.method, passed, send)
        if problem is None:
            return None
        raise RefusedByApi(problem)

    def _visit(self, scope: Scope, session: Session) -> Visit:
        token = None if self._house.is_open else session.token
        return Visit(
            house=self._house,
            api=Api(self._app, scope, token),
            session=session,
            mark=self._sessions.mark(session),
            templates=self._templates,
            method=scope["method"],
            path=scope["path"],
            new_id=self._service.clock.new_id,
        )

    def _cookies(self, reply: Reply, visit: Visit, scope: Scope, headers: Mapping[str, str]) -> Headers:
        if reply.signs_out:
            return self._sessions.forgotten(scope)
        if reply.signs_in is not None:
            return self._sessions.cookies(self._sessions.signed_in(reply.signs_in), scope)
        if visit.session.known or visit.method == "POST" or guard.is_led_from_elsewhere(headers):
            return ()  # a session that another site has kept back is not to be replaced by a new one
        return self._sessions.cookies(visit.session, scope)


def _refusal(visit: Visit, status: int, detail: str, headers: Headers = ()) -> Reply:
    return visit.page("refused.html", status, headers, shown_status=status, detail=detail)


def _asset(scope: Scope) -> Reply:
    name = scope["path"].removeprefix(_STATIC)
    media_type = assets.media_type(name)
    if media_type is None:
        raise NotFound("such path")
    if scope["method"] not in ("GET", "HEAD"):
        raise MethodNotAllowed(["GET", "HEAD"])
    return Reply(200, assets.content(name), (*_HARDENED, *_KEPT), media_type)


def _query(scope: Scope) -> Mapping[str, Sequence[str]]:
    try:
        return parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise RefusedHere(400, "The address has more parameters than any page here takes.") from None
