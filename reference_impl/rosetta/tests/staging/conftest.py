"""A server of files over HTTPS with all its moods, and plain hosts whose jobs take files from there."""

from __future__ import annotations

import asyncio
import base64
import http.server
import os
import shutil
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from common_compute_connector.clock import SystemClock
from common_compute_connector.plan import output_rules
from common_compute_connector.protocol import (
    Accepted,
    Collected,
    Deferred,
    EndedTask,
    FacilityConfiguration,
    LogBytes,
    ResultSent,
)
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.connector import PlainHost
from common_compute_rosetta.slurm_host import SlurmHost
from common_compute_rosetta.ssh import Login, SshTransport


@dataclass
class Files:
    """What a server has, what it was asked for, and what it was sent; `held` lets its answers wait."""

    address: str = ""
    elsewhere: str = ""
    ca: Path = Path()
    content: dict[str, bytes] = field(default_factory=dict)
    put: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    held: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"{self.address}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    """The first segment of a path says in which mood it is answered; the last ones name the file."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        files: Files = self.server.files  # type: ignore[attr-defined]
        files.asked.append((self.command, self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        mood, _, rest = path[1:].partition("/")
        files.seen[path] += 1
        answer = getattr(self, f"in_{mood}", None)
        if answer is None:
            self.send_error(404)
        else:
            with suppress(OSError):
                answer(files, rest, files.seen[path])

    def do_PUT(self) -> None:
        files: Files = self.server.files  # type: ignore[attr-defined]
        mood, _, rest = self.path.partition("?")[0][1:].partition("/")
        if mood == "files":
            body = self.rfile.read(int(self.headers["Content-Length"]))
            files.put[rest] = body
            files.asked.append((self.command, self.path, dict(self.headers)))
            self.give(b"", 201)
        else:
            self.close_connection = True
            self.do_GET()

    def give(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def in_files(self, files: Files, name: str, times: int) -> None:
        if name in files.content:
            self.give(files.content[name])
        else:
            self.send_error(404)

    def in_cut(self, files: Files, name: str, times: int) -> None:
        """Break off in the middle, the first time."""
        body = files.content[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if times > 1 else body[: len(body) // 2])
        self.close_connection = True

    def in_parts(self, files: Files, name: str, times: int) -> None:
        """Give a little more than a quarter of the file and break off, as often as it takes; be busy every third time.

        Where the file is called `changed` it is another one from the second time on.
        """
        changed = name == "changed" and times > 1
        body, tag = files.content["other" if changed else name], f'"{changed}"'
        if times % 3 == 0 and not changed:
            self.send_error(503)
            return
        start = 0
        if self.headers.get("Range") and self.headers.get("If-Range") in (None, tag):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.send_header("ETag", tag)
        self.end_headers()
        given = body[start:] if changed else body[start : start + len(body) // 4 + 1]
        files.sent += len(given)
        self.wfile.write(given)
        self.close_connection = True

    def in_endless(self, files: Files, name: str, times: int) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(b"x" * 65536)

    def in_unsaid(self, files: Files, name: str, times: int) -> None:
        """Give a file without telling its length."""
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        self.wfile.write(files.content[name])

    def in_huge(self, files: Files, name: str, times: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(10**12))
        self.end_headers()
        self.close_connection = True

    def in_held(self, files: Files, name: str, times: int) -> None:
        """Give the first half, and the rest when the test lets go."""
        body = files.content[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        files.held.wait(60)
        self.wfile.write(body[len(body) // 2 :])

    def in_status(self, files: Files, name: str, times: int) -> None:
        """Answer with the status that the path names, as often as it says, and then with a file."""
        status, _, rest = name.partition("/")
        most, _, name = rest.partition("/")
        if times <= int(most):
            self.send_error(int(status))
        else:
            self.give(files.content[name])

    def in_to(self, files: Files, target: str, times: int) -> None:
        """Lead elsewhere."""
        self.send_response(307)
        self.send_header("Location", base64.urlsafe_b64decode(target).decode())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def in_round(self, files: Files, name: str, times: int) -> None:
        self.send_response(302)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def in_private(self, files: Files, name: str, times: int) -> None:
        """Give a file to who knows the password."""
        wanted = "Basic " + base64.b64encode(b'us er:pa$$:w\\rd"').decode()
        if self.headers.get("Authorization") != wanted:
            self.send_error(401)
        else:
            self.give(files.content[name])

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def leading_to() -> Callable[[str], str]:
    """Give the path that leads to a URL."""
    return lambda url: "/to/" + base64.urlsafe_b64encode(url.encode()).decode()


@pytest.fixture(scope="session")
def processes() -> Callable[[], list[str]]:
    """Give what everybody can read of every process but this one: its arguments."""

    def look() -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if int(process.name) != os.getpid():
                    found.append(
                        (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    )
        return found

    return look


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory of an authority of the tests' own and a certificate of 127.0.0.1."""
    room = tmp_path_factory.mktemp("authority")
    now = datetime.now(UTC)

    def certify(subject: str, key: Any, issuer: str, signer: Any, *extensions: Any) -> x509.Certificate:
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )
        for extension, critical in extensions:
            made = made.add_extension(extension, critical)
        return made.sign(signer, hashes.SHA256())

    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = certify(
        "tests", authority, "tests", authority, (x509.BasicConstraints(ca=True, path_length=0), True)
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
    leaf = certify("127.0.0.1", own, "tests", authority, (names, False))
    stranger = certify(
        "stranger", own, "stranger", own, (x509.BasicConstraints(ca=True, path_length=0), True)
    )
    (room / "ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
    (room / "stranger.pem").write_bytes(stranger.public_bytes(Encoding.PEM))
    (room / "tls.pem").write_bytes(
        own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + leaf.public_bytes(Encoding.PEM)
    )
    return room


@pytest.fixture
def files(certificates: Path) -> Iterator[Files]:
    """Serve files over HTTPS, and the same ones over plain HTTP at `elsewhere`."""
    files = Files(ca=certificates / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "tls.pem")

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> Any:
            connection, address = super().get_request()
            # The handshake belongs to the connection's own thread: one that hangs holds nobody else up.
            if self is secure:
                connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            return connection, address

        def handle_error(self, *_: Any) -> None:
            """Let clients go away."""

    secure = Quiet(("127.0.0.1", 0), Handler)
    plain = Quiet(("127.0.0.1", 0), Handler)
    files.address = f"https://127.0.0.1:{secure.server_port}"
    files.elsewhere = f"http://127.0.0.1:{plain.server_port}"
    for server in (secure, plain):
        server.files = files  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield files
    files.held.set()
    for server in (secure, plain):
        server.shutdown()
        server.server_close()


def staging_house(types: Any) -> type:
    """Make the type of a house whose jobs take files from elsewhere and send some there."""

    class StagingHouse(types.house):  # type: ignore[misc]
        login: Any = None

        def reopen(self, **settings: Any) -> PlainHost:
            self.settings |= settings
            if self.login is None:
                return super().reopen()  # type: ignore[no-any-return]
            read = read_settings(FacilityConfiguration("here", "ssh", self.settings), below_home=True)
            transport = SshTransport(self.login, self.clock)
            self.connector = PlainHost(read, transport, self.clock, "test-service", bound_to_host=False)
            return self.connector

        async def answer(self, submission: Any) -> Any:
            """Hand a part over as often as it is deferred."""
            async with asyncio.timeout(60):
                while True:
                    (answer,) = await self.connector.submit([submission])
                    if not isinstance(answer, Deferred):
                        return answer
                    await self.clock.sleep(0.05)

        async def submit(self, spec: dict[str, Any], count: int = 1) -> Any:
            submission = self.submission(spec, count=count)
            answer = await self.answer(submission)
            assert isinstance(answer, Accepted), answer
            return types.run(spec, replace(submission.part, handle=answer.handle))

        async def refusal(self, spec: dict[str, Any], count: int = 1) -> tuple[str, str]:
            """Hand over a part that is refused, and give the reason."""
            answer = await self.answer(self.submission(spec, count=count))
            assert not isinstance(answer, Accepted), answer
            return answer.reason.code, answer.reason.detail

        def fetching(self, *urls: str, command: str = "cat in.*", **members: Any) -> dict[str, Any]:
            """Give a job whose inputs are `in.0` and so on, which a shell works on."""
            inputs = [
                {"path": f"in.{n}", "source": {"kind": "url", "url": url}} for n, url in enumerate(urls)
            ]
            return self.spec("sh", "-c", command, inputs=inputs, **members)

        async def collect(self, run: Any) -> Any:
            """Collect until every task has come home."""
            run.sent = {}
            async with asyncio.timeout(60):
                while left := [index for index in run.part.indices if index not in run.lost]:
                    ended = [EndedTask(run.part, index, output_rules(run.spec, index)) for index in left]
                    async for item in self.connector.collect(ended):
                        if isinstance(item, Collected):
                            run.lost[item.index] = item.lost
                        elif isinstance(item, ResultSent):
                            run.sent[item.index, item.path] = item
                        else:
                            content = b"".join([chunk async for chunk in item.chunks])
                            kind = run.logs if isinstance(item, LogBytes) else run.results
                            name = item.stream if isinstance(item, LogBytes) else item.path
                            kind[item.index, name] = content
                    await self.clock.sleep(0.05)
            return run

        def staged(self, run_or_key: Any) -> Path:
            key = getattr(run_or_key, "part", run_or_key).key
            return self.base / "staged" / f"{key.job_id}.{key.number}"

    return StagingHouse


@pytest.fixture
def make_house(life_types: Any, tmp_path: Path, files: Files) -> Iterator[Callable[..., Any]]:
    """Make a house that may take files from the server of the tests."""
    made: list[Any] = []
    kind = staging_house(life_types)

    def make(login: Any = None, storage: Any = (), **staging: Any) -> Any:
        kind.login = login
        settings = {"hosts": ["127.0.0.1"], "ca_file": str(files.ca), **staging}
        house = kind(tmp_path / f"facility{len(made)}", staging=settings, storage=list(storage))
        made.append(house)
        return house

    yield make
    files.held.set()
    for house in made:
        asyncio.run(house.connector.close())
        life_types.end_processes_below(house.root)


@pytest.fixture
def slurm_house(life_types: Any, slurm_facility: dict[str, Any], files: Files) -> Iterator[Any]:
    """Give an account on the facility's cluster whose jobs may take files from the server of the tests."""
    described, user = slurm_facility["hosts"]["cluster"], "carol"
    key = Path(slurm_facility["users"][user]["private_key"]).read_text()
    login = Login(described["address"], described["port"], user, described["host_key"], key)

    class SlurmHouse(staging_house(life_types)):  # type: ignore[misc]
        def __init__(self) -> None:
            self.clock = SystemClock()
            # The same directories as the host and as this machine know them.
            there = f"/home/{user}/test-{self.clock.new_id()}"
            self.outside = Path(described["room"]) / there[1:]
            self.root = self.outside / "facility"
            self.settings = {
                "root": f"{there}/facility",
                "staging": {"hosts": ["127.0.0.1"], "ca_file": str(files.ca)},
                "storage": [{"name": "data", "path": f"{there}/data"}],
            }
            self.connector = self.reopen()

        def reopen(self) -> SlurmHost:
            read = read_settings(FacilityConfiguration("here", "ssh", self.settings), below_home=True)
            transport = SshTransport(login, self.clock)
            return SlurmHost(read, transport, self.clock, "test-service", bound_to_host=False)

        def store(self, name: str, content: bytes) -> None:
            """Put a file into the storage."""
            data = self.outside / "data"
            data.mkdir(parents=True, exist_ok=True)
            (data / name).write_bytes(content)
            owner = (Path(described["room"]) / "home" / user).stat()
            for made in (self.outside, data, data / name):
                os.chown(made, owner.st_uid, owner.st_gid)

        async def leave(self) -> None:
            ids = [path.read_text().strip() for path in self.base.glob("parts/*/native")]
            if ids:
                await self.connector._transport.run(["scancel", *ids], deadline_seconds=60)
            await self.connector.close()
            shutil.rmtree(self.outside, ignore_errors=True)

    house = SlurmHouse()
    yield house
    files.held.set()
    asyncio.run(house.leave())


@pytest.fixture(params=["internal", pytest.param("ssh", marks=pytest.mark.needs("sshd"))])
def house(request: pytest.FixtureRequest, make_house: Callable[..., Any]) -> Any:
    """Give a plain host, on this machine and over SSH."""
    login = request.getfixturevalue("daemon").login if request.param == "ssh" else None
    return make_house(login)
