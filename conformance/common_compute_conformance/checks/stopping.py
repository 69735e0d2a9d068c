"""Cancel a long job while it runs and is waited for: one event, which several checks look at."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from common_compute_conformance.checks.watching import ceiling, etag_of, waiting
from common_compute_conformance.client import Exchange
from common_compute_conformance.contract import Document
from common_compute_conformance.specimens.lasting import LONG_SECONDS
from common_compute_conformance.trial import Trial
from common_compute_conformance.workbench import Specimen

_WAIT_SECONDS = 30


@dataclass(frozen=True)
class Stop:
    """What was seen of the job `long` when it was cancelled.

    `job` is None if it did not end within `patience` seconds; `by_etag` and `by_state` are the answers to two
    waits that were on when it was cancelled, where the service claims `watch`.
    """

    specimen: Specimen
    running: Document
    cancelled: Exchange
    job: Document | None
    patience: float
    seconds: float
    wait_seconds: int
    etag: str
    by_etag: Exchange | None
    by_state: Exchange | None


def stopped(trial: Trial) -> Stop:
    """Cancel `long`, once for all checks; raises NotAssessed if it was never seen running."""
    return trial.workbench.shared("stopped", lambda: _stop(trial))


def _stop(trial: Trial) -> Stop:
    specimen = trial.workbench.running("long")
    running = specimen.looks[-1].document()
    grace = int(trial.target.limits.get("cancel_grace_seconds", 0))
    patience = min(trial.pace.cancel_patience + grace, LONG_SECONDS / 2)
    wait = min(_WAIT_SECONDS, max(1, int(patience)), ceiling(trial))
    etag = etag_of(trial, specimen)
    with ThreadPoolExecutor(2) as pool:
        waits = []
        if trial.target.claims("watch"):
            waits = [
                pool.submit(waiting, trial, specimen, wait, etag),
                pool.submit(waiting, trial, specimen, wait),
            ]
            trial.pace.sleep(0.5)  # so that both are on
        started = trial.pace.now()
        cancelled = trial.client.call("cancel_job", job_id=specimen.id)
        job = trial.workbench.settle(specimen, patience)
        seconds = trial.pace.now() - started
        ended = [each.result() for each in waits]
    by_etag, by_state = ended or (None, None)
    return Stop(specimen, running, cancelled, job, patience, seconds, wait, etag, by_etag, by_state)
