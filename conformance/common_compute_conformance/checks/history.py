"""Check what a job tells of its life: history, times, stability once it is terminal, ETag."""

from __future__ import annotations

from itertools import pairwise

from common_compute_conformance.checks.idempotency import twins
from common_compute_conformance.contract import Document, instant
from common_compute_conformance.registry import check
from common_compute_conformance.specimen import Specimen
from common_compute_conformance.trial import Trial

_LIVES = (
    "plain",
    "faithful",
    "exit-nonzero",
    "signal",
    "no-command",
    "output-missing",
    "files",
    "exits",
    "over-time",
)


def _lives(trial: Trial) -> list[Document]:
    return [trial.workbench.final(name) for name in _LIVES if trial.workbench.applies(name)]


def _watched(trial: Trial) -> list[Specimen]:
    """Return the jobs whose every look is held against the laws, one that was followed closely among them."""
    names = [name for name in _LIVES if trial.workbench.applies(name)]
    return [*(trial.workbench.specimen(name) for name in names), twins(trial).specimen]


def _looks(trial: Trial, name: str) -> list[Document]:
    return [look.document() for look in trial.workbench.specimen(name).looks]


@check("CC-JOB-022", specimens=_LIVES)
def history_is_whole(trial: Trial) -> None:
    """CC-JOB-022: `history` begins pending at `created_at` and ends with the job's state."""
    for specimen in _watched(trial):
        final = trial.workbench.ended(specimen)
        known: list[Document] = []
        for job in (look.document() for look in specimen.looks):
            history = job["history"]
            first, last = history[0], history[-1]
            beginning = (first["state"], first["attempt"], first["at"])
            trial.equal(
                (trial.transitions.initial, 1, job["created_at"]), beginning, f"how {job['id']} began"
            )
            trial.equal(
                (job["state"], job["attempt"]), (last["state"], last["attempt"]), f"how {job['id']} goes on"
            )
            moments = [instant(entry["at"]) for entry in history]
            trial.equal(sorted(moments), moments, f"the times in the history of {job['id']}")
            trial.equal(known, history[: len(known)], f"what the history of {job['id']} told before")
            known = history
        trial.witness(f"{final['id']}: {' -> '.join(entry['state'] for entry in final['history'])}")


@check("CC-JOB-023", specimens=_LIVES)
def steps_are_legal(trial: Trial) -> None:
    """CC-JOB-023: each entry of `history` follows by a legal step from the one before."""
    for specimen in _watched(trial):
        final = trial.workbench.ended(specimen)
        for job in (look.document() for look in specimen.looks):
            steps = [(str(entry["state"]), int(entry["attempt"])) for entry in job["history"]]
            for before, after in pairwise(steps):
                trial.require(
                    trial.transitions.allow(before, after), f"{job['id']} went from {before} to {after}"
                )
        trial.witness(f"{final['id']}: {len(final['history']) - 1} legal steps")


@check("CC-JOB-023", specimens=_LIVES)
def what_was_seen_is_in_the_history(trial: Trial) -> None:
    """CC-JOB-023: states as they were seen from outside follow in the order of the history."""
    for name in _LIVES:
        if not trial.workbench.applies(name):
            continue
        job = trial.workbench.final(name)
        told = [(entry["state"], entry["attempt"]) for entry in job["history"]]
        seen = [(look["state"], look["attempt"]) for look in _looks(trial, name)]
        position = 0
        for state in seen:
            trial.require(
                state in told[position:], f"{job['id']} was seen {state}, after which its history has no such"
            )
            position = told.index(state, position)
        trial.witness(f"{job['id']} was looked at {len(seen)} times, always where its history says")


@check("CC-JOB-024", specimens=_LIVES)
def times_are_in_order(trial: Trial) -> None:
    """CC-JOB-024: `created_at`, `started_at` and `finished_at` do not decrease."""
    for job in _lives(trial):
        names = [name for name in ("created_at", "started_at", "finished_at") if name in job]
        moments = [instant(job[name]) for name in names]
        trial.equal(sorted(moments), moments, f"{', '.join(names)} of {job['id']}")
        trial.witness(f"{job['id']}: {' <= '.join(names)}")


@check("CC-JOB-026", specimens=_LIVES)
def a_terminal_job_has_everything(trial: Trial) -> None:
    """CC-JOB-026: from the moment a terminal state is seen, results and logs are there."""
    with_bytes = 0
    for name in _LIVES:
        if not trial.workbench.applies(name):
            continue
        job = trial.workbench.final(name)
        for exchange in trial.workbench.specimen(name).at_end:
            trial.client.recall(exchange)
            trial.equal(200, exchange.status, f"the status of {exchange} at once after {job['state']}")
        listed = trial.workbench.specimen(name).at_end[0].document()
        later = trial.workbench.results(name)
        first_page = later[: len(listed["results"])]
        if "array" not in trial.workbench.specimen(name).body:
            trial.equal(first_page, listed["results"], f"the results at once after {job['state']}")
        with_bytes += bool(listed["results"])
        trial.witness(
            f"{job['id']} ({name}): {job['state']}, and at once 200 for its results, bytes and logs"
        )
    trial.require(with_bytes > 0, "no job that ended had a result to read at once")


@check("CC-JOB-026")
def a_job_followed_closely_has_everything(trial: Trial) -> None:
    """CC-JOB-026: a job that is looked at all the time has everything at its first terminal look."""
    specimen = twins(trial).specimen
    job = trial.workbench.ended(specimen)
    for exchange in specimen.at_end:
        trial.client.recall(exchange)
        trial.equal(200, exchange.status, f"the status of {exchange} at once after {job['state']}")
    if job["state"] == "succeeded":
        paths = [each["path"] for each in specimen.at_end[0].document()["results"]]
        trial.equal(["kept.seen"], paths, "its results at the first look that showed it terminal")
        trial.equal(b"said", specimen.at_end[1].content, "its log at that look")
        trial.equal(b"kept", specimen.at_end[3].content, "the bytes of its result at that look")
    trial.witness(f"{specimen.id}: {len(specimen.looks)} looks, and at the first terminal one all was there")


@check("CC-JOB-029", specimens=_LIVES)
def a_terminal_job_changes_no_more(trial: Trial) -> None:
    """CC-JOB-029: a terminal job carries `expires_at`, is not stale and changes no more."""
    for job in _lives(trial):
        exchange = trial.client.call("get_job", job_id=str(job["id"])).expect(200)
        trial.require("expires_at" in job, f"the terminal job {job['id']} has no expires_at")
        trial.require(
            instant(job["expires_at"]) > instant(job["created_at"]), f"{job['id']} expires before it was made"
        )
        trial.equal(False, job["stale"], f"stale of the terminal job {job['id']}")
        trial.equal(job, exchange.document(), f"the terminal job {job['id']}, seen again")
        first = next(
            look for name in _LIVES if trial.workbench.applies(name)
            for look in trial.workbench.specimen(name).looks if look.document() == job
        )  # fmt: skip
        trial.equal(
            first.headers.get("etag"), exchange.headers.get("etag"), f"the ETag of {job['id']}, seen again"
        )
        trial.witness(f"{job['id']} is as it was, until {job['expires_at']}")


@check("CC-JOB-046", specimens=("plain",))
def an_etag_saves_the_body(trial: Trial) -> None:
    """CC-JOB-046: a weak ETag, and 304 to who has it."""
    job_id = str(trial.workbench.final("plain")["id"])
    exchange = trial.client.call("get_job", job_id=job_id).expect(200)
    etag = exchange.headers.get("etag", "")
    trial.require(etag.startswith('W/"') and etag.endswith('"'), f"the ETag {etag!r} is not weak")
    for known in (etag, f'"other", {etag}'):
        again = trial.client.call("get_job", job_id=job_id, headers={"If-None-Match": known})
        trial.equal(304, again.status, f"the status of get_job with If-None-Match: {known}")
        trial.equal(etag, again.headers.get("etag"), "the ETag of the 304")
    for unknown in ('W/"another"', '"another"'):
        again = trial.client.call("get_job", job_id=job_id, headers={"If-None-Match": unknown})
        trial.equal(200, again.status, f"the status of get_job with If-None-Match: {unknown}")
    trial.witness(f"{etag}: 304 to who has it, 200 to who has another")


@check("CC-JOB-046", specimens=("plain", "brim"))
def etags_tell_jobs_apart(trial: Trial) -> None:
    """CC-JOB-046: the ETag of one job is not that of another."""
    for name in ("plain", "brim"):
        trial.workbench.final(name)  # both in one state, in which they might be taken for one
    jobs = [
        trial.client.call("get_job", job_id=trial.workbench.specimen(name).id) for name in ("plain", "brim")
    ]
    etags = [exchange.expect(200).headers.get("etag") for exchange in jobs]
    trial.require(etags[0] != etags[1], f"two different jobs have the ETag {etags[0]}")
    trial.witness(f"{etags[0]} and {etags[1]}")
