"""Look before judging: does it answer, speak the contract, and run one job to its bytes?"""

from __future__ import annotations

from common_compute_conformance.client import Client
from common_compute_conformance.contract import Contract, Document
from common_compute_conformance.errors import Failure, Finding, WrongArgument
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.pace import Pace
from common_compute_conformance.specimens.ordinary import PLAIN_RESULT
from common_compute_conformance.target import Target
from common_compute_conformance.workbench import Workbench

_SMOKE_SPECIMEN = "plain"


class Stopped(Exception):
    """The smoke stage ended early: what was found, what to look at first, and which requirement it breaks."""

    def __init__(self, finding: str, advice: str, requirement: str) -> None:
        super().__init__(f"{finding}. {advice}.")
        self.finding = finding
        self.advice = advice
        self.requirement = requirement


def meet(client: Client, anonymous: Client, contract: Contract, facility_id: str | None) -> Target:
    """Return the target as it describes itself, with the facility under test.

    Raises NothingAnswers, WrongArgument for a facility that is not there, and Stopped with advice for a
    server that does not speak the contract.
    """
    info = _document_of(
        anonymous.call("get_service_info"),
        "CC-SVC-001",
        "Does the URL include the base path (/v1)? get_service_info needs no token and no facility",
    )
    listed = client.call("list_facilities")
    if listed.status in (401, 403):
        raise Stopped(
            f"{listed}", "Give a token that may read, create and cancel jobs with --token", "CC-FAC-001"
        )
    facilities = _document_of(listed, "CC-FAC-001", "list_facilities must give the facilities").get(
        "facilities"
    )
    if not isinstance(facilities, list) or not all(isinstance(each, Document) for each in facilities):
        raise Stopped(f"{listed}: `facilities` is no list of facilities", "Give each in full", "CC-FAC-001")
    if not facilities:
        raise Stopped(
            "The service has no facility", "Certification runs jobs: configure a facility first", "CC-FAC-001"
        )
    target = Target(client.url, info, _choose(facilities, facility_id), contract)
    faults = contract.faults_of("ServiceInfo", info) + contract.faults_of("Facility", target.facility)
    try:
        probes = target.probes
        _ = target.limits, target.access, target.service_classes, target.facility_id, target.resource("gpus")
        _ = int(target.service_info["limits"]["max_wait_seconds"]), target.has_reason("signal")
    except (Finding, TypeError, ValueError, KeyError) as error:
        raise Stopped(
            f"The documents of service and facility cannot be read: {'; '.join(faults[:3]) or error}",
            "Make get_service_info and list_facilities valid against the contract first",
            "CC-SVC-004",
        ) from error
    if not probes:
        raise Stopped(
            f"The facility {target.facility_id} names no probe of a class that it claims",
            "Certification stands on `probe`: name a `software` in which /bin/sh, printf, cat, sleep, env, "
            "kill and head work",
            "CC-FAC-002",
        )
    return target


def _choose(facilities: list[Document], facility_id: str | None) -> Document:
    if facility_id is None:
        return next((each for each in facilities if each.get("probe")), facilities[0])
    for each in facilities:
        if each.get("id") == facility_id:
            return each
    known = ", ".join(str(each.get("id")) for each in facilities)
    raise WrongArgument(f"There is no facility {facility_id!r} at this target; it has {known}")


def make_ready(target: Target, client: Client, other: Client | None) -> None:
    """Put the callers' credentials where the facility asks for them and they are missing.

    Raises Stopped with the facility's own instructions if the first caller still has to do something.
    """
    # Without access control there is nobody to have one, whatever the facility claims: CC-ACC-001 tells that.
    if not target.claims("credentials") or target.access == "none":
        return
    for caller in (client, other):
        if caller is None:
            continue
        facility = target.facility_id
        credential = caller.call("get_credential", facility_id=facility)
        if credential.status != 200:
            raise Stopped(
                f"{credential}, not 200", "Tell `missing` of a caller who has put none", "CC-CRED-001"
            )
        if credential.document().get("state") == "missing":
            credential = caller.call("put_credential", body={}, facility_id=facility)
        if caller is client and credential.status in (200, 201):
            shown = credential.document()
            if shown.get("state") in ("missing", "awaiting_user"):
                told = str(shown.get("instructions", "")).rstrip(". ")
                raise Stopped(
                    f"The caller's credential at {facility} is {shown.get('state')}",
                    f"Do what the facility says, and certify again: {told}",
                    "CC-CRED-001",
                )


def run_one_job(workbench: Workbench, pace: Pace) -> None:
    """Run one plain job to its end and read its bytes back; raises Stopped if that does not work."""
    started = pace.now()
    # What is met first is named by its own requirement.
    requirement, doing = "CC-JOB-001", "could not be submitted"
    try:
        workbench.specimen(_SMOKE_SPECIMEN)
        requirement, doing = "CC-JOB-016", "did not run to its end and succeed"
        workbench.succeeded(_SMOKE_SPECIMEN)
        pace.saw_job_take(pace.now() - started)
        requirement, doing = "CC-JOB-026", "has not its result from its end on"
        found = [result["path"] for result in workbench.results(_SMOKE_SPECIMEN)]
        if not found:
            raise Failure("list_results gives nothing")
        requirement, doing = "CC-RES-002", "does not give its bytes back"
        result = workbench.content(_SMOKE_SPECIMEN, "plain.seen")
    except Finding as finding:
        raise Stopped(
            f"The first job {doing}: {finding}",
            "Submit it by hand and look at its `reason` and its logs; judge nothing before one job works",
            requirement,
        ) from finding
    if result != PLAIN_RESULT.encode():
        raise Stopped(
            f"The first job's result is {result[:100]!r}, not {PLAIN_RESULT!r}",
            "Look at how outputs are collected; nothing else can be judged before one job works",
            "CC-RES-002",
        )


def _document_of(exchange: Exchange, requirement: str, advice: str) -> Document:
    if exchange.status != 200:
        raise Stopped(f"{exchange}, not 200", advice, requirement)
    try:
        return exchange.document()
    except Finding as finding:
        raise Stopped(str(finding), advice, requirement) from finding
