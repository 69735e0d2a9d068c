"""How the console asks the API in its own process."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

from common_compute_connector.console.api import Api

VISIT = {"scheme": "https", "client": ("192.0.2.7", 4711), "server": ("service.example", 443)}


def _asked(
    body: list[bytes], headers: list[tuple[bytes, bytes]] | None = None
) -> tuple[Any, list[dict[str, Any]]]:
    """Give an application that answers with these pieces, and the scopes that it is asked with."""
    scopes: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append({**scope, "sent": (await receive())["body"], "then": (await receive())["type"]})
        await send({"type": "http.response.start", "status": 200, "headers": headers or []})
        for piece in body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app, scopes


def test_the_api_is_asked_as_any_client_asks_it() -> None:
    """The path is below the base path and quoted, the token is a header, and the visitor's address is told."""
    app, scopes = _asked([b"{}"])
    api = Api(app, VISIT, "secret-token")
    asyncio.run(api.post("jobs", "ä b", "cancel", body=b'{"a": 1}', headers=[("idempotency-key", "k")]))
    (scope,) = scopes

    assert ("POST", "/v1/jobs/ä b/cancel", b"/v1/jobs/%C3%A4%20b/cancel") == (
        scope["method"],
        scope["path"],
        scope["raw_path"],
    )
    assert {
        (b"authorization", b"Bearer secret-token"),
        (b"content-type", b"application/json"),
        (b"idempotency-key", b"k"),
    } <= set(scope["headers"])
    assert (b'{"a": 1}', "http.disconnect") == (scope["sent"], scope["then"])
    assert VISIT == {name: scope[name] for name in VISIT}


def test_without_a_token_none_is_sent() -> None:
    """Nothing is said of who asks."""
    app, scopes = _asked([b"{}"])
    asyncio.run(Api(app, VISIT, None).get("jobs", query=[("label", "a=b c"), ("page_size", 3)]))

    assert [(b"accept", b"application/json")] == scopes[0]["headers"]
    assert b"label=a%3Db+c&page_size=3" == scopes[0]["query_string"]


def test_of_long_bytes_the_end_is_kept_alone() -> None:
    """However much a log has, no more than its end is held in memory, and its size is known."""
    piece = bytes(range(256)) * 4096
    app, _ = _asked([piece] * 100)
    tracemalloc.start()
    answer = asyncio.run(Api(app, VISIT, None).end_of("log", query=(), most_bytes=1000, ranges=False))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (piece[-1000:], 100 * len(piece)) == (answer.body, answer.size_bytes)
    assert peak < 10 * len(piece)


def test_a_range_tells_the_size_of_the_whole() -> None:
    """Where ranges are served the end is asked for, and the size comes with it."""
    app, scopes = _asked([b"end"], [(b"content-range", b"bytes 97-99/100")])
    answer = asyncio.run(Api(app, VISIT, None).end_of("log", query=(), most_bytes=3, ranges=True))

    assert (b"range", b"bytes=-3") in scopes[0]["headers"]
    assert (b"end", 100) == (answer.body, answer.size_bytes)
