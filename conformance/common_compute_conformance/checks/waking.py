"""Check that a change of a job wakes who waits for it."""

from __future__ import annotations

from common_compute_conformance.checks.stopping import stopped
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial


@check("CC-JOB-048")
def a_change_ends_the_wait(trial: Trial) -> None:
    """CC-JOB-048: a wait ends at the first difference from the ETag, or at the first change of state."""
    stop = stopped(trial)
    by_etag, by_state = stop.by_etag, stop.by_state
    assert by_etag is not None
    assert by_state is not None
    for exchange in (by_etag, by_state):
        trial.client.recall(exchange)
        trial.equal(200, exchange.status, f"the status of {exchange}")
        trial.require(
            exchange.seconds < stop.wait_seconds,
            f"{exchange} went on for {exchange.seconds:.1f} s, though the job changed",
        )
    trial.require(by_etag.headers.get("etag") != stop.etag, "the wait with If-None-Match gave the known ETag")
    trial.require(
        by_state.document()["state"] != stop.before["state"],
        "the wait without If-None-Match ended before the state changed",
    )
    trial.witness(
        f"{stop.specimen.id}: waits of {stop.wait_seconds} s ended at the change, after "
        f"{by_etag.seconds:.2f} and {by_state.seconds:.2f} s"
    )
