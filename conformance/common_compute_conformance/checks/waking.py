"""Check that a change wakes who waits for it; after `long`, since a facility may have one place for both."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from common_compute_conformance.checks.watching import ceiling, etag_of, waiting
from common_compute_conformance.client import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.specimens import LONG_SECONDS
from common_compute_conformance.trial import Trial

_WAIT_SECONDS = 30


@check("CC-JOB-048")
def a_change_ends_the_wait(trial: Trial) -> None:
    """CC-JOB-048: a wait ends at the first difference from the ETag, or at the first change of state."""
    wait = min(_WAIT_SECONDS, ceiling(trial))
    body = {**trial.workbench.trivial(), "command": ["sleep", str(LONG_SECONDS)]}
    specimen = trial.workbench.once(body)
    for _ in trial.pace.polls(trial.pace.job_patience):
        if trial.workbench.look(specimen)["state"] == "running":
            break
    etag = etag_of(trial, specimen)
    with ThreadPoolExecutor(2) as pool:
        by_etag: Future[Exchange] = pool.submit(waiting, trial, specimen, wait, etag)
        by_state: Future[Exchange] = pool.submit(waiting, trial, specimen, wait)
        trial.pace.sleep(0.5)
        trial.client.call("cancel_job", job_id=specimen.id).expect(202)
        first, second = by_etag.result(), by_state.result()
    trial.equal(200, first.status, "the status of the wait with If-None-Match")
    trial.require(
        first.headers.get("etag") != etag, "the wait with If-None-Match gave the ETag that was known"
    )
    trial.require(first.seconds < wait, f"the wait with If-None-Match went on for {first.seconds:.1f} s")
    trial.equal(200, second.status, "the status of the wait without If-None-Match")
    trial.require(
        second.document()["state"] != "running",
        "the wait without If-None-Match ended before the state changed",
    )
    trial.require(second.seconds < wait, f"the wait without If-None-Match went on for {second.seconds:.1f} s")
    trial.witness(
        f"{specimen.id}: waits of {wait} s ended at the change, after {first.seconds:.2f} "
        f"and {second.seconds:.2f} s"
    )
    trial.workbench.ended(specimen)
