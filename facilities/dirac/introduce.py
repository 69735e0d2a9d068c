"""Tell DIRAC what the configuration cannot: that its sites may be used, and its users' proxies.

    introduce.py SETTINGS     SETTINGS is the file settings.json of the facility

It asks each service whether it answers, and may be run again: what is known already is told anew. The proxies
are written into the facility's directory, one for each user and group, as proxies/USER.GROUP.pem.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import DIRAC
from DIRAC.Core.Base.Client import Client
from DIRAC.Core.Security.X509Chain import X509Chain
from DIRAC.FrameworkSystem.Client.ProxyManagerClient import ProxyManagerClient
from DIRAC.Resources.Catalog.FileCatalog import FileCatalog
from DIRAC.ResourceStatusSystem.Client.ResourceStatusClient import ResourceStatusClient
from DIRAC.WorkloadManagementSystem.Client.PilotManagerClient import PilotManagerClient

PROXY_SECONDS = 14 * 86400
ANSWERS_WITHIN_SECONDS = 30
STORAGE_STATUSES = ("ReadAccess", "WriteAccess", "CheckAccess", "RemoveAccess")


def value_of(answer: dict[str, Any], doing: str) -> Any:
    """Give the value of an answer of DIRAC's, or end with what it complains of."""
    if not answer["OK"]:
        raise SystemExit(f"{doing}: {answer['Message']}")
    return answer.get("Value")


def act_with(proxy: Path) -> None:
    """Call DIRAC with this proxy from now on."""
    os.environ["X509_USER_PROXY"] = str(proxy)


def make_proxies(directory: Path, groups: dict[str, list[str]]) -> dict[str, X509Chain]:
    """Write a proxy for each user and group, and give the certificates that they come from, by user."""
    security, proxies = directory / "grid-security" / "users", directory / "proxies"
    proxies.mkdir(mode=0o700, exist_ok=True)
    chains = {}
    for user, users_groups in groups.items():
        chain = X509Chain()
        value_of(chain.loadChainFromFile(str(security / f"{user}.cert.pem")), f"The certificate of {user}")
        value_of(chain.loadKeyFromFile(str(security / f"{user}.key.pem")), f"The key of {user}")
        for group in users_groups:
            made = chain.generateProxyToFile(
                str(proxies / f"{user}.{group}.pem"), PROXY_SECONDS, diracGroup=group
            )
            value_of(made, f"A proxy of {user} in {group}")
        chains[user] = chain
    return chains


def wait_for_services(services: list[str]) -> None:
    """Return when each service answers."""
    until = time.monotonic() + ANSWERS_WITHIN_SECONDS
    for service in services:
        while True:
            answer = Client(url=service, timeout=10).ping()
            if answer["OK"]:
                break
            if time.monotonic() > until:
                value_of(answer, f"{service} does not answer")
            time.sleep(0.2)


def upload_proxies(directory: Path, chains: dict[str, X509Chain]) -> None:
    """Upload to ProxyManager for each user a proxy without a group, so that jobs can have one of theirs."""
    plain = directory / "proxies" / ".plain.pem"
    for user, chain in chains.items():
        value_of(chain.generateProxyToFile(str(plain), 3600), f"A proxy of {user}")
        act_with(plain)
        value_of(ProxyManagerClient().uploadProxy(chain), f"The upload of a proxy of {user}")
    plain.unlink()


def make_folders(folders: dict[str, str], group: str) -> None:
    """Give users a folder each in the file catalogue, that nobody else can read."""
    catalog = FileCatalog()
    for user, folder in folders.items():
        for doing, answer in (
            ("The folder", catalog.createDirectory(folder)),
            ("The owner", catalog.changePathOwner({folder: user})),
            ("The group", catalog.changePathGroup({folder: group})),
            ("The mode", catalog.changePathMode({folder: 0o700})),
        ):
            failed = value_of(answer, f"{doing} of {folder}")["Failed"]
            if failed:
                raise SystemExit(f"{doing} of {folder}: {failed[folder]}")


def open_sites(sites: list[str], storages: list[str]) -> None:
    """Say that the sites and the storage may be used, without which DIRAC uses none."""
    elements = [("Site", site, "Site", "all") for site in sites]
    elements += [
        ("Resource", name, "StorageElement", status) for name in storages for status in STORAGE_STATUSES
    ]
    elements += [("Resource", name, "ComputingElement", "all") for name in ("loopback", "nowhere")]
    client = ResourceStatusClient()
    for element, name, kind, status_type in elements:
        status = {
            "name": name,
            "statusType": status_type,
            "status": "Active",
            "elementType": kind,
            "reason": "the facility is up",
            "tokenOwner": "rs_svc",
            "vO": "all",
        }
        told = client.addOrModifyStatusElement(element, "Status", **status)
        if not told["OK"]:
            # After an end of the database its first call still goes the way that is no more.
            told = client.addOrModifyStatusElement(element, "Status", **status)
        value_of(told, f"The status of {name}")


def main() -> None:
    """Do all of it, as the administrator, but for the uploads, which are each user's own."""
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    directory = Path(settings["directory"])
    chains = make_proxies(directory, settings["groups"])
    administrator = directory / "proxies" / "admin.dirac_admin.pem"
    act_with(administrator)
    DIRAC.initialize()
    wait_for_services([each for each in settings["ports"] if "/" in each])
    open_sites(settings["sites"], ["ProductionSandboxSE", settings["storage_element"]])
    make_folders(settings["folders"], settings["groups"]["alice"][0])
    pilots = PilotManagerClient()
    if not pilots.getPilotInfo("pilot-1")["OK"]:
        value_of(pilots.addPilotReferences(["pilot-1"], settings["vo"], "DIRAC"), "The worker's pilot")
    upload_proxies(directory, chains)


if __name__ == "__main__":
    main()
