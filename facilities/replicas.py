"""Replicas of one server behind a real nginx, as `deploy/replicas/` has them."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
SITE = ROOT / "deploy" / "replicas" / "nginx.conf"
PROGRAM = Path(sys.executable).with_name("common-compute")
_PATIENCE_SECONDS = 60

_NGINX = """
{user}
daemon off;
worker_processes 1;
pid {room}/nginx.pid;
error_log {room}/nginx.log info;
events {{ worker_connections 512; }}
http {{
    access_log {room}/access.log;
    client_body_temp_path {room}/body;
    proxy_temp_path {room}/proxy;
    fastcgi_temp_path {room}/fastcgi;
    uwsgi_temp_path {room}/uwsgi;
    scgi_temp_path {room}/scgi;
    include {room}/site.conf;
}}
"""


class Replica:
    """One server process after another on one port."""

    def __init__(self, configuration: Path, name: str) -> None:
        self._configuration = configuration
        self._log = configuration.with_name(f"{name}.log")
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a process, and wait until it says that it is ready."""
        serve = [PROGRAM, "serve", "--config", self._configuration, "--port", str(self.port), "--json"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=log)
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), self.words()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and give the exit code."""
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.send_signal(number)
        code = self._process.wait(_PATIENCE_SECONDS)
        self._process.stdout.close()
        self._process = None
        return code

    def words(self) -> str:
        """Give the end of the log."""
        return self._log.read_text(encoding="utf-8")[-3000:]

    def close(self) -> None:
        """End what still runs."""
        if self._process is not None:
            self.end(signal.SIGKILL)


def free_port() -> int:
    """Give a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def behind_nginx(ports: list[int], room: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Run nginx with the site of `deploy/`, on other ports; give its address and whom to trust."""
    port = free_port()
    certificate, key = room / "certificate.pem", room / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    site = SITE.read_text(encoding="utf-8")
    for written, here in {
        "server 127.0.0.1:8001 ": f"server 127.0.0.1:{ports[0]} ",
        "server 127.0.0.1:8002 ": f"server 127.0.0.1:{ports[1]} ",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/ssl/certs/compute.example.org.pem": str(certificate),
        "/etc/ssl/private/compute.example.org.key": str(key),
    }.items():
        assert site.count(written) == 1, written
        site = site.replace(written, here)
    (room / "site.conf").write_text(site, encoding="utf-8")
    user = "user root;" if os.getuid() == 0 else ""
    (room / "nginx.conf").write_text(_NGINX.format(room=room, user=user), encoding="utf-8")
    command = [
        "/usr/sbin/nginx",
        "-p",
        str(room),
        "-e",
        str(room / "nginx.log"),
        "-c",
        str(room / "nginx.conf"),
    ]
    process = subprocess.Popen(command)
    try:
        url = f"https://127.0.0.1:{port}"
        trust = ssl.create_default_context(cafile=certificate)
        _wait_until_it_answers(url, trust, room / "nginx.log")
        yield url, trust
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_PATIENCE_SECONDS)


def _wait_until_it_answers(url: str, trust: ssl.SSLContext, log: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            httpx.get(f"{url}/v1/health", verify=trust, timeout=5)
        except httpx.TransportError:
            assert time.monotonic() < until, log.read_text(encoding="utf-8")[-3000:]
            time.sleep(0.05)
        else:
            return
