"""Serve a configured service until a signal ends it: one line when it is ready, a clean end, exit code 0."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol

import uvicorn
from starlette.types import Receive, Scope, Send

from common_compute_cli import output, pace
from common_compute_cli.errors import ServerDidNotStart, WrongUsage
from common_compute_cli.manner import Manner
from common_compute_cli.supervision import notify
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.http.server_protocol import HttpProtocol
from common_compute_connector.logs import configure_logs

_GRACE_SECONDS = 10
_MOST_TURNS = 1000
_QUIET_TURNS = 4
"""asyncio needs some after it has accepted a connection: on a closed server it would drop it."""


class _Server(uvicorn.Server):
    """A server that says when it is ready, and holds up nobody when it ends."""

    def __init__(
        self, config: uvicorn.Config, app: Served, ready: Mapping[str, Any], words: str, *, as_json: bool
    ) -> None:
        super().__init__(config)
        self._app = app
        self._ready = ready
        self._words = words
        self._as_json = as_json

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell it."""
        await super().startup(sockets)
        if self.should_exit:
            return
        notify("READY=1")
        if self._as_json:
            output.print_json(self._ready, one_line=True)
        else:
            sys.stdout.write(f"{self._words.format_map(self._ready)}\n")
            for owner, token in self._ready.get("tokens", {}).items():
                sys.stdout.write(f"The token of {owner} is {token}\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer whoever waits for a change, finish what was begun, and end."""
        notify("STOPPING=1")
        self._app.answer_waiting()
        for listening in sockets or ():
            await accept_who_waits(listening)
        await super().shutdown(sockets)


class Served(Protocol):
    """A service of ours as an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an exchange, or the server's lifespan."""

    def answer_waiting(self) -> None:
        """Answer now whoever waits for a change, so that a stop holds nobody up."""


READY_WORDS = "{name} answers at {url}, its reference is at {docs}; Ctrl-C ends it."


def serve(
    assemble: Callable[[], Served],
    name: str,
    manner: Manner,
    facts: Mapping[str, Any] | None = None,
    words: str = READY_WORDS,
) -> None:
    """Serve what is assembled until SIGINT or SIGTERM.

    `facts` are told when it is ready, beside its address; people are told them in `words`.

    Raises:
        WrongUsage: the configuration is at fault, or its address cannot be listened on.
        ServerDidNotStart: the service refused to start; its log tells why.
    """
    # The server has its own handlers while it runs, and raises the signal again when it is done: then, and
    # before it is up, a signal means that all is well and over.
    leaving = _Leaving()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, leaving)
    configure_logs(logging.INFO if manner.logs else logging.WARNING)
    with _listening(manner.host, manner.port) as listening:
        with faults_told():
            app = assemble()
        leaving.go_on()
        host = f"[{manner.host}]" if ":" in manner.host else manner.host
        root = f"http://{host}:{listening.getsockname()[1]}"
        ready = {
            "name": name,
            "root": root,
            "url": f"{root}/v1",
            "docs": f"{root}/docs",
            "pid": os.getpid(),
            **(facts or {}),
        }
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = _Server(config, app, ready, words, as_json=manner.as_json)
        if manner.until_stdin_closes:
            threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
        try:
            server.run(sockets=[listening])
        except SystemExit as end:
            # So uvicorn ends where the service refuses to start, with its own code; a signal ends with 0.
            if server.started or not end.code:
                raise
        if not server.started:
            raise ServerDidNotStart(name, "see the lines above")


@contextmanager
def faults_told() -> Iterator[None]:
    """Turn the faults of a configuration into what the user reads, a line for each."""
    try:
        yield
    except ConfigurationError as error:
        raise WrongUsage("The configuration cannot be used:\n  " + "\n  ".join(error.faults)) from error


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise WrongUsage(
            f"{host}, port {port}, cannot be listened on ({os.strerror(error.errno or 0)}): "
            "give another --port, or 0 for a free one."
        ) from error
    with listening:
        # asyncio does it only for sockets that name their protocol, which create_server's do not; without it
        # each answer on a kept connection waits 40 ms for the client's acknowledgement of its headers.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listening


async def accept_who_waits(listening: socket.socket) -> None:
    """Take in who has connected already, right before the socket is closed: the kernel would reset them.

    From here on hardly anybody gets into the queue. Who does not is refused when the socket is closed, and
    has sent nothing.
    """
    listening.listen(0)
    quiet = 0
    for _ in range(_MOST_TURNS):
        quiet = 0 if select.select([listening], [], [], 0)[0] else quiet + 1
        if quiet == _QUIET_TURNS:
            return
        await pace.turn()


def _end_with_stdin(server: uvicorn.Server) -> None:
    # Not by way of sys.stdin, whose lock this thread would hold when the interpreter ends for another reason.
    while os.read(sys.stdin.fileno(), 65536):
        pass
    server.should_exit = True


class _Leaving:
    """A signal that means the end: told where it arrives, and again should that place have caught it."""

    def __init__(self) -> None:
        self._is_told = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Leave every context that the program is in."""
        del number, frame
        self._is_told = True
        sys.exit(0)

    def go_on(self) -> None:
        """Come back, unless a signal arrived that went no further than a clean-up or an import's callback."""
        if self._is_told:
            sys.exit(0)
