"""Check the lists: paging, filters, order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import cycle
from typing import Any

from common_compute_conformance.contract import Document, instant
from common_compute_conformance.registry import check
from common_compute_conformance.specimens import ARRIVING, SHELF
from common_compute_conformance.specimens.files import MANY
from common_compute_conformance.trial import Trial

Query = list[tuple[str, str]]


def _shelf(trial: Trial) -> Query:
    """Return the filter under which some ended jobs are found, and nothing else."""
    for name in SHELF:
        trial.workbench.specimen(name)  # all of them first: they end in another order than they began in
    for specimen in trial.workbench.shelf:
        trial.workbench.ended(specimen)
    return [("label", f"run={trial.workbench.run_name}"), ("label", "shelf=one")]


def _lists(trial: Trial) -> list[tuple[str, str, Query, dict[str, str], Callable[[Document], Any]]]:
    """Return the paged lists: operation, member, filter, path, and what identifies an entry."""
    many = {"job_id": str(trial.workbench.final("files")["id"])}
    lists: list[tuple[str, str, Query, dict[str, str], Callable[[Document], Any]]] = [
        ("list_jobs", "jobs", _shelf(trial), {}, lambda each: each["id"]),
        ("list_results", "results", [], many, lambda each: each["id"]),
    ]
    if trial.target.claims("software"):
        path = {"facility_id": trial.target.facility_id}
        lists.append(("list_software", "software", [], path, lambda each: (each["name"], each["version"])))
    if trial.target.claims("arrays"):
        path = {"job_id": str(trial.workbench.final("exits")["id"])}
        lists.append(("list_tasks", "tasks", [], path, lambda each: each["index"]))
    return lists


@check("CC-SVC-016", specimens=(*SHELF, "files", "exits"))
def a_walk_gives_each_entry_once(trial: Trial) -> None:
    """CC-SVC-016: a walk gives every entry exactly once, in pages of at most `page_size`."""
    largest = str(trial.target.service_info["limits"]["max_page_size"])
    for operation_id, member, query, path, key in _lists(trial):
        operation = trial.contract.operations[operation_id]
        whole = trial.workbench.walk(operation_id, member, [*query, ("page_size", largest)], **path)
        wanted = [key(each) for each in whole]
        trial.equal(len(wanted), len(set(wanted)), f"the different entries of {operation_id}")
        for sizes in ((2,), (1, 3)) if len(whole) < 20 else ((50,), (30, 7)):
            met: list[Any] = []
            page: Query = []
            for size in cycle(sizes):
                asked = [*query, ("page_size", str(size)), *page]
                exchange = trial.client.send(
                    "GET", operation.at(**path), operation_id=operation_id, query=asked
                )
                document = exchange.expect(200).document()
                entries = [key(each) for each in document[member]]
                trial.require(len(entries) <= size, f"{exchange}: {len(entries)} entries on a page of {size}")
                met += entries
                trial.require(
                    len(met) <= len(wanted), f"{operation_id}: more entries in pages of {sizes} than in one"
                )
                if "next_page_token" not in document:
                    break
                page = [("page_token", document["next_page_token"])]
            trial.equal(wanted, met, f"{operation_id} in pages of {sizes}")
        trial.witness(f"{operation_id}: the same {len(wanted)} entries in pages of any size")


@check("CC-SVC-017", specimens=(*SHELF, "files", "exits"))
def a_page_has_100_entries(trial: Trial) -> None:
    """CC-SVC-017: `page_size` is 100 where none is given."""
    largest = str(trial.target.service_info["limits"]["max_page_size"])
    for operation_id, member, query, path, _ in _lists(trial):
        whole = trial.workbench.walk(operation_id, member, [*query, ("page_size", largest)], **path)
        location = trial.contract.operations[operation_id].at(**path)
        first = trial.client.send("GET", location, operation_id=operation_id, query=query)
        shown = len(first.expect(200).document()[member])
        trial.equal(
            min(100, int(largest), len(whole)),
            shown,
            f"the first page of {len(whole)} entries of {operation_id}",
        )
        trial.witness(f"{operation_id}: {shown} of {len(whole)} on the first page")
    job_id = str(trial.workbench.succeeded("files")["id"])
    document = trial.client.call("list_results", job_id=job_id).expect(200).document()
    trial.equal(100, len(document["results"]), f"the first page of more than {MANY} results")
    trial.require("next_page_token" in document, "the first of two pages has no next_page_token")
    trial.witness(f"100 of more than {MANY} results on the first page")


@check("CC-SVC-017", specimens=("files",))
def page_sizes_are_looked_at(trial: Trial) -> None:
    """CC-SVC-017: a `page_size` below 1, above 1000 or that is no integer is 422."""
    for operation_id, _, query, path, _ in _lists(trial):
        location = trial.contract.operations[operation_id].at(**path)
        for value in (
            "0",
            "-1",
            "1001",
            "ten",
            "1.5",
            "",
            "1_0",
            " 5",
            "\uff15",
            "0x10",
            "99999999999999999999",
        ):
            asked = [*query, ("page_size", value)]
            exchange = trial.client.send("GET", location, operation_id=operation_id, query=asked)
            trial.require(exchange.status != 200, f"{operation_id} accepted page_size={value!r}")
            named = [error.get("parameter") for error in exchange.problem(422)["errors"]]
            trial.require("page_size" in named, f"{exchange}: the errors name {named}")
        trial.witness(f"{operation_id} refuses eleven faulty values of page_size")


@check("CC-SVC-018", specimens=(*SHELF, "files"))
def foreign_page_tokens_are_refused(trial: Trial) -> None:
    """CC-SVC-018: a page token of nobody, of another path or of other filters is 422."""
    job_id = str(trial.workbench.final("files")["id"])
    other_job = str(trial.workbench.final(SHELF[0])["id"])
    small = ("page_size", "2")
    shelf = _shelf(trial)
    of_jobs = trial.client.call("list_jobs", query=[*shelf, small]).expect(200).document()["next_page_token"]
    of_results = trial.client.call("list_results", job_id=job_id, query=[small]).expect(200).document()
    token = of_results["next_page_token"]
    for what, operation_id, path, query in (
        ("a token that nobody made", "list_jobs", {}, [*shelf, ("page_token", "nobody-made-this")]),
        ("a token with a letter changed", "list_jobs", {}, [*shelf, ("page_token", _changed(of_jobs))]),
        ("a token of list_results", "list_jobs", {}, [*shelf, ("page_token", token)]),
        ("a token of list_jobs", "list_results", {"job_id": job_id}, [("page_token", of_jobs)]),
        ("a token of another job", "list_results", {"job_id": other_job}, [("page_token", token)]),
        ("a token with a filter less", "list_jobs", {}, [shelf[0], ("page_token", of_jobs)]),
        (
            "a token with a filter more",
            "list_jobs",
            {},
            [*shelf, ("state", "failed"), ("page_token", of_jobs)],
        ),
        (
            "a token with a task_index",
            "list_results",
            {"job_id": job_id},
            [("task_index", "0"), ("page_token", token)],
        ),
        ("an empty token", "list_jobs", {}, [("page_token", "")]),
    ):
        location = trial.contract.operations[operation_id].at(**path)
        exchange = trial.client.send("GET", location, operation_id=operation_id, query=query)
        trial.require(exchange.status != 200, f"{what} was accepted by {operation_id}")
        exchange.problem(422)
        trial.witness(f"{what}: 422 from {operation_id}")


def _changed(token: str) -> str:
    # Not the last letter: in base64 it may hold bits that mean nothing.
    middle = len(token) // 2
    return token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]


@check("CC-JOB-002", specimens=("plain", *SHELF))
def a_new_job_is_found_at_once(trial: Trial) -> None:
    """CC-JOB-002: a job that was answered 201 is found at once by get_job and list_jobs."""
    for name in ("plain", *SHELF):
        specimen = trial.workbench.specimen(name)
        listed, found = specimen.at_once, specimen.looks[:1]
        assert listed is not None
        trial.client.recall(listed)
        ids = [each["id"] for each in listed.expect(200).document()["jobs"]]
        trial.require(specimen.id in ids, f"the new job {specimen.id} was not in the list")
        trial.require(bool(found), f"get_job did not find the new job {specimen.id}")
        trial.equal(specimen.id, found[0].document()["id"], "the id of the new job")
        trial.witness(f"the new job {specimen.id} was listed and found before anything else was asked")


@check("CC-JOB-042", specimens=SHELF)
def the_newest_job_comes_first(trial: Trial) -> None:
    """CC-JOB-042: the newest job comes first."""
    jobs = trial.workbench.walk("list_jobs", "jobs", _shelf(trial))
    submitted = [specimen.id for specimen in trial.workbench.shelf]
    trial.equal(list(reversed(submitted)), [each["id"] for each in jobs], "the jobs, the newest first")
    trial.witness(f"{len(jobs)} jobs, in the order in which they were submitted, backwards")


@check("CC-JOB-042", specimens=(*SHELF, "parameters"))
def the_list_shows_jobs_as_they_are(trial: Trial) -> None:
    """CC-JOB-042: each job is as get_job gives it, without `history` and `spec`."""
    jobs = trial.workbench.walk("list_jobs", "jobs", _shelf(trial))
    if trial.workbench.applies("parameters"):
        array = trial.workbench.final("parameters")["id"]
        run = [("label", f"run={trial.workbench.run_name}")]
        jobs += [each for each in trial.workbench.walk("list_jobs", "jobs", run) if each["id"] == array]
    for listed in jobs:
        single = trial.client.call("get_job", job_id=str(listed["id"])).expect(200).document()
        wanted = {
            name: value for name, value in single.items() if name not in ("history", "spec", "observed_at")
        }
        listed.pop("observed_at", None)
        trial.equal(wanted, listed, f"the job {single['id']} in the list")
        trial.witness(f"the job {single['id']} is the same in the list")


@check("CC-JOB-043", specimens=SHELF)
def jobs_that_arrive_disturb_no_walk(trial: Trial) -> None:
    """CC-JOB-043: jobs present throughout a walk appear once, whatever arrives meanwhile."""
    shelf = _shelf(trial)
    present = [specimen.id for specimen in trial.workbench.shelf]
    arriving = [name for name in ARRIVING if name not in {each.name for each in trial.workbench.all}]
    count = len(arriving)
    if not arriving:
        trial.not_assessed("the jobs that were to arrive during the walk are there already")
    met: list[str] = []
    page: Query = []
    for _ in range(20):
        document = (
            trial.client.call("list_jobs", query=[*shelf, ("page_size", "2"), *page]).expect(200).document()
        )
        met += [str(each["id"]) for each in document["jobs"]]
        if "next_page_token" not in document:
            break
        page = [("page_token", document["next_page_token"])]
        if arriving:
            specimen = trial.workbench.specimen(arriving.pop(0))
            trial.witness(f"the job {specimen.id} arrived during the walk")
    trial.require(len(arriving) < count, f"{len(present)} jobs in pages of 2 are one page")
    for job_id in present:
        trial.equal(1, met.count(job_id), f"how often the job {job_id} appeared in the walk")
    trial.witness(f"the {len(present)} jobs present from the start appeared once each")


@check("CC-JOB-044", specimens=("plain", "exit-nonzero", *SHELF))
def filters_select(trial: Trial) -> None:
    """CC-JOB-044: `state`, `label` and `facility_id` select, and an unknown facility lists nothing."""
    plain = str(trial.workbench.succeeded("plain")["id"])
    failed = str(trial.workbench.final("exit-nonzero")["id"])
    run = ("label", f"run={trial.workbench.run_name}")

    def ids(*query: tuple[str, str]) -> list[str]:
        return [str(each["id"]) for each in trial.workbench.walk("list_jobs", "jobs", query)]

    everything = ids(run)
    trial.require({plain, failed} <= set(everything), "a job of this run is not found by its label")
    for states in (["succeeded"], ["failed"], ["succeeded", "failed"], ["cancelled"]):
        jobs = trial.workbench.walk("list_jobs", "jobs", [run, *(("state", state) for state in states)])
        shown = {each["state"] for each in jobs}
        trial.require(shown <= set(states), f"state={states} gave jobs that are {sorted(shown)}")
        found = {str(each["id"]) for each in jobs}
        trial.equal(
            "succeeded" in states, plain in found, f"whether state={states} gives a job that succeeded"
        )
        trial.equal("failed" in states, failed in found, f"whether state={states} gives a job that failed")
        trial.witness(f"state={'|'.join(states)} gives {len(jobs)} jobs")
    rich = trial.workbench.specimen("optional")
    for name, value in rich.body["labels"].items():
        trial.require(
            rich.id in ids(run, ("label", f"{name}={value}")), f"label={name}={value} does not give the job"
        )
    trial.equal([plain], ids(run, ("label", "certification=plain")), "the jobs with both labels")
    for value in ("plai", "PLAIN", "pl_in", "plai%", "pla*", "", "plain "):
        other = ids(run, ("label", f"certification={value}"))
        trial.equal([], other, f"the jobs with certification={value!r}, where a job has plain")
    trial.equal(
        [], ids(("label", "shelf=one"), ("label", "certification=plain"), run), "the jobs with three labels"
    )
    trial.equal(everything, ids(run, ("facility_id", trial.target.facility_id)), "the jobs at this facility")
    trial.equal([], ids(run, ("facility_id", "no-such-facility")), "the jobs at an unknown facility")
    trial.witness(f"labels and facility_id select among {len(everything)} jobs")


@check("CC-JOB-044")
def faulty_filters_are_refused(trial: Trial) -> None:
    """CC-JOB-044: a `label=` whose key is no label's key is 422."""
    for label in ("a b=x", "=x", "ä=x", "no-value", "k" * 64 + "=x"):
        exchange = trial.client.call("list_jobs", query=[("label", label)])
        named = [error.get("parameter") for error in exchange.problem(422)["errors"]]
        trial.require("label" in named, f"{exchange}: the errors name {named}")
        trial.witness(f"label={label[:20]}: 422")


@check("CC-JOB-045", specimens=SHELF)
def times_select_strictly_after(trial: Trial) -> None:
    """CC-JOB-045: `created_after` and `updated_after` select strictly after, in microseconds."""
    shelf = _shelf(trial)
    jobs = trial.workbench.walk("list_jobs", "jobs", shelf)
    for member, parameter in (("created_at", "created_after"), ("updated_at", "updated_after")):
        times = sorted(instant(each[member]) for each in jobs)
        middle = times[len(times) // 2]
        for moment in (middle, middle - timedelta(microseconds=1), times[0], times[-1]):
            text = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            found = trial.workbench.walk("list_jobs", "jobs", [*shelf, (parameter, text)])
            wanted = [each["id"] for each in jobs if instant(each[member]) > moment]
            trial.equal(wanted, [each["id"] for each in found], f"the jobs with {parameter}={text}")
        trial.witness(f"{parameter} gives the jobs strictly after {middle.isoformat()}")
