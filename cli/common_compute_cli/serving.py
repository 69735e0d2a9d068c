"""Serve an ASGI application until a signal ends it: one line when it is ready, a clean end, exit code 0."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn

from common_compute_cli import output
from common_compute_cli.errors import ServerDidNotStart, WrongUsage

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

_GRACE_SECONDS = 10


@dataclass(frozen=True)
class Manner:
    """How a server is run, as the command line says.

    `until_stdin_closes` ties it to whoever holds the other end of its standard input: when that process ends,
    in whatever way, so does the server.
    """

    host: str
    port: int
    as_json: bool
    until_stdin_closes: bool


class _Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Mapping[str, Any], *, as_json: bool) -> None:
        super().__init__(config)
        self._ready = ready
        self._as_json = as_json

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell it."""
        await super().startup(sockets)
        if self.should_exit:
            return
        if self._as_json:
            output.print_json(self._ready, one_line=True)
        else:
            sys.stdout.write(
                "{name} answers at {url}, its reference is at {docs}; Ctrl-C ends it.\n".format_map(
                    self._ready
                )
            )
            sys.stdout.flush()


def serve(app: ASGIApplication, name: str, manner: Manner) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        WrongUsage: the address cannot be listened on.
        ServerDidNotStart: the application refused to start.
    """
    listening = _listen(manner.host, manner.port)
    with listening:
        port = listening.getsockname()[1]
        host = f"[{manner.host}]" if ":" in manner.host else manner.host
        root = f"http://{host}:{port}"
        ready = {"name": name, "url": f"{root}/v1", "docs": f"{root}/docs", "pid": os.getpid()}
        config = uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = _Server(config, ready, as_json=manner.as_json)
        if manner.until_stdin_closes:
            threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
        # The server has its own handlers while it runs, and raises the signal again when it is done: then,
        # and before it is up, a signal means that all is well and over.
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, _leave)
        server.run(sockets=[listening])
        if not server.started:
            raise ServerDidNotStart(name, "the lines above")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise WrongUsage(
            f"{host}, port {port}, cannot be listened on ({os.strerror(error.errno or 0)}): "
            "give another --port, or 0 for a free one."
        ) from error


def _end_with_stdin(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True


def _leave(number: int, frame: FrameType | None) -> None:
    del number, frame
    sys.exit(0)
