"""What is no HTTP never reaches the application, and is refused as everything else is."""

import asyncio
import socket
from typing import Any

import orjson
import pytest
import uvicorn

from common_compute_connector import schemas
from common_compute_connector.http.server_protocol import HttpProtocol


async def _never(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("this request is none")


async def _answer(request: bytes) -> bytes:
    """Send bytes to a real server, and read until it hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            _never, http=HttpProtocol, lifespan="off", log_config=None, server_header=False
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(request)
        answer = await reader.read()
        writer.close()
        server.should_exit = True
        await serving
        return answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\x7f\r\n\r\n",
        b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    ],
)
def test_bytes_that_are_no_http_get_a_problem(request_bytes: bytes) -> None:
    """The server's own refusal is a problem document with an id, and ends the connection."""
    head, _, body = asyncio.run(_answer(request_bytes)).partition(b"\r\n\r\n")
    document = orjson.loads(body)

    assert [] == schemas.component("Problem").faults(document)
    assert (400, "malformed-request") == (document["status"], document["code"])
    assert head.startswith(b"HTTP/1.1 400 ")
    assert f"x-request-id: {document['request_id']}".encode() in head
    assert b"content-type: application/problem+json" in head
