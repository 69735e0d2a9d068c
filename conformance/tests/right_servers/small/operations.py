"""The operations of the contract that this service offers, one function each, named after its operationId."""

import json
import pathlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import facility
import times
from admission import faults_of
from jobs import Job
from pages import Pages
from parameters import Parameter, filters, read_query
from problems import Fault, Problem, not_found, refuse
from store import Store
from wire import Answer

_KEY = re.compile(r"[\x21-\x7E]{1,255}")


@dataclass(frozen=True)
class Call:
    """A request that passed everything that needs no look at jobs: who calls which operation on what."""

    store: Store
    pages: Pages
    caller: str
    path: str
    query: str
    ids: Mapping[str, str]
    headers: Mapping[str, str]
    known: Mapping[str, Parameter]
    body: Any = None
    key: str | None = None
    digest: bytes = b""

    def job(self) -> Job:
        """Find the job that the path names."""
        return self.store.find(self.caller, self.ids["job_id"])

    def values(self) -> dict[str, Any]:
        """Read the query, or refuse it with all its faults."""
        values, faults = read_query(self.query, self.known)
        if "page_token" in values:
            try:
                values["after"] = self.pages.position(values["page_token"], self._scope())
            except ValueError as error:
                faults.append(Fault("parameter", "page_token", f"This value does not fit: {error}."))
        refuse(faults)
        return values

    def page(self, name: str, entries: list[tuple[int, Any]], values: dict[str, Any]) -> dict[str, Any]:
        """Cut a page out of a list."""
        size = values.get("page_size", facility.PAGE_SIZE)
        page, onward = self.pages.cut(entries, values.get("after"), size, self._scope())
        return {name: page, **onward}

    def _scope(self) -> object:
        return self.caller, self.path, filters(self.query)


def in_json(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a document."""
    headers = {"content-type": "application/json; charset=utf-8", **(headers or {})}
    return Answer(status, headers, json.dumps(document, indent=1).encode())


def get_service_info(call: Call) -> Answer:
    """Describe the service."""
    call.values()
    return in_json(facility.SERVICE_INFO)


def get_health(call: Call) -> Answer:
    """Tell that jobs can be accepted: a service that keeps them in memory always can."""
    call.values()
    return in_json({"status": "pass"})


def list_facilities(call: Call) -> Answer:
    """List the one facility."""
    call.values()
    return in_json({"facilities": [facility.FACILITY]})


def get_facility(call: Call) -> Answer:
    """Describe the facility."""
    _of_the_facility(call)
    call.values()
    return in_json(facility.FACILITY)


def list_software(call: Call) -> Answer:
    """List the catalogue."""
    _of_the_facility(call)
    values = call.values()
    wanted = [entry for entry in facility.CATALOGUE if entry["name"] == values.get("name", entry["name"])]
    return in_json(call.page("software", list(enumerate(wanted)), values))


def submit_job(call: Call) -> Answer:
    """Accept a job, or give the one that its key was used for."""
    faults = []
    if call.key is not None:
        if not _KEY.fullmatch(call.key):
            faults = [Fault("header", "Idempotency-Key", "A key is 1 to 255 visible ASCII characters.")]
        elif (before := call.store.replay(call.caller, call.key, call.digest)) is not None:
            return in_json(before.document(), headers={"idempotency-replayed": "true"})
    refuse(faults + read_query(call.query, call.known)[1] + faults_of(call.body))
    job = call.store.submit(call.caller, call.body, call.key, call.digest)
    # Against the request's own path, .../v1/jobs, this reference is .../v1/jobs/{job_id}.
    return in_json(job.document(), 201, {"location": f"jobs/{job.id}"})


def list_jobs(call: Call) -> Answer:
    """List the caller's jobs."""
    values = call.values()
    entries = [(-job.number, job.summary()) for job in call.store.of(call.caller) if _is_wanted(job, values)]
    return in_json(call.page("jobs", entries, values))


def get_job(call: Call) -> Answer:
    """Show a job, or that it is still the same."""
    job = call.job()
    call.values()
    etag = job.etag()
    known = [tag.strip().removeprefix("W/") for tag in call.headers.get("if-none-match", "").split(",")]
    if etag.removeprefix("W/") in known or "*" in known:
        return Answer(304, {"etag": etag})
    return in_json(job.document(), headers={"etag": etag})


def cancel_job(call: Call) -> Answer:
    """Write down that a job is to be cancelled; the next look at the machine does it."""
    job = call.job()
    call.values()
    if job.is_terminal:
        return in_json(job.document())
    job.ask_to_cancel(times.now())
    return in_json(job.document(), 202)


def release_job(call: Call) -> Answer:
    """Forget a job that has ended."""
    job = call.job()
    call.values()
    if not job.is_terminal:
        raise Problem("job-not-terminal", "Only a job that has ended can be released: wait, or cancel it.")
    call.store.release(job)
    return Answer(204)


def list_results(call: Call) -> Answer:
    """List the files that a job left."""
    job = call.job()
    values = call.values()
    _check_kept(job)
    results = job.results if values.get("task_index", 0) == 0 else []
    entries = list(enumerate(result.document() for result in results))
    return in_json({"complete": job.complete, **call.page("results", entries, values)})


def get_result(call: Call) -> Answer:
    """Send a file that a job left."""
    job = call.job()
    call.values()
    _check_kept(job)
    for result in job.results:
        if result.id == call.ids["result_id"]:
            name = "".join(_escaped(byte) for byte in result.path.rpartition("/")[2].encode())
            return _bytes(
                result.file,
                {
                    "content-type": "application/octet-stream",
                    "content-disposition": f"attachment; filename*=UTF-8''{name}",
                    "etag": f'"{result.sha256}"',
                },
            )
    raise not_found()


def get_log(call: Call) -> Answer:
    """Send what a job's command wrote to one of its streams."""
    job = call.job()
    if call.ids["stream"] not in ("stdout", "stderr"):
        raise not_found()
    values = call.values()
    _check_kept(job)
    if values.get("task_index", 0) != 0:
        raise not_found()
    return _bytes(job.directory / call.ids["stream"], {"content-type": "text/plain"})


def not_claimed(call: Call) -> Answer:
    """Answer for an operation of a class that is not claimed here."""
    raise not_found()


def _of_the_facility(call: Call) -> None:
    if call.ids["facility_id"] != facility.FACILITY_ID:
        raise not_found()


def _is_wanted(job: Job, values: dict[str, Any]) -> bool:
    labels = job.spec.get("labels", {})
    return (
        job.state in values.get("state", [job.state])
        and job.spec["facility_id"] == values.get("facility_id", job.spec["facility_id"])
        and all(labels.get(name) == value for name, value in values.get("label", []))
        and job.created > values.get("created_after", job.created - 1)
        and job.updated > values.get("updated_after", job.updated - 1)
    )


def _check_kept(job: Job) -> None:
    if not job.is_terminal:
        raise Problem("results-not-ready", "The job has not ended: ask again when it has.")
    if job.expires is not None and times.now() >= job.expires:
        raise Problem(
            "result-expired", "Results and logs were kept until `expires_at`: submit the job again."
        )


def _escaped(byte: int) -> str:
    character = chr(byte)
    return character if byte < 128 and (character.isalnum() or character in "-._~") else f"%{byte:02X}"


def _bytes(path: pathlib.Path, headers: dict[str, str]) -> Answer:
    file = path.open("rb")
    return Answer(200, {**headers, "x-content-type-options": "nosniff"}, file=file, size=path.stat().st_size)
