"""Send one request and take its answer apart: documents, problem documents, bytes, and when to try again."""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from common_compute_cli import __version__, pace
from common_compute_cli.errors import NothingAnswers, NotThisApi, Refused, WrongUsage

Document = dict[str, Any]
Query = Mapping[str, str | int | list[str] | None]

_ATTEMPTS = 5
_LONGEST_RETRY_AFTER_SECONDS = 30.0
_ANSWER_SECONDS = 30.0
_CONNECT_SECONDS = 10.0


def base_url(given: str) -> str:
    """Give the API's base address for what a user writes: the path `/v1` may be left out.

    Raises:
        WrongUsage: it is no http or https URL.
    """
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WrongUsage(f"'{given}' is no address of a server: write it as http://host:port/v1")
    if parts.query or parts.fragment:
        raise WrongUsage(f"'{given}' has a query or a fragment: write it as http://host:port/v1")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


class Wire:
    """The connection to one server, as one caller."""

    def __init__(
        self, url: str, token: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = base_url(url)
        headers = {"User-Agent": f"common-compute/{__version__}"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        # A server on this very machine is never reached through a proxy that the environment names.
        # Without TLS nobody is trusted: to read in the usual authorities takes longer than most commands.
        without_tls = self.url.startswith("http:")
        self._http = httpx.Client(
            headers=headers,
            trust_env=not _is_loopback(self.url),
            transport=transport,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if without_tls else True,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def path(self, *segments: str) -> str:
        """Give the URL of a path, each segment quoted."""
        return self.url + "".join(f"/{quote(segment, safe='')}" for segment in segments)

    def document(
        self,
        method: str,
        url: str,
        *,
        query: Query | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        longer_by: float = 0.0,
        repeatable: bool = True,
    ) -> tuple[Document, httpx.Headers, int]:
        """Call an operation that answers JSON; give document, headers and status (empty for 204 and 304).

        A 429 or 503 that says when is tried again: nothing was done then. A cut connection is tried again
        only if the request is `repeatable`, as it may have been heard. `longer_by` is how many seconds the
        server was asked to hold the answer back.

        Raises:
            Refused: the server answered with a problem document.
            NothingAnswers: no answer came.
            NotThisApi: the answer is not one of the contract's.
        """
        with self._answer(method, url, query, body, headers, longer_by, repeatable) as response:
            response.read()
            if response.status_code in (204, 304):
                return {}, response.headers, response.status_code
            try:
                read = response.json()
            except ValueError:
                read = None
            if not isinstance(read, dict):
                raise NotThisApi(url, response.status_code)
            return read, response.headers, response.status_code

    @contextmanager
    def stream(self, url: str, query: Query | None = None) -> Iterator[Iterator[bytes]]:
        """Call an operation that answers bytes, and give them in pieces, as they are."""
        with self._answer(
            "GET", url, query, None, {"Accept-Encoding": "identity"}, 0.0, repeatable=True
        ) as response:
            yield self._pieces(url, response)

    def _pieces(self, url: str, response: httpx.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_raw()
        except httpx.TransportError as error:
            raise NothingAnswers(url, f"the answer was cut: {error}") from error

    @contextmanager
    def _answer(
        self,
        method: str,
        url: str,
        query: Query | None,
        body: Any,
        headers: Mapping[str, str] | None,
        longer_by: float,
        repeatable: bool,
    ) -> Iterator[httpx.Response]:
        given = dict(headers or {})
        content = b""
        if body is not None:
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
            given["Content-Type"] = "application/json"
        request = self._http.build_request(
            method,
            url,
            params={name: value for name, value in (query or {}).items() if value is not None},
            content=content or None,
            headers=given,
            timeout=httpx.Timeout(_ANSWER_SECONDS + longer_by, connect=_CONNECT_SECONDS),
        )
        response = self._send(request, repeatable=repeatable)
        try:
            if response.status_code >= 400:
                raise _refusal(url, response)
            yield response
        finally:
            response.close()

    def _send(self, request: httpx.Request, *, repeatable: bool) -> httpx.Response:
        pauses = pace.pauses()
        for left in reversed(range(_ATTEMPTS)):
            try:
                response = self._http.send(request, stream=True)
            except httpx.ConnectError as error:
                raise NothingAnswers(self.url, _cause(error)) from error
            except httpx.TransportError as error:
                if not left or not repeatable:
                    raise NothingAnswers(self.url, _cause(error)) from error
                pace.sleep(next(pauses))
                continue
            wait = _retry_after(response)
            if not left or wait is None:
                return response
            response.close()
            pace.sleep(wait)
        raise AssertionError("the last attempt returns or raises")


def _cause(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__


def _retry_after(response: httpx.Response) -> float | None:
    """Give the seconds after which to try again, None if this answer is the final one."""
    if response.status_code not in (429, 503):
        return None
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if seconds <= _LONGEST_RETRY_AFTER_SECONDS else None


def _refusal(url: str, response: httpx.Response) -> Exception:
    response.read()
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "code" not in problem:
        return NotThisApi(url, response.status_code)
    return Refused(problem)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
