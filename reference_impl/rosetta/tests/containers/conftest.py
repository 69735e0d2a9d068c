"""Container runtimes on the facility's hosts, reached over SSH as one of its users; images of our own making."""

from __future__ import annotations

import asyncio
import functools
import http.server
import os
import shlex
import shutil
import ssl
import subprocess
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.clock import SystemClock
from common_compute_connector.protocol import Accepted, Deferred, FacilityConfiguration, Refused
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.connector import PlainHost
from common_compute_rosetta.slurm_host import SlurmHost
from common_compute_rosetta.ssh import Login, SshTransport
from common_compute_rosetta.transport import Finished

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

DOCKER = """\
#!/bin/sh
# Docker's command line, as far as podman takes the same words.
case $1 in
--version) exec echo 'Docker version 28.2.2, build e6534b4' ;;
version) exec echo 28.2.2 ;;
info) exec echo '[name=seccomp,profile=builtin name=rootless]' ;;
esac
XDG_RUNTIME_DIR=/tmp/docker-$(id -u)
export XDG_RUNTIME_DIR STORAGE_DRIVER=overlay
mkdir -p -m 700 "$XDG_RUNTIME_DIR"
exec podman --root=STORE --cgroup-manager=cgroupfs "$@"
"""


class InPath:
    """A transport for commands that find their programs in these places."""

    def __init__(self, transport: SshTransport, path: str) -> None:
        self._transport = transport
        self._before = ["/usr/bin/env", f"PATH={path}"]

    async def run(self, argv: Sequence[str], stdin: bytes = b"", *, deadline_seconds: float) -> Finished:
        return await self._transport.run([*self._before, *argv], stdin, deadline_seconds=deadline_seconds)

    def stream(
        self, argv: Sequence[str], stdin: bytes = b"", *, idle_seconds: float
    ) -> AsyncGenerator[bytes, None]:
        return self._transport.stream([*self._before, *argv], stdin, idle_seconds=idle_seconds)

    async def close(self) -> None:
        await self._transport.close()


def container_house(life_types: Any) -> type:
    """Make the type of a house on the facility's plain host whose jobs run in containers."""

    class ContainerHouse(life_types.house):  # type: ignore[misc]
        def __init__(
            self, facility: dict[str, Any], known: dict[str, str], host: str, user: str, **containers: Any
        ) -> None:
            self.facility = facility
            self.images = known
            self.user = user
            self.clock = SystemClock()
            described = facility["hosts"][host]
            self.opens = PlainHost if described["scheduler"] == "none" else SlurmHost
            key = Path(facility["users"][user]["private_key"]).read_text()
            self.login = Login(described["address"], described["port"], user, described["host_key"], key)
            # The same directory as the host and as this machine know it.
            self.there = f"/home/{user}/test-{self.clock.new_id()}"
            self.outside = Path(described["room"]) / self.there[1:]
            self.root = self.outside / "facility"
            self.settings = {"root": f"{self.there}/facility", "max_running": 2, "kill_grace_seconds": 1}
            self.settings["containers"] = {"probe_image": known["busybox"], **containers}
            self.opened: list[PlainHost | SlurmHost] = []
            self.tools = SYSTEM_PATH
            self.connector = self.reopen()

        def reopen(self, **settings: Any) -> PlainHost | SlurmHost:
            self.settings |= settings
            read = read_settings(FacilityConfiguration("here", "ssh", self.settings), below_home=True)
            transport = InPath(SshTransport(self.login, self.clock), f"{self.there}/bin:{self.tools}")
            self.connector = self.opens(read, transport, self.clock, "test-service", bound_to_host=False)
            self.opened.append(self.connector)
            return self.connector

        @property
        def kept(self) -> Path:
            """Where the host keeps images, as this machine sees it."""
            return self.base / "images"

        @property
        def shelf_of_images(self) -> str:
            """Where the host keeps this account's images."""
            return f"{self.settings['containers']['images']}/{self.user}/test-service"

        @property
        def user_id(self) -> int:
            return int(self.facility["users"][self.user]["uid"])

        def install(self, name: str, text: str) -> None:
            """Put a program before the host's own."""
            file = self.outside / "bin" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)
            for made in (self.outside, file.parent):
                shutil.chown(made, self.user_id)

        async def hide(self, name: str) -> None:
            """Let the host be one that has everything but this program."""
            await self.as_user(
                f"mkdir -p {self.there}/tools && cd {self.there}/tools && for file in /usr/sbin/* /usr/bin/*; do "
                f'[ "${{file##*/}}" = {name} ] || ln -s -f "$file" .; done; '
                # It looks for its own files beside where it is called.
                "rm ch-image; printf '#!/bin/sh\\nexec /usr/bin/ch-image \"$@\"' >ch-image; chmod 755 ch-image"
            )
            self.tools = f"{self.there}/tools"
            self.reopen()

        async def as_user(self, command: str) -> str:
            """Run a command in the user's shell there."""
            finished = await self.opened[0]._transport.run(["sh", "-c", command], deadline_seconds=60)
            return finished.stdout.decode()

        def spec(self, *command: str, image: Any = "busybox", **members: Any) -> dict[str, Any]:
            software = image if isinstance(image, dict) else {"image": self.images.get(image, image)}
            spec = super().spec(*command, **members)
            return {**spec, "software": {"kind": "container", **software}}

        async def answer(self, submission: Any, *, connector: Any = None) -> Accepted | Refused:
            """Hand a part over as often as it is deferred."""
            async with asyncio.timeout(120):
                while True:
                    (answer,) = await (connector or self.connector).submit([submission])
                    if not isinstance(answer, Deferred):
                        return answer
                    await self.clock.sleep(0.1)

        async def submit(self, spec: dict[str, Any], count: int = 1) -> Any:
            submission = self.submission(spec, count=count)
            answer = await self.answer(submission)
            assert isinstance(answer, Accepted), answer
            return life_types.run(spec, replace(submission.part, handle=answer.handle))

        async def refusal(self, image: Any, **members: Any) -> tuple[str, str]:
            """Hand over a part that is refused, and give the reason."""
            answer = await self.answer(self.submission(self.spec("true", image=image, **members)))
            assert isinstance(answer, Refused), answer
            return answer.reason.code, answer.reason.detail or ""

        async def leave(self) -> None:
            """End what is left, remove it as its owner, who alone owns all of it, and close the connections."""
            with suppress(Exception):
                here = shlex.quote(self.there)
                store = f"{here}/facility/test-service/images/podman"
                await self.as_user(
                    f"pkill -KILL -u {self.user_id} -f {here}; export XDG_RUNTIME_DIR=/tmp/common-compute-{self.user_id}; "
                    f"[ ! -d {store} ] || podman --root={store} unshare rm -rf {store}; "
                    f"chmod -R u+rwX {here}; rm -rf {here}"
                )
            for connector in self.opened:
                await connector.close()
            shutil.rmtree(self.outside, ignore_errors=True)

    return ContainerHouse


@pytest.fixture(scope="session")
def images(slurm_facility: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give images by name: the facility's, and beside them `odd`, with a configuration that nobody should trip over.

    `bare` has one program and nothing else, `linked` has a link where runtimes mount something.
    """
    registry = slurm_facility["registry"]
    work = tmp_path_factory.mktemp("images")
    environment = {**os.environ, "SSL_CERT_FILE": registry["ca"]}
    images = dict(slurm_facility["images"])

    def call(*argv: str) -> None:
        done = subprocess.run(argv, cwd=work, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def push(name: str) -> None:
        target = f"{registry['address']}/tests/{name}"
        call("skopeo", "copy", "-q", "--digestfile", "digest", f"oci:{name}:1", f"docker://{target}:latest")
        images[name] = f"{target}@{(work / 'digest').read_text().strip()}"

    call("skopeo", "copy", "-q", f"docker://{images['busybox']}", "oci:odd:1")
    odd = ["PATH=/bin:/odd", "WHO=image", "ODD=a 'b' \"c\" $d \\ %e\nf=ü", "HOME=/root", "EMPTY="]
    config = [word for value in odd for word in ("--config.env", value)]
    call(
        "umoci",
        "config",
        "--image",
        "odd:1",
        *config,
        "--config.entrypoint",
        "/bin/false",
        "--config.workingdir",
        "/mnt",
        "--config.user",
        "1234",
    )
    push("odd")
    for name, links in (("bare", {}), ("linked", {"tmp": "/etc"})):
        root = work / f"{name}.root"
        root.mkdir()
        shutil.copy("/bin/busybox", root / "busybox")
        for link, target in links.items():
            (root / link).symlink_to(target)
        call("tar", "--owner=0", "--group=0", "-C", str(root), "-cf", f"{name}.tar", ".")
        call("umoci", "init", "--layout", name)
        call("umoci", "new", "--image", f"{name}:1")
        call("umoci", "raw", "add-layer", "--image", f"{name}:1", f"{name}.tar")
        call("umoci", "config", "--image", f"{name}:1", "--os", "linux", "--config.cmd", "/busybox")
        push(name)
    return images


@pytest.fixture
def make_house(
    life_types: Any, slurm_facility: dict[str, Any], images: dict[str, str]
) -> Iterator[Callable[..., Any]]:
    """Make houses, and leave nothing behind."""
    houses: list[Any] = []

    def make(user: str = "alice", host: str = "plain", **containers: Any) -> Any:
        settings = {"archive_hosts": ["127.0.0.1"], **containers}
        houses.append(container_house(life_types)(slurm_facility, images, host, user, **settings))
        return houses[-1]

    yield make
    for house in houses:
        asyncio.run(house.leave())


@pytest.fixture(scope="session")
def shelf(slurm_facility: dict[str, Any]) -> Iterator[str]:
    """Give a directory there in which all houses keep their images, so that each is pulled once."""
    name = f"tests-{SystemClock().new_id()}"
    place = Path(slurm_facility["hosts"]["plain"]["room"]) / "srv" / name
    place.mkdir()
    place.chmod(0o1777)
    yield f"/srv/{name}"
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def with_runtime(make_house: Callable[..., Any], shelf: str) -> Callable[..., Any]:
    """Make a house with one runtime."""

    def make(runtime: str, user: str = "alice", **containers: Any) -> Any:
        house = make_house(user, **{"runtimes": [runtime], "images": shelf, **containers})
        if runtime == "docker":
            house.install("docker", DOCKER.replace("STORE", f"{shelf}/docker-{user}"))
        return house

    return make


class Files(http.server.SimpleHTTPRequestHandler):
    """Files over HTTPS, a way to be led elsewhere, and something that does not end."""

    def do_GET(self) -> None:
        if self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(b"x" * 65536)
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def served(
    slurm_facility: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    """Give a directory and the HTTPS address at which its files are: by a certificate that the facility trusts."""
    directory = tmp_path_factory.mktemp("served")
    tls = Path(slurm_facility["registry"]["ca"]).parent
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "registry.crt", tls / "registry.key")
    handler = functools.partial(Files, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield directory, f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def archives(
    slurm_facility: dict[str, Any], images: dict[str, str], served: tuple[Path, str]
) -> dict[str, dict[str, str]]:
    """Give the busybox image as an archive of each format, as `image_archive` of a job."""
    directory, address = served
    environment = {**os.environ, "SSL_CERT_FILE": slurm_facility["registry"]["ca"]}
    made = {}
    for image_format in ("docker-archive", "oci-archive"):
        name = f"busybox.{image_format}.tar"
        target = f"{image_format}:{directory / name}:busybox:1"
        argv = ["skopeo", "copy", "-q", f"docker://{images['busybox']}", target]
        subprocess.run(argv, env=environment, check=True)
        digest = subprocess.run(
            ["sha256sum", directory / name], check=True, capture_output=True, text=True
        ).stdout
        made[image_format] = {"url": f"{address}/{name}", "sha256": digest[:64], "format": image_format}
    return made


@pytest.fixture
def moving_tag(
    slurm_facility: dict[str, Any], images: dict[str, str], request: pytest.FixtureRequest
) -> tuple[str, Callable[[str], None]]:
    """Give a tag in the registry that stands for `busybox`, and a way to let it stand for another image."""
    registry = slurm_facility["registry"]
    name = f"{registry['address']}/tests/moving:{SystemClock().new_id()}"
    environment = {**os.environ, "SSL_CERT_FILE": registry["ca"]}

    def move(image: str) -> None:
        argv = ["skopeo", "copy", "-q", f"docker://{images[image]}", f"docker://{name}"]
        subprocess.run(argv, env=environment, check=True)

    move("busybox")
    return name, move


@pytest.fixture(scope="session")
def strangers_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the certificate of an authority that nobody knows; beside it are the key and certificate that it made."""
    directory = tmp_path_factory.mktemp("stranger")
    (directory / "ext").write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    new = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    subprocess.run(
        f"{new} -x509 -days 2 -subj /CN=stranger -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.crt &&"
        f" {new} -subj /CN=127.0.0.1 -keyout tls.key -out tls.csr &&"
        " openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out tls.crt",
        shell=True,
        cwd=directory,
        check=True,
        capture_output=True,
    )
    return directory / "ca.crt"


@pytest.fixture
def tls_of_a_stranger(strangers_authority: Path) -> Iterator[str]:
    """Give the address of something that speaks TLS by a stranger's certificate, and has no image."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        strangers_authority.with_name("tls.crt"), strangers_authority.with_name("tls.key")
    )
    handler = functools.partial(Files, directory=str(strangers_authority.parent / "nothing"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
