"""Write what DIRAC is configured with: the configuration server's content, and a root for each role.

    configuration.py SETTINGS     SETTINGS is the file settings.json of the facility

A root is a directory with etc/dirac.cfg, what a process knows before it asks the configuration server:
`master` for that server itself, `server` for the other services, `worker` for the job agent, `client` for a
user with a proxy, and `connector` for who acts for users with a host's certificate.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from diraccfg import CFG
from server_content import (
    COMPUTING_ELEMENT,
    CONFIGURATION,
    DATABASES,
    NAME,
    Section,
    server_content,
    systems_section,
    url_of,
)

# The worker is said to have it, whatever this machine has.
MEBIBYTES_PER_PROCESSOR = 2000


def roots(settings: Section, password: str) -> dict[str, Section]:
    """Give what each role knows by itself, by role."""
    security = f"{settings['directory']}/grid-security"
    hosts = _host_certificate(security, "hostcert.pem", "hostkey.pem")
    connectors = _host_certificate(security, "connector-cert.pem", "connector-key.pem")
    proxy = {"UseServerCertificate": "no"}
    # Without this each download of a sandbox loses seconds in search of the accounting, which is not here.
    alone = {"DisableAccounting": "True"}
    systems = systems_section(settings)
    master = _root(settings, hosts, {"Master": "yes", "Name": NAME})
    master["Systems"] = {"Configuration": systems["Configuration"]}
    server = _root(settings, hosts)
    server["Systems"] = _database_access(settings, password)
    client = _root(settings, proxy)
    client["LocalSite"] = alone
    connector = _root(settings, connectors)
    connector["LocalSite"] = alone
    worker = _root(settings, proxy)
    worker["LocalSite"] = alone | {
        "Site": settings["sites"][0],
        "GridCE": COMPUTING_ELEMENT,
        "CEQueue": "q",
        "LocalCE": "Pool",
        "CPUTimeLeft": "100000000",
        "CPUNormalizationFactor": "10",
        "PilotReference": "pilot-1",
        "SharedArea": f"{settings['directory']}/cvmfs/sw.cta-observatory.org",
    }
    worker["Resources"] = {
        "Computing": {
            "CEDefaults": {
                "NumberOfProcessors": str(settings["processors"]),
                "MaxRAM": str(settings["processors"] * MEBIBYTES_PER_PROCESSOR),
                "VirtualOrganization": settings["vo"],
            }
        }
    }
    return {"master": master, "server": server, "client": client, "connector": connector, "worker": worker}


def _host_certificate(security: str, certificate: str, key: str) -> Section:
    return {
        "UseServerCertificate": "yes",
        "CertFile": f"{security}/{certificate}",
        "KeyFile": f"{security}/{key}",
    }


def _root(settings: Section, security: Section, configuration: Section | None = None) -> Section:
    return {
        "DIRAC": {
            "Hostname": "localhost",
            "VirtualOrganization": settings["vo"],
            "Configuration": {"Servers": url_of(settings, CONFIGURATION), **(configuration or {})},
            "Security": {"Grid-Security": f"{settings['directory']}/grid-security", **security},
        }
    }


def _database_access(settings: Section, password: str) -> Section:
    """Give what only the services know: where the databases are, and the password."""
    ports = settings["ports"]
    access: Section = {
        system: {"Databases": {database: {"DBName": database} for database in databases}}
        for system, databases in DATABASES.items()
    }
    access["Databases"] = {
        "User": "dirac",
        "Password": password,
        "Host": "127.0.0.1",
        "Port": str(ports["mariadbd"]),
    }
    # The stand-in knows no users; DIRAC wants their names all the same.
    access["NoSQLDatabases"] = {
        "User": "nobody",
        "Password": "none",
        "Host": "127.0.0.1",
        "Port": str(ports["opensearch-stand-in"]),
        "SSL": "No",
    }
    return access


def write(path: Path, content: Section, mode: int) -> None:
    """Write a file of DIRAC's format; whoever may not read it never could."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(str(CFG().loadFromDict(content)))
    path.chmod(mode)


def main() -> None:
    """Write all of it into the facility's directory."""
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    directory = Path(settings["directory"])
    password = (directory / "database-password").read_text(encoding="utf-8").strip()
    for role, content in roots(settings, password).items():
        write(directory / "roots" / role / "etc" / "dirac.cfg", content, 0o600 if role == "server" else 0o644)
    write(directory / "roots" / "master" / "etc" / f"{NAME}.cfg", server_content(settings), 0o600)


if __name__ == "__main__":
    main()
