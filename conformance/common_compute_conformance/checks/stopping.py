"""Cancel a long job while it runs and is waited for: one event, which several checks look at."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from common_compute_conformance.checks.watching import ceiling, etag_of, waiting
from common_compute_conformance.contract import Document
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.specimen import Specimen
from common_compute_conformance.trial import Trial

_WAIT_SECONDS = 30


@dataclass(frozen=True)
class Stop:
    """What was seen of the job `long` when it was cancelled.

    `before` is the job as it was then. `job` is None if it did not end within `patience` seconds; `by_etag`
    and `by_state` are the answers to two waits that were on when it was cancelled, where the service claims
    `watch`.
    """

    specimen: Specimen
    before: Document
    cancelled: Exchange
    job: Document | None
    patience: float
    seconds: float
    wait_seconds: int
    etag: str
    by_etag: Exchange | None
    by_state: Exchange | None


def stopped(trial: Trial) -> Stop:
    """Cancel `long`, once for all checks; raises NotAssessed if it had ended by itself."""
    return trial.workbench.shared("stopped", lambda: _stop(trial))


def _stop(trial: Trial) -> Stop:
    specimen = trial.workbench.unfinished("long")
    before = trial.workbench.look(specimen)
    patience = trial.pace.cancel_patience + trial.target.cancel_grace_seconds
    wait = min(_WAIT_SECONDS, max(1, int(patience)), ceiling(trial))
    etag = etag_of(trial, specimen)
    with ThreadPoolExecutor(2) as pool:
        waits = []
        if trial.target.claims("watch"):
            waits = [
                pool.submit(_until_a_change, trial, specimen, wait, etag, str(before["state"]), patience),
                pool.submit(_until_a_change, trial, specimen, wait, None, str(before["state"]), patience),
            ]
            trial.pace.sleep(0.5)  # so that both are on
        started = trial.pace.now()
        cancelled = trial.client.call("cancel_job", job_id=specimen.id)
        job = trial.workbench.settle(specimen, patience)
        seconds = trial.pace.now() - started
        ended = [each.result() for each in waits]
    by_etag, by_state = ended or (None, None)
    return Stop(specimen, before, cancelled, job, patience, seconds, wait, etag, by_etag, by_state)


def _until_a_change(
    trial: Trial, specimen: Specimen, wait: int, etag: str | None, state: str, patience: float
) -> Exchange:
    """Wait again while the time is over before anything has changed: a service may have a short ceiling."""
    end = trial.pace.now() + patience
    while True:
        exchange = waiting(trial, specimen, wait, etag)
        still = exchange.status == 304 or (
            etag is None and exchange.status == 200 and exchange.document()["state"] == state
        )
        over = specimen.final is not None or trial.pace.now() > end
        if not still or exchange.seconds < wait or over:
            return exchange
