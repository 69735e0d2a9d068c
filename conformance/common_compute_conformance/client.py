"""Speak to the target as one of its callers."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import httpx

from common_compute_conformance.contract import Contract, parse_json
from common_compute_conformance.errors import Inconclusive, NothingAnswers
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.journal import Journal
from common_compute_conformance.ledger import Ledger
from common_compute_conformance.pace import Pace
from common_compute_conformance.raw import raw_exchange

_UNSET: Any = object()
# A service may limit how often it is asked: how often one request is sent again, and for how long we wait.
_MOST_PATIENT = 10
_LONGEST_WAIT_SECONDS = 60.0

Query = Iterable[tuple[str, str]]


def _trust(url: str) -> ssl.SSLContext | bool:
    """Return whom to trust: without TLS nobody, as reading in the usual ones takes longer than a check."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if url.startswith("http:") else True


class Client:
    """One caller of the target.

    Every answer is held against the contract on arrival; what does not fit is kept with the exchange and
    judged by whoever runs the check. A job that this client submits is registered for the clean-up by itself.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        contract: Contract,
        journal: Journal,
        ledger: Ledger,
        pace: Pace,
        http: httpx.Client | None = None,
    ) -> None:
        self.url = url
        self.token = token
        self._contract = contract
        self._journal = journal
        self._ledger = ledger
        self._pace = pace
        # No trust in the environment: a .netrc would add a token of its own, a proxy answer in the target's
        # place.
        self._http = http or httpx.Client(trust_env=False, follow_redirects=False, verify=_trust(url))

    def as_caller(self, token: str | None) -> Client:
        """Return a client of the same target with another token, or with none."""
        return Client(self.url, token, self._contract, self._journal, self._ledger, self._pace, self._http)

    def recall(self, exchange: Exchange) -> None:
        """Note that the present check looks at an earlier exchange again."""
        self._journal.recall(exchange)

    @property
    def latest(self) -> Exchange | None:
        """The last exchange that the present check looks at."""
        return next(reversed(self._journal.looked_at), None)

    def close(self) -> None:
        """Close the connections, which all callers of the target share."""
        self._http.close()

    def call(
        self,
        operation_id: str,
        *,
        query: Query = (),
        body: Any = _UNSET,
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
        timeout: float | None = None,
        **path: str,
    ) -> Exchange:
        """Call an operation; `body` is sent as JSON, `method` replaces the operation's own (HEAD for GET)."""
        operation = self._contract.operations[operation_id]
        all_headers = dict(headers or {})
        content = b""
        if body is not _UNSET:
            content = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
            all_headers.setdefault("Content-Type", "application/json")
        return self.send(
            method or operation.method,
            operation.at(**path),
            operation_id=operation_id,
            query=query,
            content=content,
            headers=all_headers,
            timeout=timeout,
        )

    def send(
        self,
        method: str,
        path: str,
        *,
        operation_id: str | None = None,
        query: Query = (),
        content: bytes | Sequence[bytes] = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Exchange:
        """Send any request below the target's URL; raises Inconclusive if no answer comes."""
        encoded = urlencode(list(query))
        url = f"{self.url}{path}" + (f"?{encoded}" if encoded else "")
        sent = httpx.Headers(headers, encoding="utf-8")
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")

        def exchange() -> Exchange:
            for _ in range(_MOST_PATIENT):
                answer = self._exchange(method, path, url, sent, content, operation_id, timeout)
                if (seconds := _asked_to_wait(answer)) is None or not isinstance(content, bytes):
                    break
                self._pace.sleep(seconds)
            return answer

        return self._ledger.whole(exchange) if (method, path) == ("POST", "/jobs") else exchange()

    def raw(self, method: str, path: bytes) -> Exchange:
        """Send a request without a body whose path is not touched, byte for byte as it is."""
        started = self._pace.now()
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        status, told, content = raw_exchange(self.url, method, path, headers, self._pace.request_timeout)
        url = self.url + path.decode("latin-1")
        seconds = self._pace.now() - started
        exchange = Exchange(method, url, httpx.Headers(headers), b"", status, told, content, seconds)
        self._journal.add(exchange)
        return exchange

    def _exchange(
        self,
        method: str,
        path: str,
        url: str,
        sent: httpx.Headers,
        content: bytes | Sequence[bytes],
        operation_id: str | None,
        timeout: float | None,
    ) -> Exchange:
        started = self._pace.now()
        try:
            request = self._http.build_request(
                method,
                url,
                content=content or None,
                headers=sent,
                timeout=timeout or self._pace.request_timeout,
            )
            response = self._http.send(request)
        except httpx.ConnectError as error:
            raise NothingAnswers(url, str(error)) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Inconclusive(f"{method} {url}: no answer came ({type(error).__name__}: {error})") from error
        exchange = Exchange(
            method=method,
            url=url,
            request_headers=request.headers,
            request_body=content if isinstance(content, bytes) else b"".join(content),
            status=response.status_code,
            headers=response.headers,
            content=response.content,
            seconds=self._pace.now() - started,
            faults=tuple(
                self._contract.faults_of_response(
                    None if method == "OPTIONS" else operation_id,
                    method,
                    response.status_code,
                    response.headers,
                    response.content,
                )
            ),
        )
        self._journal.add(exchange)
        self._keep_account(operation_id, method, path, exchange)
        return exchange

    def _keep_account(self, operation_id: str | None, method: str, path: str, exchange: Exchange) -> None:
        if method == "DELETE" and exchange.status == 204 and operation_id == "release_job":
            self._ledger.gone(path.rpartition("/")[2])
        if method != "POST" or path.rstrip("/") != "/jobs" or exchange.status not in (200, 201):
            return
        try:
            document = parse_json(exchange.content)
        except ValueError:
            return
        if isinstance(document, dict) and isinstance(document.get("id"), str):
            self._ledger.submissions += exchange.status == 201
            self._ledger.made(document["id"], self)


def _asked_to_wait(answer: Exchange) -> float | None:
    """Return for how many seconds a service that limits rates asks its caller to wait, if it does."""
    told = answer.headers.get("retry-after", "")
    return min(float(told), _LONGEST_WAIT_SECONDS) if answer.status == 429 and told.isdecimal() else None
