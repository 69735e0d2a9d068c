"""What the configuration server tells everybody: services, users and their groups, sites."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from diraccfg import CFG

Section = dict[str, Any]

NAME = "Facility"
# The systems say where the tables of their databases are described.
DATABASES = {
    "DataManagement": ["FileCatalogDB"],
    "Framework": ["ProxyDB"],
    "ResourceStatus": ["ResourceStatusDB", "ResourceManagementDB"],
    "WorkloadManagement": ["JobDB", "JobLoggingDB", "PilotAgentsDB", "SandboxMetadataDB", "TaskQueueDB"],
}
CONFIGURATION = "Configuration/Server"
NOT_DIRAC = {"mariadbd", "opensearch-stand-in"}
COMPUTING_ELEMENT = "loopback"


def shipped_sections() -> dict[str, Section]:
    """Give the sections that DIRAC ships, by system: above all, who may do what at each service."""
    package = find_spec("DIRAC")
    if package is None or package.submodule_search_locations is None:
        raise SystemExit("configuration.py: DIRAC is not installed beside this Python")
    found = {}
    for system in [*DATABASES, "Configuration"]:
        template = CFG()
        template.loadFromFile(f"{package.submodule_search_locations[0]}/{system}System/ConfigTemplate.cfg")
        found[system] = template.getAsDict()
    return found


def server_content(settings: Section) -> Section:
    """Give what the configuration server tells everybody."""
    return {
        "DIRAC": {
            "Configuration": {
                "Name": NAME,
                "Version": "2026-01-01 00:00:00.000000",
                "MasterServer": url_of(settings, CONFIGURATION),
            },
            "VirtualOrganization": settings["vo"],
        },
        "Systems": systems_section(settings),
        "Registry": _registry(settings),
        "Resources": _resources(settings),
        "Operations": _operations(),
        # All of the organisation stays with the services that speak DIRAC's own protocol.
        "DiracX": {"DisabledVOs": settings["vo"]},
    }


def url_of(settings: Section, service: str) -> str:
    """Give a service's address."""
    return f"dips://localhost:{settings['ports'][service]}/{service}"


def systems_section(settings: Section) -> Section:
    """Give the services as DIRAC ships them, but for their addresses, and for what would make tests wait."""
    shipped = shipped_sections()
    systems: Section = {}
    for each, port in settings["ports"].items():
        if each in NOT_DIRAC:
            continue
        system, service = each.split("/")
        section = systems.setdefault(system, {"Services": {}, "URLs": {}})
        section["Services"][service] = {**shipped[system]["Services"][service], "Port": str(port)}
        section["URLs"][service] = url_of(settings, each)
    # The shipped handler is that of Tornado, which these services do without.
    systems["Configuration"]["Services"]["Server"]["HandlerPath"] = (
        "DIRAC/ConfigurationSystem/Service/ConfigurationHandler.py"
    )
    workload = systems["WorkloadManagement"]
    workload["Services"]["JobManager"]["MaxParametricJobs"] = "100"
    workload["Services"]["SandboxStore"]["BasePath"] = f"{settings['directory']}/data/sandboxes"
    workload["Services"]["OptimizationMind"]["LoadJobPeriod"] = "60"
    storage = systems["DataManagement"]["Services"]
    storage["StorageElement"]["BasePath"] = f"{settings['directory']}/data/files"
    # A folder is its owner's. As shipped, everybody may do everything, and read at least.
    storage["FileCatalog"] |= {
        "SecurityManager": "DirectorySecurityManagerWithDelete",
        "GlobalReadAccess": "False",
        "DefaultUmask": str(0o700),
    }
    workload["Executors"] = {
        **shipped["WorkloadManagement"]["Executors"],
        "JobScheduling": {"HoldTime": "10"},
    }
    workload["Agents"] = {"JobAgent": _job_agent(settings)}
    # A running job hears that it is to end with its next heartbeat, which by default is half an hour away.
    workload["JobWrapper"] = {
        "MinOutputDataBufferGB": "0",
        "PollingTime": "1",
        "CheckingTime": "3",
        "MinCheckingTime": "3",
    }
    return systems


def _job_agent(settings: Section) -> Section:
    """Give the agent's settings: it asks for a job every second, and never gives up.

    An agent that has given up takes no job before all that it has have ended.
    """
    return {
        "PollingTime": "1",
        "MaxCycles": "0",
        "SubmissionDelay": "0",
        "StopAfterFailedMatches": str(10**9),
        "StopAfterHostFailures": str(10**9),
        "StopOnApplicationFailure": "no",
        "FillingModeFlag": "yes",
        "MinimumTimeLeft": "100",
        "JobWrapperTemplate": f"{settings['directory']}/programs/job_wrapper.py",
    }


def _registry(settings: Section) -> Section:
    prefix, vo = settings["dn_prefix"], settings["vo"]
    members: dict[str, list[str]] = {}
    for user, groups in settings["groups"].items():
        for group in groups:
            members.setdefault(group, []).append(user)
    user_of_grid = "NormalUser, PrivateLimitedDelegation"
    administrator = (
        "NormalUser, JobAdministrator, CSAdministrator, ServiceAdministrator, Operator, ProxyManagement, "
        "SiteManager, FullDelegation, FileCatalogManagement"
    )
    properties = {"dirac_admin": administrator, "cta_pilot": "GenericPilot, LimitedDelegation"}
    return {
        "DefaultGroup": "cta_user",
        "DefaultProxyTime": "86400",
        "VO": {vo: {"VOAdmin": "admin"}},
        "Users": {
            user: {
                "DN": prefix + user,
                "CA": prefix.removesuffix("CN=") + "CN=Authority",
                "Email": f"{user}@example.org",
            }
            for user in settings["groups"]
        },
        "Groups": {
            group: {
                "Users": ", ".join(users),
                "Properties": properties.get(group, user_of_grid),
                "VO": vo,
                "AutoUploadProxy": "True",
            }
            for group, users in members.items()
        },
        "Hosts": {
            "localhost": {
                "DN": f"{prefix}localhost",
                "Properties": "TrustedHost, CSAdministrator, JobAdministrator, FullDelegation, "
                "ProxyManagement, Operator, SiteManager",
            },
            "connector": {"DN": f"{prefix}connector", "Properties": "TrustedHost"},
            "fetching-connector": {
                "DN": f"{prefix}fetching-connector",
                "Properties": "TrustedHost, FullDelegation",
            },
        },
    }


def _resources(settings: Section) -> Section:
    queue = {"q": {"maxCPUTime": "200000", "SI00": "2400"}}
    element = {COMPUTING_ELEMENT: {"CEType": "InProcess", "Queues": queue}}
    nowhere = {"nowhere": {"CEType": "InProcess", "Queues": queue}}
    worked, idle = settings["sites"]
    return {
        "Sites": {
            "LCG": {
                worked: {"CE": COMPUTING_ELEMENT, "CEs": element},
                idle: {"CE": "nowhere", "CEs": nowhere},
            }
        },
        "StorageElements": {
            "ProductionSandboxSE": {
                "BackendType": "DISET",
                "AccessProtocol": "dips",
                "DIP": {
                    "Host": "localhost",
                    "Port": str(settings["ports"]["WorkloadManagement/SandboxStore"]),
                    "Protocol": "dips",
                    "Path": "/WorkloadManagement/SandboxStore",
                    "Access": "remote",
                },
            },
            settings["storage_element"]: {
                "BackendType": "DISET",
                "DIP": {
                    "PluginName": "DIP",
                    "Protocol": "dips",
                    "Host": "localhost",
                    "Port": str(settings["ports"]["DataManagement/StorageElement"]),
                    "Path": "/DataManagement/StorageElement",
                    "Access": "remote",
                },
            },
        },
        "FileCatalogs": {"FileCatalog": {"AccessType": "Read-Write", "Status": "Active", "Master": "True"}},
    }


def _operations() -> Section:
    storage = "ReadAccess, WriteAccess, CheckAccess, RemoveAccess"
    return {
        "Defaults": {
            "EMail": {"Production": "root@example.org", "Logging": "root@example.org"},
            "Pilot": {"CheckVersion": "False"},
            "ResourceStatus": {
                "Config": {
                    "Cache": "60",
                    "State": "Active",
                    "FromAddress": "root@example.org",
                    "StatusTypes": {"default": "all", "StorageElement": storage},
                }
            },
            "Services": {"Catalogs": {"FileCatalog": {"Status": "Active"}}},
            "DataManagement": {f"{each}Protocols": "dips" for each in ("Access", "Write", "Registration")},
        }
    }
