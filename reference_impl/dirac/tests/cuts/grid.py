"""The DIRAC that submissions are cut on, as the facility's description tells, and the tables of its ways.

A way is a facility of its own. Its DIRAC client reads a configuration in which the services that a submission
goes to are at the ports of proxies.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICES = {"sandbox": "WorkloadManagement/SandboxStore", "manager": "WorkloadManagement/JobManager"}
"""What a submission goes to, by the names of points."""

_FACILITY = """
[[facility]]
id = "{way}"
connector = "dirac"
interpreter = "{interpreter}"
configuration_server = "{configuration_server}"
ca_directory = "{ca_directory}"
vo = "{vo}"
group = "cta_user"
delegation = "service"
certificate = "{certificate}"
key = "{key}"
subject = "{subject}"
sites = ["{site}"]
heartbeat_seconds = 5
appears_within_seconds = 10
kill_grace_seconds = 1
observe_every_seconds = 1
call_seconds = 20
"""
_INTERPRETER = """\
#!/bin/sh
# DIRAC's client, by the proxies of one way.
echo $$ >{room}/{way}.pid
cp {room}/{way}.cfg "$HOME/.dirac.cfg"
exec {interpreter} "$@"
"""


@dataclass(frozen=True)
class Grid:
    """What `facility status dirac --json` tells."""

    told: Mapping[str, Any]

    def port(self, place: str) -> int:
        """Give the port of a service."""
        return int(self.told["ports"][SERVICES[place]])

    def table(self, room: Path, way: str, ports: Mapping[str, int]) -> str:
        """Configure the facility of a way, whose proxies listen at these ports."""
        told = self.told
        interpreter = room / f"{way}.sh"
        program = _INTERPRETER.format(room=room, way=way, interpreter=told["interpreter"])
        interpreter.write_text(program, encoding="utf-8")
        interpreter.chmod(0o755)
        (room / f"{way}.cfg").write_text(_urls(ports), encoding="utf-8")
        return _FACILITY.format(
            way=way,
            interpreter=interpreter,
            certificate=told["connector"]["certificate"],
            key=told["connector"]["key"],
            subject=told["users"]["alice"]["dn"],
            site=told["sites"]["with_a_worker"],
            **{name: told[name] for name in ("configuration_server", "ca_directory", "vo")},
        )


def kill_client(room: Path, way: str) -> None:
    """Do as `kill -9` does to a way's process that talks to DIRAC."""
    os.kill(int((room / f"{way}.pid").read_text()), signal.SIGKILL)


def _urls(ports: Mapping[str, int]) -> str:
    """Write in DIRAC's own form where services are."""
    lines = "".join(
        f"      {SERVICES[place].partition('/')[2]} = dips://localhost:{port}/{SERVICES[place]}\n"
        for place, port in ports.items()
    )
    return f"Systems\n{{\n  WorkloadManagement\n  {{\n    URLs\n    {{\n{lines}    }}\n  }}\n}}\n"
