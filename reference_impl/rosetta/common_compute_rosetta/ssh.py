"""The transport to another machine: commands over one kept SSH connection to one account there.

The only module that knows paramiko. Its calls block, so they run in threads of this transport's own.
"""

from __future__ import annotations

import asyncio
import socket
from base64 import b64decode
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from typing import TypeVar

import paramiko

from common_compute_connector.clock import Clock
from common_compute_rosetta.process import quote
from common_compute_rosetta.transport import Finished, HostUnreachable

T = TypeVar("T")

CHANNELS_AT_ONCE = 5
"""sshd allows ten (sshd_config(5), MaxSessions), and counts one until its command has ended."""

_CHUNK = 256 * 1024
_CONNECT_SECONDS = 20.0
_ALIVE_EVERY_SECONDS = 30.0
_ALIVE_WITHIN_SECONDS = 60.0
_REFUSED_TRIES = 8
_REFUSED_PAUSE_SECONDS = 0.2
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_REFUSED_BY_SERVER = 2
"""The reason code of an open failure with which sshd refuses a channel too many (RFC 4254, section 5.1)."""


class KeyRefused(HostUnreachable):
    """The host answers, and does not let this account in with this key."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where to log in, as whom, and by which keys.

    `host_key` is the only one that the host may show, `TYPE BASE64` as in a file of known hosts;
    `private_key` is the text of an unencrypted OpenSSH ed25519 key.
    """

    host: str
    port: int
    account: str
    host_key: str
    private_key: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.account}@{self.host}:{self.port}"


class SshTransport:
    """One connection that is opened when it is needed, and again when it was lost.

    After a try in vain it is left alone for a while, longer each time, and says so at once.
    """

    def __init__(self, login: Login, clock: Clock) -> None:
        self._login = login
        self._clock = clock
        self._threads = ThreadPoolExecutor(4 * CHANNELS_AT_ONCE, "ssh")
        self._channels = asyncio.Semaphore(CHANNELS_AT_ONCE)
        self._connecting = asyncio.Lock()
        self._link: paramiko.Transport | None = None
        self._watching: asyncio.Task[None] | None = None
        self._pause = 0.0
        self._again_at: datetime | None = None
        self._why = ""

    async def run(self, argv: Sequence[str], stdin: bytes = b"", *, deadline_seconds: float) -> Finished:
        """Run a command to its end and give all that it wrote."""
        async with self._channels:
            channel = await self._started(argv)
            work = [
                self._in_thread(lambda: _feed(channel, stdin)),
                self._in_thread(lambda: _whole(channel.recv)),
                self._in_thread(lambda: _whole(channel.recv_stderr)),
            ]
            try:
                async with asyncio.timeout(deadline_seconds):
                    _, stdout, stderr = await asyncio.shield(asyncio.gather(*work))
                    exit_code = await self._in_thread(channel.recv_exit_status)
            except TimeoutError:
                raise HostUnreachable(f"no end after {deadline_seconds:g} s", started=True) from None
            except (OSError, EOFError, paramiko.SSHException) as error:
                raise HostUnreachable(_words(error), started=True) from error
            finally:
                await self._end(channel, *work)
            if exit_code < 0 and not channel.get_transport().is_active():
                raise HostUnreachable("the connection was lost", started=True)
            assert isinstance(stdout, bytes)
            assert isinstance(stderr, bytes)
            return Finished(exit_code, stdout, stderr)

    async def stream(
        self, argv: Sequence[str], stdin: bytes = b"", *, idle_seconds: float
    ) -> AsyncGenerator[bytes, None]:
        """Run a command and give its standard output as it comes."""
        async with self._channels:
            channel = await self._started(argv)
            work: list[asyncio.Future[bytes]] = [
                self._in_thread(lambda: _feed(channel, stdin)),
                self._in_thread(lambda: _drained(channel.recv_stderr)),
            ]
            try:
                while True:
                    reading = self._in_thread(lambda: channel.recv(_CHUNK))
                    work[2:] = [reading]
                    try:
                        async with asyncio.timeout(idle_seconds):
                            chunk = await asyncio.shield(reading)
                    except TimeoutError:
                        raise HostUnreachable(f"nothing came for {idle_seconds:g} s", started=True) from None
                    except (OSError, EOFError, paramiko.SSHException) as error:
                        raise HostUnreachable(_words(error), started=True) from error
                    if not chunk:
                        break
                    yield chunk
            finally:
                await self._end(channel, *work)

    async def close(self) -> None:
        """End the connection; what was started there goes on."""
        if self._watching is not None:
            self._watching.cancel()
        if self._link is not None:
            await self._in_thread(self._link.close)
        self._threads.shutdown(wait=False)

    async def connect(self) -> None:
        """Log in, if that is not done.

        Raises:
            KeyRefused: the host does not take the key.
            HostUnreachable: it cannot be reached, or shows another key than the pinned one.
        """
        await self._linked()

    async def _linked(self) -> paramiko.Transport:
        async with self._connecting:
            if self._link is not None and self._link.is_active():
                return self._link
            if self._again_at is not None and self._clock.now() < self._again_at:
                raise HostUnreachable(self._why, started=False)
            try:
                self._link = await self._in_thread(lambda: _log_in(self._login))
            except HostUnreachable as error:
                self._pause = min(max(2 * self._pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
                self._again_at = self._clock.now() + timedelta(seconds=self._pause)
                self._why = error.detail
                raise
            self._pause = 0.0
            self._again_at = None
            if self._watching is not None:
                self._watching.cancel()
            self._watching = asyncio.create_task(self._watch(self._link))
            return self._link

    async def _watch(self, link: paramiko.Transport) -> None:
        """Give up a connection whose other side has fallen silent: TCP alone may not notice for hours."""
        while link.is_active():
            await self._clock.sleep(_ALIVE_EVERY_SECONDS)
            asked = self._in_thread(lambda: _ask_whether_alive(link))
            answered, _ = await asyncio.wait({asked}, timeout=_ALIVE_WITHIN_SECONDS)
            if not answered:
                await self._in_thread(link.close)

    async def _started(self, argv: Sequence[str]) -> paramiko.Channel:
        """Open a channel and start a command on it."""
        channel = await self._opened()
        # The account's login shell reads this line, whichever it is: words in single quotes, no line break.
        command = b" ".join(map(quote, ("env", "LC_ALL=C", *argv)))
        try:
            await self._in_thread(lambda: channel.exec_command(command))
        except (OSError, EOFError, paramiko.SSHException) as error:
            await self._in_thread(channel.close)
            # The request was sent, and only its confirmation did not come.
            raise HostUnreachable(_words(error), started=True) from error
        return channel

    async def _opened(self) -> paramiko.Channel:
        """Open a channel; what sshd refuses for now is tried again."""
        for tries in range(1, _REFUSED_TRIES + 1):
            link = await self._linked()

            def open_one(link: paramiko.Transport = link) -> paramiko.Channel:
                return link.open_session(timeout=_CONNECT_SECONDS)

            try:
                return await self._in_thread(open_one)
            except (OSError, EOFError, paramiko.SSHException) as error:
                if not _is_refused_for_now(error, link) or tries == _REFUSED_TRIES:
                    raise HostUnreachable(_words(error), started=False) from error
                await self._clock.sleep(_REFUSED_PAUSE_SECONDS * tries * (0.5 + self._clock.chance()))
        raise AssertionError("the last try returns or raises")

    async def _end(self, channel: paramiko.Channel, *work: asyncio.Future[bytes]) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):
            await self._in_thread(channel.close)
        # Closed, whatever still reads or writes comes to its end.
        await asyncio.gather(*work, return_exceptions=True)

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work)


def _is_refused_for_now(error: Exception, link: paramiko.Transport) -> bool:
    """Tell whether sshd answered that it has as many sessions as it allows."""
    if isinstance(error, paramiko.ChannelException):
        return bool(error.code == _REFUSED_BY_SERVER)
    # Of channels that are refused at the same time, paramiko gives the reason to one only.
    return str(error) == "Unable to open channel." and bool(link.is_active())


def _log_in(login: Login) -> paramiko.Transport:
    kind, _, text = login.host_key.partition(" ")
    try:
        sock = socket.create_connection((login.host, login.port), timeout=_CONNECT_SECONDS)
    except OSError as error:
        raise HostUnreachable(f"{login.host}:{login.port}: {_words(error)}", started=False) from error
    # Without it every small command waits some 40 ms for the other side's acknowledgement.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link = paramiko.Transport(sock)
    link.daemon = True
    try:
        link.get_security_options().key_types = _KEY_ALGORITHMS.get(kind, (kind,))
        link.start_client(timeout=_CONNECT_SECONDS)
        shown = link.get_remote_server_key()
        if (shown.get_name(), shown.asbytes()) != (kind, b64decode(text)):
            raise HostUnreachable(
                f"{login.host}:{login.port} shows another host key than the pinned one", started=False
            )
        link.auth_publickey(login.account, paramiko.Ed25519Key.from_private_key(StringIO(login.private_key)))
    except paramiko.AuthenticationException as error:
        link.close()
        raise KeyRefused(f"{login} does not take the key", started=False) from error
    except (OSError, EOFError, ValueError, paramiko.SSHException) as error:
        link.close()
        raise HostUnreachable(f"{login.host}:{login.port}: {_words(error)}", started=False) from error
    except HostUnreachable:
        link.close()
        raise
    return link


_KEY_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
"""The signature algorithms of a kind of key, where they have another name (RFC 8332)."""


def _ask_whether_alive(link: paramiko.Transport) -> None:
    """Send what every server answers, at least by saying that it does not know it (RFC 4254, section 4)."""
    with suppress(OSError, EOFError, paramiko.SSHException):
        link.global_request("keepalive@openssh.com", wait=True)


def _feed(channel: paramiko.Channel, data: bytes) -> bytes:
    """Send the whole standard input and its end; who does not read it is not waited for."""
    with suppress(OSError):
        channel.sendall(data)
        channel.shutdown_write()
    return b""


def _whole(receive: Callable[[int], bytes]) -> bytes:
    return b"".join(iter(lambda: receive(_CHUNK), b""))


def _drained(receive: Callable[[int], bytes]) -> bytes:
    while receive(_CHUNK):
        pass
    return b""


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
