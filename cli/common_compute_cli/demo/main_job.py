"""The main job: an array over pools of a time series, and a second job that draws what the tasks found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common_compute_cli.binding import Results, bind
from common_compute_cli.demo.jobs import Jobs
from common_compute_cli.downloads import Download, download_results
from common_compute_cli.errors import UnexpectedEnd
from common_compute_cli.specification import use_case
from common_compute_cli.wire import Document

SOFTWARE = "python"
USE_CASE = "timeseria"
PERIOD = "period.json"


@dataclass(frozen=True)
class Brought:
    """What one job left on this machine."""

    job: Document
    downloads: list[Download]


def fit_pools(jobs: Jobs, facility_id: str, directory: Path) -> Brought:
    """Run the array job and bring its results, one file per task."""
    return _run(jobs, _template("body.json"), facility_id, None, directory / "periods")


def draw_plot(jobs: Jobs, facility_id: str, fitted: Brought, directory: Path) -> Brought:
    """Run the collecting job on the array's results, and bring the plot and the summary."""
    results: dict[int, dict[str, bytes]] = {}
    for download in fitted.downloads:
        if download.task_index is not None and download.path.name == PERIOD:
            results[download.task_index] = {PERIOD: download.path.read_bytes()}
    return _run(jobs, _template("collect_body.json"), facility_id, results, directory)


def long_job(facility_id: str, seconds: int) -> dict[str, Any]:
    """Give the specification of a job that does nothing for so long, to be cancelled."""
    return {
        "name": "Too long",
        "facility_id": facility_id,
        "software": {"kind": "installed", "name": "posix-shell"},
        "command": ["sleep", str(seconds)],
    }


def finding(drawn: Brought) -> str:
    """Give what the summary says, in a sentence."""
    path = next(each.path for each in drawn.downloads if each.path.name == "summary.json")
    summary = json.loads(path.read_text(encoding="utf-8"))
    median, shortest, longest = (
        summary[f"{which}_period_years"] for which in ("median", "shortest", "longest")
    )
    return (
        f"{summary['pools']} pools of years: the solar cycle takes {median:.1f} years in the median, "
        f"{shortest:.1f} to {longest:.1f} in all"
    )


def save_logs(jobs: Jobs, brought: Brought, directory: Path) -> int:
    """Write what every task wrote into one file per task and stream, and give the number of files."""
    counts = brought.job.get("task_counts")
    indices: list[int | None] = [None] if counts is None else list(range(counts["total"]))
    directory.mkdir(parents=True, exist_ok=True)
    for index in indices:
        for stream in ("stdout", "stderr"):
            name = stream if index is None else f"task-{index:04d}.{stream}"
            with jobs.client.get_log(brought.job["id"], stream, task_index=index) as pieces:
                (directory / f"{name}.txt").write_bytes(b"".join(pieces))
    return 2 * len(indices)


def _run(jobs: Jobs, template: Any, facility_id: str, results: Results | None, directory: Path) -> Brought:
    values = {"FACILITY": facility_id, "SOFTWARE": SOFTWARE}
    job_id = jobs.submit_job(bind(template, values, use_case(USE_CASE), results))
    job = jobs.wait_for(job_id)
    if job["state"] != "succeeded":
        raise UnexpectedEnd(job)
    return Brought(job, list(download_results(jobs.client, job_id, directory)))


def _template(name: str) -> Any:
    return json.loads(use_case(USE_CASE).joinpath(name).read_text(encoding="utf-8"))
