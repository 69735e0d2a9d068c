"""Talk to DIRAC for another process: a line on the standard input is a request, one on the output an answer.

    PYTHON -P start_client.py SETTINGS     PYTHON has DIRAC; SETTINGS is JSON, see `Settings`

The only module that imports DIRAC. It runs in DIRAC's own environment, where our libraries are not; what it
imports of ours imports none of them. The first line is `{"ready": true, "version"}`, or, where DIRAC cannot
be reached, `{"ready": false, "error"}` and the end. Then each request

    {"id": 1, "call": "status", "arguments": {"jobs": [1, 2]}, "as": {"dn": "/O=...", "group": "..."} or null}

is answered in its turn by `{"id": 1, "ok": true, "value"}` or `{"id": 1, "ok": false, "error"}`. An error has
`kind`, `words`, and `errno`, DIRAC's own number. The kinds: `refused`, DIRAC says no; `unauthorized`, it does
so to whoever asks; `not-a-member`, the user to act for is not in the group; `no-proxy`, DIRAC gives none of
that user's; `too-large`, so is what was asked for; `unreachable`, nothing was done; `interrupted`, nobody
knows whether anything was done; `bad-request` and `failed`, the fault is here.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

import DIRAC
from DIRAC import gConfig
from DIRAC.ConfigurationSystem.Client.ConfigurationClient import ConfigurationClient
from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData
from DIRAC.ConfigurationSystem.Client.Helpers import Registry, Resources
from DIRAC.Core.DISET.ThreadConfig import ThreadConfig
from DIRAC.Core.Utilities.ReturnValues import SErrorException
from DIRAC.FrameworkSystem.Client.ProxyManagerClient import ProxyManagerClient
from DIRAC.Resources.Catalog.FileCatalog import FileCatalog
from DIRAC.WorkloadManagementSystem.Client.JobManagerClient import JobManagerClient
from DIRAC.WorkloadManagementSystem.Client.JobMonitoringClient import JobMonitoringClient
from DIRAC.WorkloadManagementSystem.Client.SandboxStoreClient import SandboxStoreClient

from common_compute_dirac.answers import Failed, Json, plain, value_of
from common_compute_dirac.input_sandbox import with_sandbox, write_files

CALLS = (
    *("upload", "submit", "confirm", "find", "status", "kill", "delete", "output_sandbox"),
    *("describe", "proxies", "whoami"),
)
_REFUSED_JOBS = ("NonauthorizedJobIDs", "InvalidJobIDs", "FailedJobIDs")
_STATE = ("Status", "MinorStatus", "ApplicationStatus", "Site", "RescheduleCounter")
_NAMES = ("JobName", "JobGroup", "Owner")
_SHOW_HOST = "/DIRAC/Security/UseServerCertificate"
_PROXY_LASTS_SECONDS = (3600, 300)
"""For how long a proxy is asked for; if the one that was uploaded ends before, then for less."""
_PROXY_LEFT_SECONDS = 150
"""A proxy that has less left is fetched anew: longer than a call may take."""


class Settings(TypedDict):
    """How DIRAC is reached.

    `host` is a certificate and its key, without which a proxy is looked for. With `users_proxies` it fetches
    the proxies of the users to act for, and those are shown instead of it.
    """

    servers: list[str]
    host: list[str] | None
    users_proxies: bool


class Grid:
    """DIRAC, as this process reaches it."""

    def __init__(self, settings: Settings) -> None:
        """Get DIRAC's configuration.

        Raises:
            Failed: the configuration cannot be had.
        """
        try:
            DIRAC.initialize(
                extra_config={"DIRAC": {"Configuration": {"Servers": ", ".join(settings["servers"])}}},
                host_credentials=tuple(settings["host"]) if settings["host"] else None,
                require_auth=True,
            )
        except SErrorException as error:
            raise Failed("unreachable", str(error.result["Message"])) from None
        except DIRAC.exceptions.DIRACInitError as error:
            raise Failed("unreachable", str(error)) from None
        self.version = str(DIRAC.version)
        self._users_proxies = settings["users_proxies"]

    def call(self, request: Json) -> Any:
        """Answer a request, as whoever it names."""
        name = request["call"]
        if name not in CALLS:
            raise Failed("bad-request", f"there is no call {name!r}")
        acting, work, arguments = request.get("as"), getattr(self, name), request.get("arguments", {})
        if not acting:
            return work(**arguments)
        dn, group = acting["dn"], acting["group"]
        self._check_membership(dn, group)
        # Which proxies there are is asked before any of them can be had.
        if self._users_proxies and name != "proxies":
            with self._proxy_shown(dn, group):
                return work(**arguments)
        ThreadConfig().setID(dn, group)
        try:
            return work(**arguments)
        finally:
            ThreadConfig().reset()

    @contextmanager
    def _proxy_shown(self, dn: str, group: str) -> Iterator[None]:
        """Let DIRAC's clients show a user's proxy; only meanwhile it is in a file, which is this account's.

        They take the way to it, and whether to show the host's certificate instead, from what the whole
        process shares. DIRAC's own `UserProxy` does the same, but leaves its files.
        """
        pem = self._proxy_of(dn, group)
        with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="ascii") as file:  # its mode is 0600
            file.write(pem)
            file.flush()
            os.environ["X509_USER_PROXY"] = file.name
            gConfigurationData.setOptionInCFG(_SHOW_HOST, "no")
            try:
                yield
            finally:
                gConfigurationData.setOptionInCFG(_SHOW_HOST, "yes")
                del os.environ["X509_USER_PROXY"]

    @staticmethod
    def _proxy_of(dn: str, group: str) -> str:
        """Fetch a user's proxy, or take the one that DIRAC's client has kept in memory since it was fetched.

        A limited proxy would do for everything but a submission (JobManager): so the host fetches it in its
        own name, for which it needs the property FullDelegation.
        """
        whole, rest = (
            {"requiredTimeLeft": _PROXY_LEFT_SECONDS, "cacheTime": lasts - _PROXY_LEFT_SECONDS}
            for lasts in _PROXY_LASTS_SECONDS
        )
        answer = ProxyManagerClient().downloadProxy(dn, group, **whole)
        if not answer["OK"]:
            answer = ProxyManagerClient().downloadProxy(dn, group, **rest)
        try:
            return str(value_of(value_of(answer).dumpAllToString()))
        except Failed as failed:
            # Without it nothing was begun, whatever became of the question.
            kind = "no-proxy" if failed.kind in {"refused", "unauthorized"} else "unreachable"
            raise Failed(kind, failed.words, failed.errno) from None

    def _check_membership(self, dn: str, group: str) -> None:
        """Refuse a group that the user is not in, before DIRAC hears of it.

        Once a minute its services look whether a subject is in the group named with it (AuthManager). After a
        right one they give the rights of any other, and after a wrong one they refuse the right one.
        """
        user = Registry.getUsernameForDN(dn)
        if not user["OK"] or user["Value"] not in Registry.getUsersInGroup(group, []):
            raise Failed("not-a-member", f"{dn} is not in the group {group}")

    def upload(self, files: dict[str, str]) -> str:
        """Make an input sandbox of files, and tell where it is; of no job's, DIRAC removes it in time."""
        with tempfile.TemporaryDirectory() as directory:
            paths = write_files(Path(directory), files)
            return str(value_of(SandboxStoreClient().uploadFilesAsSandbox(paths)))

    def submit(self, jdl: str, sandbox: str) -> Json:
        """Submit a description with its sandbox; give the jobs, and whether they are to be confirmed.

        A description that has parameters, even one, makes jobs that do not run before they are confirmed.
        """
        told = value_of(JobManagerClient().submitJob(with_sandbox(jdl, sandbox)))
        many = isinstance(told, list)
        return {"jobs": [int(job) for job in (told if many else [told])], "to_confirm": many}

    def confirm(self, jobs: list[int]) -> list[int]:
        """Let jobs run that are to be confirmed; as long as none of them has ended it may be said again."""
        return [int(job) for job in value_of(JobManagerClient().confirmBulkSubmission(jobs))]

    def find(self, **attributes: str) -> list[int]:
        """Give the numbers of the jobs with these attributes, such as JobGroup and Owner, in their order."""
        found = value_of(JobMonitoringClient().getJobs(attributes))
        return sorted(int(number) for number in found)

    def status(self, jobs: list[int]) -> dict[str, Json]:
        """Tell of each job that DIRAC knows, by its number, in one call for all of them."""
        summary = value_of(JobMonitoringClient().getJobsSummary(jobs)) if jobs else {}
        return {
            str(number): {name: told[name] for name in _STATE + _NAMES} for number, told in summary.items()
        }

    def kill(self, jobs: list[int]) -> list[int]:
        """Kill jobs, and give those that DIRAC does not refuse to kill; whether they die is seen later."""
        return self._changed(JobManagerClient().killJob(jobs), jobs)

    def delete(self, jobs: list[int]) -> list[int]:
        """Delete jobs, and give those that DIRAC does not refuse to delete.

        It only kills those that run, and refuses those that it was told to kill within the same second.
        """
        return self._changed(JobManagerClient().deleteJob(jobs), jobs)

    @staticmethod
    def _changed(answer: Json, jobs: list[int]) -> list[int]:
        # An answer that is no for some of the jobs does not name those for which it is yes.
        refused = {int(job) for names in _REFUSED_JOBS for job in answer.get(names, ())}
        if not answer["OK"] and refused:
            return [job for job in jobs if job not in refused]
        return [int(job) for job in value_of(answer) or ()]

    def output_sandbox(self, job: int, max_bytes: int) -> str | None:
        """Give the archive of a job's output as it is, in base64; None where there is none."""
        answer = SandboxStoreClient().downloadSandboxForJob(job, "Output", inMemory=True)
        if not answer["OK"] and str(answer["Message"]).startswith("No Output sandbox found"):
            return None
        archive = value_of(answer)
        if len(archive) > max_bytes:
            raise Failed(
                "too-large", f"the output sandbox has {len(archive)} bytes, and {max_bytes} are allowed"
            )
        return base64.b64encode(archive).decode("ascii")

    def describe(self, vo: str) -> Json:
        """Tell what the configuration server says of this DIRAC, and of what it has for a VO."""
        services = "/Systems/WorkloadManagement/Services"
        groups = gConfig.getSections("/Registry/Groups").get("Value", [])
        return {
            "version": self.version,
            "sites": sorted(value_of(Resources.getSites())),
            "platforms": sorted(Resources.getDIRACPlatforms().get("Value", [])),
            "max_parametric_jobs": gConfig.getValue(f"{services}/JobManager/MaxParametricJobs", 20),
            "max_sandbox_bytes": gConfig.getValue(f"{services}/SandboxStore/MaxSandboxSizeMiB", 10) << 20,
            "groups": {group: Registry.getVOForGroup(group) or None for group in sorted(groups)},
            "file_catalogs": self._file_catalogs(vo),
            "storage_elements": sorted(gConfig.getSections("/Resources/StorageElements").get("Value", [])),
        }

    @staticmethod
    def _file_catalogs(vo: str) -> list[str]:
        """Name the catalogues in which the VO's jobs can look files up and write them down."""
        catalogs = FileCatalog(vo=vo)
        writable = {name for name, *_ in catalogs.writeCatalogs}
        return sorted(name for name, *_ in catalogs.readCatalogs if name in writable)

    def whoami(self) -> Json:
        """Tell whom DIRAC takes this for: its user or host, the group, and whether by a proxy."""
        told = value_of(ConfigurationClient().whoami())
        return {"name": told["username"], "group": told["group"], "proxy": bool(told.get("isProxy"))}

    def proxies(self) -> dict[str, str]:
        """Tell until when the proxies last that the user has uploaded to ProxyManager, by their subjects."""
        found = value_of(ProxyManagerClient().getUserProxiesInfo())
        return {str(subject): plain(until) for subject, until in found.items()}


def answer_to(line: str, grid: Grid) -> Json:
    """Give the answer to a line."""
    number = None
    try:
        request = json.loads(line)
        number = request["id"]
        return {"id": number, "ok": True, "value": grid.call(request)}
    except Failed as failed:
        error = {"kind": failed.kind, "words": failed.words, "errno": failed.errno}
    except Exception as fault:  # noqa: BLE001
        # DIRAC raises whatever it likes; this process answers the next request all the same.
        error = {"kind": "failed", "words": f"{type(fault).__name__}: {fault}", "errno": 0}
    return {"id": number, "ok": False, "error": error}


def main() -> None:
    """Answer until the input ends."""
    # DIRAC, and what it starts, write to the standard output what they like: that goes to the standard error.
    requests, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)

    def tell(answer: Json) -> None:
        answers.write(json.dumps(answer, default=plain) + "\n")
        answers.flush()

    try:
        grid = Grid(json.loads(sys.argv[1]))
    except Failed as failed:
        tell({"ready": False, "error": {"kind": failed.kind, "words": failed.words, "errno": failed.errno}})
        return
    tell({"ready": True, "version": grid.version})
    for line in requests:
        tell(answer_to(line, grid))
    # DIRAC's threads would go on.
    os._exit(0)
