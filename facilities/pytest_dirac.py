"""Fixtures of the DIRAC facility: brought up once per session, and left up, so that the next one is quick."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from served_dirac import GridServer

SCRIPT = Path(__file__).parent / "dirac" / "facility"

# What a program that talks to DIRAC begins with. Its last line is the answer: DIRAC may write others.
_PREAMBLE = """
import json, os, sys, time
import DIRAC
DIRAC.initialize()
DIRAC.gLogger.setLevel("FATAL")
from DIRAC.Core.DISET.ThreadConfig import ThreadConfig
from DIRAC.Interfaces.API.Dirac import Dirac

told = json.loads(sys.argv[1])
arguments = told["arguments"]
if told["act_for"]:
    ThreadConfig().setID(*told["act_for"])
dirac = Dirac(useCertificates=told["with_host_certificate"])

def status(job):
    return dirac.getJobStatus(job)["Value"][job]["Status"]

def wait_for(jobs, *states):
    until = time.monotonic() + 150
    seen = dirac.getJobStatus(jobs)["Value"]
    while not all(each["Status"] in states for each in seen.values()):
        assert time.monotonic() < until, f"not yet in {states}: {seen}"
        time.sleep(0.3)
        seen = dirac.getJobStatus(jobs)["Value"]

def ended(jobs):
    wait_for(jobs, "Done", "Failed", "Killed")

def output(job):
    fetched = dirac.getOutputSandbox(job, outputDir=os.getcwd())
    assert fetched["OK"], fetched["Message"]
    return {name: open(f"{job}/{name}").read() for name in sorted(os.listdir(str(job)))}
"""


class OnGrid(Protocol):
    """Talks to DIRAC as one of its users, by DIRAC's own client."""

    def __call__(
        self, source: str, *arguments: Any, user: str, group: str = "cta_user", by: str | None = None
    ) -> Any:
        """Run Python source in DIRAC's environment, and give what it leaves in `answer`, through JSON.

        The source finds `arguments`, `dirac` (the client's API), `status`, `wait_for`, `ended` and `output`,
        and a directory of its own. By default the user's proxy is shown; with `by` it is the connector's
        certificate, or the proxy of another user, and it is said that this is done for the user.
        """


@pytest.fixture(scope="session")
def dirac_facility() -> dict[str, Any]:
    """Bring the facility up, and give what `facility status dirac --json` tells."""
    up = subprocess.run([SCRIPT, "up"], check=False, stderr=subprocess.PIPE, text=True)
    if up.returncode != 0:
        pytest.fail(f"The facility did not come up:\n{up.stderr}", pytrace=False)
    status = subprocess.run([SCRIPT, "status", "--json"], check=True, stdout=subprocess.PIPE)
    description: dict[str, Any] = json.loads(status.stdout)
    return description


@pytest.fixture
def on_grid(dirac_facility: dict[str, Any], tmp_path: Path) -> OnGrid:
    """Give a way to talk to DIRAC as one of its users."""
    users = dirac_facility["users"]

    def run(source: str, *arguments: Any, user: str, group: str = "cta_user", by: str | None = None) -> Any:
        by_host = by == "connector"
        shown = users[by]["proxies"]["cta_user"] if by in users else users[user]["proxies"].get(group, "")
        told = {
            "arguments": arguments,
            "act_for": (users[user]["dn"], group) if by else None,
            "with_host_certificate": by_host,
        }
        environment = {
            "HOME": str(tmp_path),
            "PATH": "/usr/bin:/bin",
            "DIRAC_ROOT_PATH": dirac_facility["connector"]["root"]
            if by_host
            else dirac_facility["client_root"],
            "DIRAC_NO_CFG": "1",
            **({} if by_host else {"X509_USER_PROXY": shown}),
        }
        done = subprocess.run(
            [
                dirac_facility["interpreter"],
                "-c",
                f"{_PREAMBLE}\n{source}\nprint(json.dumps(answer, default=str))",
                json.dumps(told),
            ],
            check=False,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def grid_server(
    dirac_facility: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GridServer]:
    """Serve DIRAC to two callers, alice and bob there."""
    # Most of those who load these fixtures serve nothing, and may have no command line.
    from served_dirac import served  # noqa: PLC0415

    with served(dirac_facility, tmp_path_factory.mktemp("served-grid")) as serving:
        yield serving
