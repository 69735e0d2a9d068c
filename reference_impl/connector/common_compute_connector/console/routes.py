"""Which page answers at which path, to which method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from common_compute_connector.console.api import Download
from common_compute_connector.console.pages import (
    credentials,
    endings,
    entrance,
    facilities,
    job,
    jobs,
    logs,
    results,
    start,
    submission,
    tasks,
)
from common_compute_connector.console.visit import Reply, Visit

Page = Callable[[Visit], Awaitable[Reply | Download]]


@dataclass(frozen=True, slots=True)
class Route:
    """A path, with its ids in braces, and the page for each of its methods."""

    path: str
    pages: Mapping[str, Page]
    is_public: bool = False
    """Whether it needs no token."""

    @property
    def methods(self) -> Sequence[str]:
        """The methods that the path has."""
        return sorted({*self.pages, *(("HEAD",) if "GET" in self.pages else ())})

    def ids(self, path: str) -> Mapping[str, str] | None:
        """Give the ids of a path, or None if it is another path."""
        own, given = self.path.split("/"), path.split("/")
        if len(own) != len(given):
            return None
        ids: dict[str, str] = {}
        for name, value in zip(own, given, strict=True):
            if name.startswith("{") and value:
                ids[name.strip("{}")] = value
            elif name != value:
                return None
        return ids

    def page(self, method: str) -> Page | None:
        """Give the page for a method."""
        return self.pages.get("GET" if method == "HEAD" else method)


_JOB = "/console/jobs/{job_id}"
_LIVE_JOB = "/console/live/jobs/{job_id}"

ROUTES: Sequence[Route] = (
    Route("/", {"GET": start.show_start}),
    Route("/console", {"GET": start.lead_to_start}, is_public=True),
    Route("/console/sign-in", {"POST": entrance.sign_in}, is_public=True),
    Route("/console/sign-out", {"POST": entrance.sign_out}, is_public=True),
    Route("/console/submit", {"GET": submission.show_form, "POST": submission.send_form}),
    Route("/console/facilities/{facility_id}", {"GET": facilities.show_facility}),
    Route("/console/facilities/{facility_id}/credential", {"POST": credentials.set_up}),
    Route(
        "/console/facilities/{facility_id}/credential/remove",
        {"GET": credentials.ask_to_remove, "POST": credentials.remove},
    ),
    Route("/console/jobs", {"GET": jobs.show_jobs}),
    Route(_JOB, {"GET": job.show_job}),
    Route(_JOB + "/tasks", {"GET": tasks.show_tasks}),
    Route(_JOB + "/results", {"GET": results.show_results}),
    Route(_JOB + "/results/{result_id}", {"GET": results.download_result}),
    Route(_JOB + "/logs/{stream}", {"GET": logs.download_log}),
    Route(_JOB + "/cancel", {"GET": endings.ask_to_cancel, "POST": endings.cancel}),
    Route(_JOB + "/release", {"GET": endings.ask_to_release, "POST": endings.release}),
    Route("/console/live/jobs", {"GET": jobs.renew_jobs}),
    Route(_LIVE_JOB, {"GET": job.renew_job}),
    Route(_LIVE_JOB + "/logs", {"GET": job.renew_logs}),
    Route(_LIVE_JOB + "/tasks", {"GET": tasks.renew_tasks}),
)


def route_of(path: str) -> tuple[Route, Mapping[str, str]] | None:
    """Find the route of a path, and the ids in it."""
    for route in ROUTES:
        ids = route.ids(path)
        if ids is not None:
            return route, ids
    return None
