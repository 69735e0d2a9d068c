"""A server in front of the DIRAC facility, for tests of whole jobs as their callers see them.

The fixture `grid_server` of pytest_dirac.py starts it once per session.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from served import PROGRAM, Served, serving

from common_compute_cli.client import Client

ALICE, BOB = "token-of-alice-4711", "token-of-bob-0815"
CALLERS = {ALICE: "alice", BOB: "bob"}
ON_BEHALF, USER, SERVICE = "on-behalf", "user", "service"
"""There is a facility for each delegation, of one and the same DIRAC."""
EQUIPPED = "equipped"
"""That with callers as themselves once more, with containers and with files on the grid."""
SHELL = {"kind": "installed", "name": "posix-shell"}

_SERVICE = """\
[service]
id = "org.example.served-grid"

[store]
url = "sqlite:///{room}/store.sqlite3"
results = "{room}/results"

[access]
kind = "bearer"
tokens_file = "{room}/tokens"
"""
_FACILITY = """
[[facility]]
id = "{id}"
connector = "dirac"
interpreter = "{interpreter}"
configuration_server = "{configuration_server}"
ca_directory = "{ca_directory}"
vo = "{vo}"
group = "cta_user"
heartbeat_seconds = 5
appears_within_seconds = 5
kill_grace_seconds = 1
observe_every_seconds = 1
check_every_seconds = 1
max_cpu_cores = {processors}
{delegation}
"""
_SOFTWARE = """
[[facility.software]]
name = "{name}"
version = "{version}"
default = {default}
setup = "{setup}"
"""
_EQUIPMENT = """
[facility.containers]
runtime = "charliecloud"
images = "{images_area}"
probe_image = "{probe_image}"

[facility.staging]
storage_element = "{storage_element}"
"""


@dataclass
class GridServer(Served):
    """A server in front of DIRAC."""

    room: Path
    grid: Mapping[str, Any]

    def wait_until_valid(self, token: str, facility: str) -> None:
        """Set up a caller's credential, and wait until DIRAC believes that its user is in the group."""
        shown = self.clients[token].put_credential(facility, {})
        for _ in range(900):
            if shown["state"] == "valid":
                return
            threading.Event().wait(0.1)
            shown = self.clients[token].get_credential(facility)
        raise AssertionError(shown)

    def certify(self, facility: str, room: Path, budget: str = "quick") -> dict[str, Any]:
        """Certify one of the facilities with both callers, and give the certificate."""
        mine, theirs = CALLERS
        command = [PROGRAM, "certify", self.url, "--facility", facility, "--out", room, "--budget", budget]
        tokens = ["--token", mine, "--other-token", theirs]
        done = subprocess.run([*command, *tokens], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        certificate: dict[str, Any] = json.loads((room / "certificate.json").read_text())
        return certificate


def job(*command: str, facility: str = ON_BEHALF, **members: Any) -> dict[str, Any]:
    """Give the body of a job in the workers' own shell, or in what the members say."""
    return {"facility_id": facility, "software": SHELL, "command": list(command), **members}


def _configuration(grid: Mapping[str, Any], room: Path) -> str:
    rule = grid["users"]["alice"]["dn"].removesuffix("alice") + "{caller}"
    delegations = {
        ON_BEHALF: {"delegation": "on_behalf", "subject_rule": rule, **_host(grid["connector"])},
        USER: {"delegation": "user", "subject_rule": rule, **_host(grid["fetching_connector"])},
        SERVICE: {"delegation": "service", "proxy": grid["users"]["bob"]["proxies"]["cta_user"]},
    }
    newest = grid["software"][-1]["version"]
    software = "".join(
        _SOFTWARE.format(**each, default=str(each["version"] == newest).lower()) for each in grid["software"]
    )
    delegations[EQUIPPED] = delegations[ON_BEHALF]
    equipment = _EQUIPMENT.format(**grid, probe_image=grid["images"]["busybox"])
    text = _SERVICE.format(room=room)
    for name, members in delegations.items():
        lines = "\n".join(f'{member} = "{value}"' for member, value in members.items())
        text += _FACILITY.format(id=name, delegation=lines, **grid) + software
        text += equipment if name == EQUIPPED else ""
    return text


def _host(connector: Mapping[str, str]) -> dict[str, str]:
    return {name: connector[name] for name in ("certificate", "key")}


@contextmanager
def served(grid: dict[str, Any], room: Path) -> Iterator[GridServer]:
    """Serve DIRAC to two callers, who are its users of the same names."""
    (room / "tokens").touch(mode=0o600)
    (room / "tokens").write_text("".join(f"{token} {owner}\n" for token, owner in CALLERS.items()))
    (room / "serve.toml").write_text(_configuration(grid, room))
    with serving(room / "serve.toml") as url, ExitStack() as stack:
        clients = {token: stack.enter_context(Client(url, token)) for token in CALLERS}
        server = GridServer(url, clients, room, grid)
        for token in CALLERS:
            for facility in (ON_BEHALF, USER, EQUIPPED):
                server.wait_until_valid(token, facility)
        yield server
