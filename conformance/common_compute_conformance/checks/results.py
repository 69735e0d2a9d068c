"""Check that results are the bytes that a job wrote, described truthfully."""

from __future__ import annotations

import hashlib
from base64 import b64decode

from common_compute_conformance.contract import Document
from common_compute_conformance.registry import check
from common_compute_conformance.specimens.arrays import WITHOUT_OUTPUT
from common_compute_conformance.specimens.files import MANY, ODD_NAMES, big_copies
from common_compute_conformance.specimens.ordinary import PLAIN_RESULT
from common_compute_conformance.trial import Trial


@check("CC-RES-002", specimens=("plain", "files"))
def results_are_the_bytes_written(trial: Trial) -> None:
    """CC-RES-002: a result's bytes are those written, and have its `size_bytes` and `sha256`."""
    trial.equal(PLAIN_RESULT.encode(), trial.workbench.content("plain", "plain.seen"), "the result of plain")
    seed = b64decode(trial.workbench.specimen("files").body["inputs"][3]["source"]["content_base64"])
    content = trial.workbench.content("files", "big.dat")
    copies = big_copies(trial.occasion)
    trial.equal(
        _sha256(seed * copies), _sha256(content), f"the sha256 of the {len(content)} bytes of big.dat"
    )
    trial.equal(b"", trial.workbench.content("files", "empty.dat"), "the empty result")
    for name in ODD_NAMES:
        trial.equal(name.encode(), trial.workbench.content("files", name), f"the result {name!r}")
    for number in range(0, MANY, 25):
        trial.equal(
            str(number).encode(),
            trial.workbench.content("files", f"{number}.many"),
            f"the result {number}.many",
        )
    for name in ("plain", "files"):
        for result in trial.workbench.results(name):
            got = trial.workbench.fetch(trial.workbench.specimen(name), result).content
            trial.equal(result["size_bytes"], len(got), f"size_bytes of {result['path']}")
            trial.equal(result["sha256"], _sha256(got), f"sha256 of {result['path']}")
            trial.witness(f"{result['path']}: {len(got)} bytes, {result['sha256'][:12]}...")


@check("CC-RES-002", specimens=("same-1", "same-2"))
def results_of_one_path_are_told_apart(trial: Trial) -> None:
    """CC-RES-002: two jobs that write other bytes under one path have each its own."""
    first, second = (trial.workbench.content(name, "same.seen") for name in ("same-1", "same-2"))
    for name, content in (("same-1", first), ("same-2", second)):
        job_id = trial.workbench.specimen(name).id
        trial.require(content.startswith(job_id.encode()), f"the result of {job_id} is {content!r}")
    trial.witness(f"same.seen is {first!r} of one job and {second!r} of the other")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@check("CC-RES-003", specimens=("plain", "files"))
def results_carry_their_headers(trial: Trial) -> None:
    """CC-RES-003: get_result carries media type, ETag, Content-Disposition and nosniff."""
    for name in ("plain", "files"):
        for result in trial.workbench.results(name):
            headers = trial.workbench.fetch(trial.workbench.specimen(name), result).headers
            trial.equal(
                result["media_type"], headers.get("content-type"), f"the Content-Type of {result['path']}"
            )
            trial.equal(f'"{result["sha256"]}"', headers.get("etag"), f"the ETag of {result['path']}")
            disposition = headers.get("content-disposition", "")
            trial.require(disposition.startswith("attachment"), f"Content-Disposition is {disposition!r}")
            trial.equal("nosniff", headers.get("x-content-type-options"), "X-Content-Type-Options")
            trial.witness(f"{result['path']}: {result['media_type']}, {disposition}")


@check("CC-RES-004", specimens=("brim", "optional"))
def without_outputs_there_are_no_results(trial: Trial) -> None:
    """CC-RES-004: no outputs, or optional ones that match nothing: no results, complete."""
    for name in ("brim", "optional"):
        job = trial.workbench.succeeded(name)
        document = trial.client.call("list_results", job_id=str(job["id"])).expect(200).document()
        trial.equal(
            (True, []), (document["complete"], document["results"]), f"complete and results of {name}"
        )
        trial.witness(f"{job['id']} ({name}) succeeded, complete, without results")


@check("CC-RES-008", specimens=("output-missing", "exit-nonzero"))
def missing_outputs_fail(trial: Trial) -> None:
    """CC-RES-008: a required output that matches nothing fails a job that exited with 0."""
    job = trial.workbench.final("output-missing")
    shown = (job["state"], job.get("reason", {}).get("code"))
    trial.equal(("failed", "output-missing"), shown, f"state and reason of {job['id']}")
    trial.witness(f"{job['id']}: exit code {job.get('exit_code')}, output-missing")
    other = trial.workbench.final("exit-nonzero")
    trial.equal(
        "exit-nonzero", other["reason"]["code"], "the reason of a job that exited with 3 and lacks an output"
    )
    trial.witness(f"{other['id']}: exit code 3, exit-nonzero")


@check("CC-RES-009", specimens=("exit-nonzero",))
def failed_jobs_have_results(trial: Trial) -> None:
    """CC-RES-009: a job whose command failed has what it wrote before."""
    job = trial.workbench.final("exit-nonzero")
    trial.equal("failed", job["state"], "the state of a job that exited with 3")
    trial.equal(
        ["kept.seen", "more.seen"],
        sorted(str(each["path"]) for each in trial.workbench.results("exit-nonzero")),
        "its results",
    )
    trial.equal(b"more", trial.workbench.content("exit-nonzero", "more.seen"), "the bytes that it wrote")
    trial.witness(f"the failed job {job['id']} kept kept.seen")


@check("CC-RES-011", specimens=("exit-nonzero", "output-missing", "files", "signal", "exits"))
def complete_is_about_the_whole_job(trial: Trial) -> None:
    """CC-RES-011: `complete` is the same on every page and for every `task_index`."""
    for name, complete in (
        ("exit-nonzero", False),
        ("output-missing", False),
        ("files", True),
        ("signal", True),
        ("exits", False),
    ):
        if not trial.workbench.applies(name) or (name == "exits" and len(_tasks(trial)) <= WITHOUT_OUTPUT):
            continue
        job_id = str(trial.workbench.final(name)["id"])
        for query in ([], [("page_size", "1")], [("task_index", "0")], [("task_index", "7")]):
            document = trial.client.call("list_results", job_id=job_id, query=query).expect(200).document()
            trial.equal(complete, document["complete"], f"complete of {name} with {query}")
        trial.witness(f"{job_id} ({name}): complete is {complete} everywhere")


def _tasks(trial: Trial) -> list[Document]:
    return trial.workbench.walk("list_tasks", "tasks", job_id=str(trial.workbench.final("exits")["id"]))


@check("CC-RES-011", specimens=("exit-nonzero",))
def complete_is_false_on_every_page(trial: Trial) -> None:
    """CC-RES-011: `complete` of a job that lacks an output is false on every page."""
    job_id = str(trial.workbench.final("exit-nonzero")["id"])
    small = ("page_size", "1")
    first = trial.client.call("list_results", job_id=job_id, query=[small]).expect(200).document()
    query = [small, ("page_token", str(first["next_page_token"]))]
    last = trial.client.call("list_results", job_id=job_id, query=query).expect(200).document()
    trial.equal((False, False), (first["complete"], last["complete"]), "complete on both pages")
    trial.witness(f"complete is false on both pages of the results of {job_id}")


@check("CC-RES-011", specimens=("files",))
def complete_is_the_same_on_the_last_page(trial: Trial) -> None:
    """CC-RES-011: `complete` is the same on the last page."""
    job_id = str(trial.workbench.final("files")["id"])
    first = trial.client.call("list_results", job_id=job_id).expect(200).document()
    query = [("page_token", first["next_page_token"])]
    last = trial.client.call("list_results", job_id=job_id, query=query).expect(200).document()
    trial.equal((True, True), (first["complete"], last["complete"]), "complete on both pages")
    trial.witness(f"complete is true on both pages of {MANY} results")


@check("CC-RES-012", specimens=("plain",))
def a_plain_job_has_one_task(trial: Trial) -> None:
    """CC-RES-012: results of a plain job carry no `task_index`, and `task_index=0` gives all."""
    job_id = str(trial.workbench.final("plain")["id"])
    results = trial.workbench.results("plain")
    trial.require(bool(results), "the job has no result")
    trial.require(
        all("task_index" not in each for each in results), "a result of a plain job carries a task_index"
    )
    zero = (
        trial.client.call("list_results", job_id=job_id, query=[("task_index", "0")]).expect(200).document()
    )
    trial.equal(results, zero["results"], "the results of task 0")
    for index in ("1", "1000000"):
        far = (
            trial.client.call("list_results", job_id=job_id, query=[("task_index", index)])
            .expect(200)
            .document()
        )
        trial.equal([], far["results"], f"the results of task {index}")
    trial.witness(f"{job_id}: {len(results)} results, all of task 0")
