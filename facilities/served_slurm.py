"""A server in front of the Slurm facility's cluster, for tests of whole jobs as their callers see them.

The fixture `server` of pytest_slurm.py starts it once per session.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from served import Served, serving

from common_compute_cli.client import Client

ANNA, CORA = "token-of-anna-4711", "token-of-cora-0815"
ACCOUNTS = {ANNA: "alice", CORA: "carol"}
RUNTIMES = ("charliecloud", "podman", "bubblewrap")
"""There is a facility for each, called by its name; at the first one both callers are let in."""
SHELL = {"kind": "installed", "name": "posix-shell"}

_SERVICE = """\
[service]
id = "org.example.served"

[store]
url = "sqlite:///{room}/store.sqlite3"
results = "{room}/results"

[access]
kind = "bearer"
tokens_file = "{room}/tokens"
"""
_FACILITY = """
[[facility]]
id = "{runtime}"
connector = "ssh"
host = "{address}"
port = {port}
host_key = "{host_key}"
root = ".served-{runtime}"
secret_file = "{room}/secret"
check_every_seconds = 1

[facility.slurm]
observe_every_seconds = 1

[facility.containers]
runtimes = ["{runtime}"]
registries = ["{registry}"]
ca_file = "{authority}"
probe_image = "{image}"

[[facility.software]]
name = "built-for-arm"
version = "1"
architectures = ["arm64"]
"""
_SOFTWARE = """
[[facility.software]]
name = "{name}"
version = "{version}"
setup = ". {setup}"
"""


@dataclass
class Server(Served):
    """A server in front of the cluster."""

    facility: Mapping[str, Any]
    homes: Path

    @property
    def image(self) -> str:
        """The image that the facility's registry has, by its digest."""
        return str(self.facility["images"]["busybox"])

    def let_in(self, token: str, runtime: str = RUNTIMES[0]) -> None:
        """Do for a caller what the facility's instructions ask, and wait until it is known to work."""
        client, account = self.clients[token], ACCOUNTS[token]
        shown = client.put_credential(runtime, {"account": account})
        with (self.homes / account / ".ssh" / "authorized_keys").open("a", encoding="utf-8") as keys:
            keys.write(shown["instructions"].partition("this line: ")[2] + "\n")
        for _ in range(300):
            state = client.get_credential(runtime)["state"]
            # With the first login that works the facility is asked what it has.
            if state == "valid" and "container" in client.get_facility(runtime)["conforms_to"]:
                return
            threading.Event().wait(0.1)
        raise AssertionError(f"{client.get_credential(runtime)} {client.get_facility(runtime)}")


def job(*command: str, facility: str = RUNTIMES[0], **members: Any) -> dict[str, Any]:
    """Give the body of a job in the cluster's own shell, or in what the members say."""
    return {"facility_id": facility, "software": SHELL, "command": list(command), **members}


def _configuration(facility: Mapping[str, Any], room: Path) -> str:
    host, registry = facility["hosts"]["cluster"], facility["registry"]
    values = {"room": room, "registry": registry["address"], "authority": registry["ca"]}
    values |= {name: host[name] for name in ("address", "port", "host_key")}
    values["image"] = facility["images"]["busybox"]
    software = "".join(_SOFTWARE.format(**each) for each in facility["software"])
    facilities = [_FACILITY.format(runtime=runtime, **values) + software for runtime in RUNTIMES]
    return _SERVICE.format(room=room) + "".join(facilities)


@contextmanager
def served(facility: dict[str, Any], room: Path) -> Iterator[Server]:
    """Serve the cluster to two callers with accounts of their own there, and leave nothing behind."""
    tokens = "".join(f"{token} {token.split('-')[2]}\n" for token in ACCOUNTS)
    for name, text in (("secret", "k" * 44), ("tokens", tokens)):
        (room / name).touch(mode=0o600)
        (room / name).write_text(text)
    (room / "serve.toml").write_text(_configuration(facility, room))
    homes = Path(facility["hosts"]["cluster"]["room"]) / "home"
    keys = [homes / account / ".ssh" / "authorized_keys" for account in ACCOUNTS.values()]
    before = [file.read_text() for file in keys]
    try:
        with serving(room / "serve.toml") as url, ExitStack() as stack:
            clients = {token: stack.enter_context(Client(url, token)) for token in ACCOUNTS}
            server = Server(url, clients, facility, homes)
            for token in ACCOUNTS:
                server.let_in(token)
            yield server
    finally:
        for file, text in zip(keys, before, strict=True):
            file.write_text(text)
        for account in ACCOUNTS.values():
            for runtime in RUNTIMES:
                shutil.rmtree(homes / account / f".served-{runtime}", ignore_errors=True)
