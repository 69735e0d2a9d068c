"""Check that get_job waits for a change when it is asked to, and not when there is nothing to wait for."""

from __future__ import annotations

import math

from common_compute_conformance.exchange import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.specimen import Specimen
from common_compute_conformance.trial import Trial

_CALM_TRIES = 5
_LEAST_WAIT = 0.9
_AT_ONCE = 0.5
_SOON = 4


def ceiling(trial: Trial) -> int:
    """Return the longest wait that the service announces, in seconds."""
    return int(trial.target.service_info["limits"]["max_wait_seconds"])


def waiting(trial: Trial, specimen: Specimen, seconds: int, etag: str | None = None) -> Exchange:
    """Call get_job with `wait_seconds`, and with `If-None-Match` if an ETag is given."""
    return trial.client.call(
        "get_job",
        job_id=specimen.id,
        query=[("wait_seconds", str(seconds))],
        headers={"If-None-Match": etag} if etag is not None else {},
        timeout=trial.pace.request_timeout + seconds,
    )


def etag_of(trial: Trial, specimen: Specimen) -> str:
    """Return a job's ETag as it is now."""
    return str(trial.client.call("get_job", job_id=specimen.id).expect(200).headers.get("etag", ""))


@check("CC-JOB-049")
def without_a_change_the_wait_ends(trial: Trial) -> None:
    """CC-JOB-049: at the end of the wait it is 304 with `If-None-Match`, 200 without."""
    specimen = trial.workbench.unfinished("long")
    for _ in range(_CALM_TRIES):
        etag = etag_of(trial, specimen)
        by_etag = waiting(trial, specimen, 1, etag)
        if by_etag.status == 304 or by_etag.headers.get("etag") == etag:
            break  # else something of the job did change meanwhile, and the wait rightly ended
    by_state = waiting(trial, specimen, 1)
    # Of a job whose native words change all the time each wait rightly ends early.
    restless = by_etag.status == 200 and by_etag.headers.get("etag") not in (None, etag)
    for exchange, status in ((by_state, 200),) if restless else ((by_etag, 304), (by_state, 200)):
        trial.equal(status, exchange.status, f"the status at the end of a wait without a change, {exchange}")
        seconds = exchange.seconds
        trial.require(seconds >= _LEAST_WAIT, f"a wait of 1 s ended after {seconds:.2f} s without a change")
        trial.witness(f"{exchange} after {seconds:.2f} s")


@check("CC-JOB-050", specimens=("plain",))
def a_terminal_job_makes_nobody_wait(trial: Trial) -> None:
    """CC-JOB-050: a terminal job answers at once, and a long wait is taken as the longest."""
    trial.workbench.final("plain")
    specimen = trial.workbench.specimen("plain")
    etag = etag_of(trial, specimen)
    for seconds in (min(_SOON, ceiling(trial)), ceiling(trial), ceiling(trial) + 1, 10**9):
        for known, status in ((None, 200), (etag, 304)):
            quickest = math.inf
            for _ in range(_CALM_TRIES):
                exchange = waiting(trial, specimen, seconds, known)
                trial.equal(
                    status, exchange.status, f"the status with wait_seconds={seconds}, If-None-Match: {known}"
                )
                quickest = min(quickest, exchange.seconds)
                if quickest < _AT_ONCE:
                    break
            least = min(seconds, ceiling(trial)) / 2
            trial.require(
                quickest < max(_AT_ONCE, least),
                f"{exchange} took {quickest:.1f} s at best, {_CALM_TRIES} times",
            )
        trial.witness(f"wait_seconds={seconds} of a terminal job: answered at once")


@check("CC-JOB-051", specimens=("plain",))
def faulty_waits_are_refused(trial: Trial) -> None:
    """CC-JOB-051: a `wait_seconds` below 1, or without the class watch, is 422."""
    job_id = str(trial.workbench.final("plain")["id"])
    values = ("0", "-1", "1.5", "soon", "") if trial.target.claims("watch") else ("0", "1", "10")
    for value in values:
        exchange = trial.client.call("get_job", job_id=job_id, query=[("wait_seconds", value)])
        named = [error.get("parameter") for error in exchange.problem(422)["errors"]]
        trial.require("wait_seconds" in named, f"{exchange}: the errors name {named}")
        trial.witness(f"wait_seconds={value}: 422")
