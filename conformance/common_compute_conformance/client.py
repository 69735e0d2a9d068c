"""Speak to the target, remember every exchange, and clean up what was made."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from common_compute_conformance.contract import Contract, Document, parse_json
from common_compute_conformance.errors import Failure, Inconclusive, NothingAnswers
from common_compute_conformance.pace import Pace
from common_compute_conformance.raw import raw_exchange

_UNSET: Any = object()
_KEPT_BYTES = 2000
# A service may limit how often it is asked: how often one request is sent again, and for how long we wait.
_MOST_PATIENT = 10
_LONGEST_WAIT_SECONDS = 60.0
# What a server or a gateway before it answers when it cannot do its work for the moment.
_TROUBLE = frozenset({429, 502, 503, 504})

Query = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, with what of the answer does not fit the contract."""

    method: str
    url: str
    request_headers: httpx.Headers
    request_body: bytes
    status: int
    headers: httpx.Headers
    content: bytes
    seconds: float
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.url} -> {self.status}"

    def expect(self, *statuses: int) -> Exchange:
        """Return this exchange if its status is one of these.

        Raises Inconclusive for trouble that may pass, Failure for any other status.
        """
        if self.status in statuses:
            return self
        wanted = " or ".join(str(status) for status in statuses)
        message = (
            f"expected {wanted}, got {self.status} from {self.method} {self.url}: {_excerpt(self.content)}"
        )
        if self.status in _TROUBLE:
            raise Inconclusive(message)
        raise Failure(message, expected=f"status {wanted}", actual=f"status {self.status}")

    def json(self) -> Any:
        """Return the body as JSON; raises Failure if it is none."""
        try:
            return parse_json(self.content)
        except ValueError as error:
            raise Failure(f"{self}: the body is no JSON ({error})") from error

    def document(self) -> Document:
        """Return the body as a JSON object; raises Failure if it is none."""
        value = self.json()
        if not isinstance(value, Document):
            raise Failure(f"{self}: the body is no JSON object")
        return value

    def problem(self, status: int, *codes: str) -> Document:
        """Return the problem document, after holding status and code against what was expected."""
        document = self.expect(status).document()
        if codes and document.get("code") not in codes:
            wanted, came = " or ".join(codes), repr(document.get("code"))
            raise Failure(
                f"{self}: expected code {wanted}, got {came}",
                expected=f"code {wanted}",
                actual=f"code {came}",
            )
        return document


@dataclass
class Journal:
    """All exchanges of a certification in their order, and those that the present check looks at.

    Safe between threads.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    _looked_at: list[Exchange] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, exchange: Exchange) -> None:
        """Append an exchange, which the present check looks at."""
        with self._lock:
            self.exchanges.append(exchange)
            self._looked_at.append(exchange)

    def recall(self, exchange: Exchange) -> None:
        """Note that the present check looks at an earlier exchange again."""
        with self._lock:
            self._looked_at.append(exchange)

    def turn(self) -> None:
        """Forget what was looked at: another check begins."""
        with self._lock:
            self._looked_at.clear()

    @property
    def looked_at(self) -> list[Exchange]:
        """What the present check looks at, each exchange once, the last looked at last."""
        with self._lock:
            newest_first = {id(exchange): exchange for exchange in reversed(self._looked_at)}
        return list(reversed(newest_first.values()))


@dataclass
class Redaction:
    """The secrets of a certification, none of which may leave it."""

    secrets: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        """Return the text with every secret replaced."""
        for secret in self.secrets:
            text = text.replace(secret, "REDACTED")
        return text

    def evidence(self, exchange: Exchange) -> dict[str, Any]:
        """Return an exchange as it may be shown, bodies cut after some 2 kB."""
        return {
            "method": exchange.method,
            "url": self.text(exchange.url),
            "request_headers": self._headers(exchange.request_headers),
            "request_body": self.text(_excerpt(exchange.request_body)),
            "status": exchange.status,
            "headers": self._headers(exchange.headers),
            "body": self.text(_excerpt(exchange.content)),
            "faults": [self.text(fault) for fault in exchange.faults],
        }

    def _headers(self, headers: httpx.Headers) -> dict[str, str]:
        return {
            name: "REDACTED" if name in ("authorization", "cookie", "set-cookie") else self.text(value)
            for name, value in headers.items()
        }


class Ledger:
    """What was made on the target, so that nothing of it stays there."""

    def __init__(self) -> None:
        self._made: dict[str, Client] = {}
        self.submissions = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=16)

    def whole(self, submission: Callable[[], Exchange]) -> Exchange:
        """Do a submission in a thread of its own, so that Ctrl-C cannot cut it between a job and its id."""
        return self._pool.submit(submission).result()

    def made(self, job_id: str, client: Client) -> None:
        """Remember a job and who owns it."""
        with self._lock:
            self._made.setdefault(job_id, client)

    def gone(self, job_id: str) -> None:
        """Forget a job that was released."""
        with self._lock:
            self._made.pop(job_id, None)

    @property
    def remaining(self) -> list[str]:
        """The ids of what was made and not released."""
        return sorted(self._made)

    def clean_up(self, pace: Pace) -> list[str]:
        """Cancel what is alive and release everything; return the ids of what could not be released."""
        self._pool.shutdown()
        waiting = dict(self._made)
        for job_id, client in waiting.items():
            if _quietly(client, "release_job", job_id) == 409:
                _quietly(client, "cancel_job", job_id)
        for _ in pace.polls(pace.cancel_patience):
            for job_id, client in list(waiting.items()):
                status = _quietly(client, "release_job", job_id)
                if status in (204, 404):
                    self.gone(job_id)
                if status != 409:  # another try would change nothing but for a job that has not ended
                    del waiting[job_id]
            if not waiting:
                break
        return self.remaining


def _quietly(client: Client, operation_id: str, job_id: str) -> int:
    try:
        return client.call(operation_id, job_id=job_id).status
    except Inconclusive:
        return 0


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
        self._http = http or httpx.Client(trust_env=False, follow_redirects=False)

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


def _excerpt(content: bytes) -> str:
    text = content[:_KEPT_BYTES].decode("utf-8", "backslashreplace")
    return text if len(content) <= _KEPT_BYTES else f"{text}... ({len(content)} bytes in all)"
