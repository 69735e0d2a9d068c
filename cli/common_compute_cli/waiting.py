"""Wait for the end of a job: by held answers where the server offers them, else by ever slower polls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common_compute_cli import pace
from common_compute_cli.client import Client
from common_compute_cli.errors import NeverEnded, NothingAnswers
from common_compute_cli.specification import terminal_states
from common_compute_cli.wire import Document

_LONGEST_HOLD_SECONDS = 20
_LONGEST_SILENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Watch:
    """How this server lets a job be followed: seconds that it holds an answer back, 0 if it does not."""

    hold_seconds: int

    @classmethod
    def of(cls, client: Client) -> Watch:
        """Read it from the service's own document."""
        info = client.get_service_info()
        offered = info["limits"]["max_wait_seconds"] if "watch" in info["conforms_to"] else 0
        return cls(min(_LONGEST_HOLD_SECONDS, offered))


def wait_for_end(
    client: Client,
    job_id: str,
    *,
    on_change: Callable[[Document], None] = lambda _: None,
    patience_seconds: float | None = None,
) -> Document:
    """Give the job once it is terminal; `on_change` is called with every version of it that is seen.

    A server that is away for less than a minute, as for a restart, is waited for.

    Raises:
        NeverEnded: the patience is over.
    """
    hold = Watch.of(client).hold_seconds
    start = heard = pace.now()
    pauses = pace.pauses()
    etag: str | None = None
    state = "unknown"
    while True:
        left = None if patience_seconds is None else patience_seconds - (pace.now() - start)
        if left is not None and left <= 0 and etag is not None:
            assert patience_seconds is not None
            raise NeverEnded(job_id, state, patience_seconds)
        held = hold if left is None else min(hold, int(left))
        asked = pace.now()
        try:
            job, etag = client.see_job(job_id, etag=etag, wait_seconds=held if held and etag else None)
            heard = pace.now()
        except NothingAnswers:
            if pace.now() - heard > _LONGEST_SILENCE_SECONDS or etag is None:
                raise
            job = None
        if job is not None:
            state = job["state"]
            on_change(job)
            pauses = pace.pauses()
            if state in terminal_states():
                return job
        # An answer that was held back has had its pause; one that came at once without news has not.
        if not held or (job is None and pace.now() - asked < 1.0):
            pause = next(pauses)
            pace.sleep(pause if left is None else min(pause, max(left, 0.0)))
