"""Talk to DIRAC for another process: a line on the standard input is a request, one on the output an answer.

    PYTHON -P client.py SETTINGS     PYTHON has DIRAC; SETTINGS is JSON, see `Settings`

The only module that imports DIRAC, and so the only one that imports nothing of ours: it runs in DIRAC's own
environment, where nothing else of ours is. The first line is `{"ready": true, "version"}`, or, where DIRAC
cannot be reached, `{"ready": false, "error"}` and the end. Then each request

    {"id": 1, "call": "status", "arguments": {"jobs": [1, 2]}, "as": {"dn": "/O=...", "group": "..."} or null}

is answered in its turn by `{"id": 1, "ok": true, "value"}` or `{"id": 1, "ok": false, "error"}`. An error has
`kind`, `words`, and `errno`, DIRAC's own number. The kinds: `refused`, DIRAC says no; `unauthorized`, it does
so to whoever asks; `not-a-member`, the user to act for is not in the group; `too-large`, so is what was asked
for; `unreachable`, nothing was done; `interrupted`, nobody knows whether anything was done; `bad-request` and
`failed`, the fault is here.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict

import DIRAC
from DIRAC import gConfig
from DIRAC.ConfigurationSystem.Client.Helpers import Registry, Resources
from DIRAC.Core.DISET.ThreadConfig import ThreadConfig
from DIRAC.Core.Utilities.ReturnValues import SErrorException
from DIRAC.FrameworkSystem.Client.ProxyManagerClient import ProxyManagerClient
from DIRAC.WorkloadManagementSystem.Client.JobManagerClient import JobManagerClient
from DIRAC.WorkloadManagementSystem.Client.JobMonitoringClient import JobMonitoringClient
from DIRAC.WorkloadManagementSystem.Client.SandboxStoreClient import SandboxStoreClient

Json = dict[str, Any]

CALLS = ("submit", "confirm", "find", "status", "kill", "delete", "output_sandbox", "describe", "proxies")
UNAUTHORIZED = 1111
_DATABASE = range(1130, 1140)  # DErrno: EDB, EMYSQL; a database that is away says nothing of what was asked
# The last two are how M2SSLTransport begins: with the addresses, as pairs, at which it was in vain.
_NOT_CONNECTED = (
    "Can't connect to ",
    "Cannot get URL for ",
    "URL for service ",
    "Reason(s):",
    "DNS lookup failed",
    "('",
)
# How DIRAC's transports word what can happen once a call has begun.
_INTERRUPTED = (
    "Peer closed connection",
    "Connection closed by peer",
    "Connection seems stalled",
    "Connection timeout",
    "Exception while ",
    "Unknown unrecoverable error",
    "Network error ",
    "Could not decode ",
    "Socket ",
    "Error in _",
)
_REFUSED_JOBS = ("NonauthorizedJobIDs", "InvalidJobIDs", "FailedJobIDs")
_STATE = ("Status", "MinorStatus", "ApplicationStatus", "Site", "RescheduleCounter")
_NAMES = ("JobName", "JobGroup", "Owner")


class Settings(TypedDict):
    """How DIRAC is reached; `host` is a certificate and its key, without which a proxy is looked for."""

    servers: list[str]
    host: list[str] | None


class Failed(Exception):
    """A call that has no value, and why."""

    def __init__(self, kind: str, words: str, errno: int = 0) -> None:
        super().__init__(words)
        self.kind = kind
        self.words = words
        self.errno = errno


def kind_of(errno: int, words: str) -> str:
    """Tell what DIRAC's "no" means for whoever asked."""
    if errno == UNAUTHORIZED or words.startswith(_NOT_CONNECTED):
        return "unauthorized" if errno == UNAUTHORIZED else "unreachable"
    return "interrupted" if errno in _DATABASE or words.startswith(_INTERRUPTED) else "refused"


def value_of(answer: Json) -> Any:
    """Give the value of one of DIRAC's answers.

    Raises:
        Failed: there is none.
    """
    if answer["OK"]:
        return answer.get("Value")
    errno, words = int(answer.get("Errno", 0)), str(answer.get("Message", ""))
    raise Failed(kind_of(errno, words), words, errno)


def with_sandbox(jdl: str, location: str) -> str:
    """Put an input sandbox into a job description.

    Raises:
        Failed: the description is not one in brackets.
    """
    body = jdl.strip()
    if not (body.startswith("[") and body.endswith("]")):
        raise Failed("bad-request", "a job description stands in brackets")
    return f'{body[:-1].rstrip()}\nInputSandbox = {{"{location}"}};\n]'


def write_files(directory: Path, files: dict[str, str]) -> list[str]:
    """Write files, whose contents are in base64, and give their paths.

    Raises:
        Failed: a name is more than a name.
    """
    paths = []
    for name, content in files.items():
        if not name or name != os.path.basename(name) or name in {".", ".."} or "\0" in name:
            raise Failed("bad-request", f"{name!r} is no name of a file")
        path = directory / name
        path.write_bytes(base64.b64decode(content))
        paths.append(str(path))
    return paths


def plain(value: Any) -> Any:
    """Give for JSON what DIRAC has as something else: moments, in UTC."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)


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

    def call(self, request: Json) -> Any:
        """Answer a request, as whoever it names."""
        name = request["call"]
        if name not in CALLS:
            raise Failed("bad-request", f"there is no call {name!r}")
        acting = request.get("as")
        if acting:
            self._check_membership(acting["dn"], acting["group"])
            ThreadConfig().setID(acting["dn"], acting["group"])
        try:
            return getattr(self, name)(**request.get("arguments", {}))
        finally:
            ThreadConfig().reset()

    def _check_membership(self, dn: str, group: str) -> None:
        """Refuse a group that the user is not in, before DIRAC hears of it.

        Once a minute its services look whether a subject is in the group named with it (AuthManager). After a
        right one they give the rights of any other, and after a wrong one they refuse the right one.
        """
        user = Registry.getUsernameForDN(dn)
        if not user["OK"] or user["Value"] not in Registry.getUsersInGroup(group, []):
            raise Failed("not-a-member", f"{dn} is not in the group {group}")

    def submit(self, jdl: str, files: dict[str, str]) -> Json:
        """Submit a description with its files; give its jobs' numbers, and whether they are to be confirmed.

        A description that has parameters, even one, makes jobs that do not run before they are confirmed.
        """
        if files:
            with tempfile.TemporaryDirectory() as directory:
                paths = write_files(Path(directory), files)
                try:
                    location = value_of(SandboxStoreClient().uploadFilesAsSandbox(paths))
                except Failed as failed:
                    # Without its sandbox no job was submitted, whatever became of that.
                    kind = "unreachable" if failed.kind == "interrupted" else failed.kind
                    raise Failed(kind, failed.words, failed.errno) from None
            jdl = with_sandbox(jdl, location)
        told = value_of(JobManagerClient().submitJob(jdl))
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

    def describe(self) -> Json:
        """Tell what the configuration server says of this DIRAC."""
        services = "/Systems/WorkloadManagement/Services"
        groups = gConfig.getSections("/Registry/Groups").get("Value", [])
        return {
            "version": self.version,
            "sites": sorted(value_of(Resources.getSites())),
            "platforms": sorted(Resources.getDIRACPlatforms().get("Value", [])),
            "max_parametric_jobs": gConfig.getValue(f"{services}/JobManager/MaxParametricJobs", 20),
            "max_sandbox_bytes": gConfig.getValue(f"{services}/SandboxStore/MaxSandboxSizeMiB", 10) << 20,
            "groups": {group: Registry.getVOForGroup(group) or None for group in sorted(groups)},
        }

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


if __name__ == "__main__":
    main()
