"""What brings jobs on: a loop that looks at the machine every fifth of a second, and at nothing in between."""

import logging
import shutil
import threading

import times
from jobs import Job
from store import Store
from workbench import Run, Workbench

EVERY_SECONDS = 0.2
# No job ends sooner than this after its submission.
SLOWNESS = 4 * times.SECOND // 10


class Observation(threading.Thread):
    """Gives pending jobs to the machine, and publishes what has become of those that it has."""

    def __init__(self, store: Store, workbench: Workbench) -> None:
        super().__init__(name="observation")
        self._store = store
        self._workbench = workbench
        self._closed = threading.Event()

    def run(self) -> None:
        """Look again and again."""
        while not self._closed.wait(EVERY_SECONDS):
            with self._store.lock:
                for job in self._store.live():
                    try:
                        self._advance(job, times.now())
                    except OSError:
                        logging.exception("The job %s could not be brought on.", job.id)
                self._store.expire(times.now())

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        self.join()

    def _advance(self, job: Job, now: int) -> None:
        run = self._workbench.look(job.id)
        asked = job.cancel_requested is not None
        may_end = now - job.accepted >= SLOWNESS
        if run is None:
            if not asked:
                self._workbench.take(job.id, job.spec, job.directory)
            elif may_end:
                self._store.make_room(job)
                job.complete = not any(output.get("required", True) for output in job.spec.get("outputs", []))
                job.end("cancelled", {"code": "cancelled-by-user"}, now)
            return
        job.observed = times.whole_second(now)
        if asked:
            self._workbench.cancel(job.id)
        if run.over and may_end:
            self._publish(job, run, now)
        elif run.over:
            return
        elif run.started is None:
            job.step("queued", now)
        else:
            job.started = times.whole_second(run.started)
            job.step("running", now)

    def _publish(self, job: Job, run: Run, now: int) -> None:
        job.started = run.started and times.whole_second(run.started)
        job.finished = run.finished and times.whole_second(run.finished)
        job.exit_code, job.results, job.complete = run.exit_code, run.results, run.complete
        job.end(*verdict(run), now)
        self._workbench.forget(job.id)
        for name in ("work", "tmp"):
            shutil.rmtree(job.directory / name, ignore_errors=True)


def verdict(run: Run) -> tuple[str, dict[str, str] | None]:
    """Judge a run that is over: the state that the job ends in, and the reason."""
    if run.cancelled:
        return "cancelled", {"code": "cancelled-by-user"}
    if run.trouble is not None:
        return "failed", {"code": "unknown", "detail": run.trouble}
    if run.exit_code != 0:
        return "failed", {"code": "exit-nonzero"}
    if not run.complete:
        return "failed", {"code": "output-missing"}
    return "succeeded", None
