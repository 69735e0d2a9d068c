"""Check that what was sent is what runs: the specification, the argv, the environment, the inputs."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import urljoin, urlsplit

from common_compute_conformance.registry import check
from common_compute_conformance.specimens.endings import OWN_VARIABLES
from common_compute_conformance.specimens.faithful import (
    BRACES_OUTPUT,
    BRACES_PATH,
    HIDDEN_INPUT,
    HOSTILE,
    LARGE_INPUT,
    ODD_INPUT,
)
from common_compute_conformance.trial import Trial


def _parts(trial: Trial, path: str) -> list[bytes]:
    """Return what a specimen wrote with a NUL after each part."""
    content = trial.workbench.content("faithful", path)
    trial.require(content.endswith(b"\0"), f"{path} does not end with a NUL: {content[-50:]!r}")
    return content[:-1].split(b"\0")


def _each_equal(trial: Trial, sent: list[str], came: list[bytes], what: str) -> None:
    for text, content in zip(sent, came, strict=False):
        trial.equal(text.encode(), content, f"{what} {text[:50]!r}")
    trial.equal(len(sent), len(came), f"the number of {what}s")
    trial.witness(f"{len(came)} {what}s came through byte for byte")


@check("CC-JOB-001", specimens=("plain", "tour", "brim"))
def a_submission_is_answered_with_the_job(trial: Trial) -> None:
    """CC-JOB-001: a valid submission is 201, with the job and its URL."""
    for name in ("plain", "tour", "brim"):
        exchange = trial.workbench.specimen(name).submitted.expect(201)
        job = exchange.document()
        faults = trial.contract.faults_of("Job", job)
        trial.require(not faults, f"the job does not fit the contract: {faults}")
        trial.require(job["id"] != "validate", "the job's id is validate")
        location = exchange.headers.get("location", "")
        wanted = f"{trial.target.url}/jobs/{job['id']}"
        # A reference, RFC 9110 10.2.2; behind a proxy its host may be another's.
        meant = urlsplit(urljoin(exchange.url, location))
        trial.require(
            bool(location) and meant.path == urlsplit(wanted).path and not meant.query,
            f"Location is {location!r}, which is not {wanted}",
        )
        trial.witness(f"{exchange}, Location {location}")


@check("CC-JOB-005", specimens=("plain", "faithful", "brim", "optional", "parameters", "exits"))
def the_specification_is_given_back(trial: Trial) -> None:
    """CC-JOB-005: `spec` is the body that was sent, with no default filled in."""
    for name in ("plain", "faithful", "brim", "optional", "parameters", "exits"):
        if not trial.workbench.applies(name):
            continue
        specimen = trial.workbench.specimen(name)
        trial.equal(
            specimen.body, specimen.submitted.document()["spec"], f"spec of {name} in the answer to POST"
        )
        found = trial.client.call("get_job", job_id=specimen.id).expect(200).document()
        trial.equal(specimen.body, found["spec"], f"spec of {name} in get_job")
        for member in ("name", "labels", "facility_id"):
            trial.equal(specimen.body.get(member), found.get(member), f"{member} of {name}")
        trial.witness(f"the job {specimen.id} shows its {len(specimen.body)} members as sent")


@check("CC-JOB-007", specimens=("faithful",))
def arguments_arrive(trial: Trial) -> None:
    """CC-JOB-007: every element of `command` reaches the process byte for byte."""
    body = trial.workbench.specimen("faithful").body
    trial.workbench.succeeded("faithful")
    _each_equal(trial, body["command"][4:], _parts(trial, "argv.seen"), "argument")


@check("CC-JOB-007", specimens=("faithful",))
def variables_arrive(trial: Trial) -> None:
    """CC-JOB-007: every value of `environment` reaches the process byte for byte."""
    environment = trial.workbench.specimen("faithful").body["environment"]
    trial.workbench.succeeded("faithful")
    _each_equal(trial, list(environment.values()), _parts(trial, "environment.seen"), "variable")
    told = _parts(trial, "presence.seen")
    trial.equal(len(environment), len(told), "the number of variables that were looked for")
    presence = dict(zip(environment, told, strict=True))
    unset = [name for name, each in presence.items() if each != b"set"]
    trial.require(not unset, f"the variables {unset} are not set, such as one whose value is empty")


@check("CC-JOB-008", specimens=("faithful",))
def nothing_is_left_of_others(trial: Trial) -> None:
    """CC-JOB-008: the working directory holds nothing of the jobs that ran before."""
    trial.workbench.succeeded("faithful")
    for name in ("same-1", "same-2"):
        trial.workbench.succeeded(name)
        seen = trial.workbench.content(name, "same.seen").decode("utf-8", "replace")
        trial.equal(
            f"{trial.workbench.specimen(name).id} */", seen, "the job's id, and what lay there at its start"
        )
        trial.witness(f"{trial.workbench.specimen(name).id} began in an empty directory")


@check("CC-JOB-008", specimens=("faithful", "plain"))
def the_working_directory_is_fresh(trial: Trial) -> None:
    """CC-JOB-008: the working directory is `HOME`, writable, and holds nothing but the inputs."""
    trial.workbench.succeeded("faithful")
    start = trial.workbench.content("faithful", "start.seen").decode("utf-8", "replace")
    trial.equal(
        {"bin", "data", "in put", LARGE_INPUT, BRACES_PATH},
        set(start.removesuffix("/").split("/")),
        "what lay there at the start",
    )
    home = trial.workbench.content("faithful", "home.seen")
    trial.equal(
        trial.workbench.content("faithful", "cwd.seen"), home, "HOME, seen from the working directory"
    )
    named = trial.workbench.content("faithful", "home-name.seen")
    trial.require(named.startswith(b"/"), f"HOME is {named!r}, which is no absolute path")
    trial.equal(b"kept", trial.workbench.content("faithful", "tmpdir.seen"), "what was written into TMPDIR")
    trial.witness(f"a job worked in {home.decode('utf-8', 'replace').strip()}, which held its inputs only")


def _sent(trial: Trial, path: str) -> bytes:
    """Return the bytes that were sent as the input of this path."""
    inputs = trial.workbench.specimen("faithful").body["inputs"]
    return b64decode(next(each["source"]["content_base64"] for each in inputs if each["path"] == path))


@check("CC-JOB-009", specimens=("faithful",))
def inputs_lie_there(trial: Trial) -> None:
    """CC-JOB-009: an inline input lies at its `path` with its bytes, executable if it says so."""
    trial.workbench.succeeded("faithful")
    sent = _sent(trial, "data/deep/bytes.in")
    content = trial.workbench.content("faithful", "bytes.seen")
    trial.equal(sent, content, "the bytes of the input data/deep/bytes.in")
    trial.equal(
        b"ran with an argument", trial.workbench.content("faithful", "tool.seen"), "what the executable wrote"
    )
    for path, told in ((HIDDEN_INPUT, "hidden.seen"), (LARGE_INPUT, "large.seen")):
        wanted = _sent(trial, path)
        trial.equal(wanted, trial.workbench.content("faithful", told), f"the input {path}")
    trial.equal(b"yes", trial.workbench.content("faithful", "empty.seen"), "whether the empty input is there")
    odd = trial.workbench.content("faithful", "odd.seen")
    trial.equal(ODD_INPUT.encode() + b"\0odd", odd, "the path of an input, and its bytes")
    trial.witness(
        f"an input of {len(set(sent))} different bytes in a directory of its own, and one that was executed"
    )


@check("CC-JOB-010", specimens=("faithful",))
def jobs_know_who_they_are(trial: Trial) -> None:
    """CC-JOB-010: `CC_JOB_ID`, `CC_TASK_INDEX` and `CC_TASK_COUNT` are set."""
    job_id = str(trial.workbench.succeeded("faithful")["id"])
    trial.equal([job_id.encode(), b"0", b"1"], _parts(trial, "identity.seen"), "id, index and count")
    trial.witness(f"the job knew itself as {job_id}, task 0 of 1")


@check("CC-JOB-011", specimens=("faithful", "exit-nonzero"))
def path_and_lang_are_set(trial: Trial) -> None:
    """CC-JOB-011: `PATH` and `LANG` are set, and the job's own variable wins."""
    trial.workbench.succeeded("faithful")
    path, lang = _parts(trial, "defaults.seen")
    trial.require(bool(path), "PATH is not set, or empty")
    trial.require(bool(lang), "LANG is not set, or empty")
    own = trial.workbench.content("exit-nonzero", "kept.seen")
    wanted = b"".join(value.encode() + b"\0" for value in OWN_VARIABLES.values())
    trial.equal(wanted, own, f"{', '.join(OWN_VARIABLES)}, which the job gives itself")
    trial.witness(f"PATH is {path!r}; LANG is {lang!r}, and the job's own win")


@check("CC-JOB-013", specimens=("faithful",))
def braces_stay(trial: Trial) -> None:
    """CC-JOB-013: `{{NAME}}` in a job that is no array stays as it was sent."""
    trial.workbench.succeeded("faithful")
    values = list(trial.workbench.specimen("faithful").body["environment"].values())
    for braces in ("{{NAME}}", "{{CC_TASK_INDEX}}", "{{CC_TASK_COUNT}}"):
        seen = _parts(trial, "argv.seen")[HOSTILE.index(braces)]
        trial.equal(braces.encode(), seen, "an argument in braces")
        if braces in values:
            seen = _parts(trial, "environment.seen")[values.index(braces)]
            trial.equal(braces.encode(), seen, "a variable in braces")
    kept = trial.workbench.content("faithful", BRACES_OUTPUT)
    trial.equal(b"in braces", kept, f"the result {BRACES_OUTPUT}")
    trial.equal(b"in braces", trial.workbench.content("faithful", "braces.seen"), f"the input {BRACES_PATH}")
    trial.witness("braces in an argument, a variable and a path stayed as they were")
