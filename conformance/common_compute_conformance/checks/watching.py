"""Check that get_job waits for a change when it is asked to, and not when there is nothing to wait for."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from common_compute_conformance.client import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.specimens import LONG_SECONDS
from common_compute_conformance.trial import Trial
from common_compute_conformance.workbench import Specimen

_WAIT_SECONDS = 30
_CALM_TRIES = 5
_LEAST_WAIT = 0.9


def _ceiling(trial: Trial) -> int:
    return int(trial.target.service_info["limits"]["max_wait_seconds"])


def _waiting(trial: Trial, specimen: Specimen, seconds: int, etag: str | None = None) -> Exchange:
    return trial.client.call(
        "get_job",
        job_id=specimen.id,
        query=[("wait_seconds", str(seconds))],
        headers={"If-None-Match": etag} if etag is not None else {},
        timeout=trial.pace.request_timeout + seconds,
    )


def _etag(trial: Trial, specimen: Specimen) -> str:
    return str(trial.client.call("get_job", job_id=specimen.id).expect(200).headers.get("etag", ""))


@check("CC-JOB-048")
def a_change_ends_the_wait(trial: Trial) -> None:
    """CC-JOB-048: a wait ends at the first difference from the ETag, or at the first change of state."""
    wait = min(_WAIT_SECONDS, _ceiling(trial))
    body = {**trial.workbench.trivial(), "command": ["sleep", str(LONG_SECONDS)]}
    specimen = trial.workbench.once(body)
    for _ in trial.pace.polls(trial.pace.job_patience):
        if trial.workbench.look(specimen)["state"] == "running":
            break
    etag = _etag(trial, specimen)
    with ThreadPoolExecutor(2) as pool:
        by_etag: Future[Exchange] = pool.submit(_waiting, trial, specimen, wait, etag)
        by_state: Future[Exchange] = pool.submit(_waiting, trial, specimen, wait)
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


@check("CC-JOB-049")
def without_a_change_the_wait_ends(trial: Trial) -> None:
    """CC-JOB-049: at the end of the wait it is 304 with `If-None-Match`, 200 without."""
    specimen = trial.workbench.running("long")
    for _ in range(_CALM_TRIES):
        etag = _etag(trial, specimen)
        by_etag = _waiting(trial, specimen, 1, etag)
        if by_etag.status == 304 or by_etag.headers.get("etag") == etag:
            break  # else something of the job did change meanwhile, and the wait rightly ended
    by_state = _waiting(trial, specimen, 1)
    for exchange, status in ((by_etag, 304), (by_state, 200)):
        trial.equal(status, exchange.status, f"the status at the end of a wait without a change, {exchange}")
        seconds = exchange.seconds
        trial.require(seconds >= _LEAST_WAIT, f"a wait of 1 s ended after {seconds:.2f} s without a change")
        trial.witness(f"{exchange} after {seconds:.2f} s")


@check("CC-JOB-050", specimens=("plain",))
def a_terminal_job_makes_nobody_wait(trial: Trial) -> None:
    """CC-JOB-050: a terminal job answers at once, and a long wait is taken as the longest."""
    trial.workbench.final("plain")
    specimen = trial.workbench.specimen("plain")
    etag = _etag(trial, specimen)
    for seconds in (_ceiling(trial), _ceiling(trial) + 1, 10**9):
        for known, status in ((None, 200), (etag, 304)):
            exchange = _waiting(trial, specimen, seconds, known)
            trial.equal(
                status, exchange.status, f"the status with wait_seconds={seconds}, If-None-Match: {known}"
            )
            trial.require(
                exchange.seconds < 1 + _ceiling(trial) / 2, f"{exchange} took {exchange.seconds:.1f} s"
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
