"""Submit jobs, follow them, bring their results and logs, cancel and release them."""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from common_compute_cli import output, pace
from common_compute_cli.binding import bind
from common_compute_cli.client import Client
from common_compute_cli.connection import AsJson, TokenFile, Url, connect
from common_compute_cli.downloads import download_results
from common_compute_cli.errors import ANSWER_IS_NO, WrongUsage
from common_compute_cli.progress import JobProgress
from common_compute_cli.specification import job_states
from common_compute_cli.waiting import wait_for_end
from common_compute_cli.wire import Document

app = typer.Typer(no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.", show_default=False)]
Patience = Annotated[
    float | None,
    typer.Option("--patience", min=0.0, help="Give up waiting after so many seconds; the job goes on."),
]


@app.command()
def submit(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A job specification in JSON; '-' is the standard input.")
    ],
    url: Url = None,
    token_file: TokenFile = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="FILE is a template: bind ${NAME} in it, and ${FILE:path} to files beside it. Repeatable.",
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            help="Your own name for this submission; by default a new one, so that retries are safe."
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, and show the progress.")] = False,
    patience: Patience = None,
    as_json: AsJson = False,
) -> None:
    """Submit a job; prints its id. With --wait, the exit code is 0 only if the job succeeded."""
    spec = read_spec(file, values or [])
    with connect(url, token_file) as client:
        job = client.submit_job(spec, idempotency_key=idempotency_key or pace.new_key())
        if wait:
            _follow(client, job["id"], patience, as_json=as_json)
        elif as_json:
            output.print_json(job)
        else:
            sys.stdout.write(f"{job['id']}\n")


@app.command(name="list")
def list_(
    url: Url = None,
    token_file: TokenFile = None,
    states: Annotated[
        list[str] | None, typer.Option("--state", help="Only jobs in this state. Repeatable.")
    ] = None,
    facility: Annotated[str | None, typer.Option(help="Only jobs at this facility.")] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="KEY=VALUE", help="Only jobs with this label. Repeatable: all must hold."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many jobs.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List your jobs, newest first."""
    for name in states or []:
        if name not in job_states():
            raise WrongUsage(f"'{name}' is no state of a job: the states are {', '.join(job_states())}.")
    with connect(url, token_file) as client:
        found = client.list_jobs(
            states=states or [], facility_id=facility, labels=labels or [], page_size=min(limit + 1, 1000)
        )
        jobs = list(islice(found, limit + 1))
    if as_json:
        output.print_json(jobs[:limit])
        return
    output.table(
        ["JOB", "STATE", "FACILITY", "CREATED", "NAME", "ENDING"],
        [
            (
                job["id"],
                output.state(job["state"]),
                job["facility_id"],
                output.moment(job["created_at"]),
                job.get("name"),
                output.ending(job),
            )
            for job in jobs[:limit]
        ],
        empty="No jobs.",
    )
    if len(jobs) > limit:
        _notes().print(f"There are more: --limit shows more than {limit}.")


@app.command()
def status(job_id: JobId, url: Url = None, token_file: TokenFile = None, as_json: AsJson = False) -> None:
    """Show a job, and the tasks of an array that need attention."""
    with connect(url, token_file) as client:
        job = client.get_job(job_id)
        if as_json:
            output.print_json(job)
            return
        output.job(job)
        if job.get("task_counts", {}).get("failed"):
            failed = list(islice(client.list_tasks(job_id, states=["failed"]), 10))
            output.console().print()
            output.table(
                ["FAILED TASK", "ENDING"], [(task["index"], output.ending(task)) for task in failed], empty=""
            )


@app.command()
def wait(
    job_id: JobId,
    url: Url = None,
    token_file: TokenFile = None,
    patience: Patience = None,
    as_json: AsJson = False,
) -> None:
    """Wait for a job's end, and show its progress; the exit code is 0 only if the job succeeded."""
    with connect(url, token_file) as client:
        _follow(client, job_id, patience, as_json=as_json)


@app.command()
def logs(
    job_id: JobId,
    url: Url = None,
    token_file: TokenFile = None,
    stderr: Annotated[
        bool, typer.Option("--stderr", help="The standard error in place of the output.")
    ] = False,
    task: Annotated[int | None, typer.Option(min=0, help="Which task of an array.")] = None,
) -> None:
    """Write what a job wrote, byte for byte, to the standard output."""
    with (
        connect(url, token_file) as client,
        client.get_log(job_id, "stderr" if stderr else "stdout", task_index=task) as pieces,
    ):
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


@app.command()
def results(
    job_id: JobId,
    url: Url = None,
    token_file: TokenFile = None,
    out: Annotated[
        Path | None, typer.Option(help="Download them into this directory and compare their sha256.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List a job's results, or download them with --out."""
    with connect(url, token_file) as client:
        if out is not None:
            _download(client, job_id, out, as_json=as_json)
            return
        found = list(client.list_results(job_id))
        complete = client.is_complete(job_id)
    if as_json:
        output.print_json({"complete": complete, "results": found})
        return
    output.table(
        ["TASK", "PATH", "SIZE", "SHA256"],
        [
            (result.get("task_index"), result["path"], output.size(result["size_bytes"]), result["sha256"])
            for result in found
        ],
        empty="No results.",
    )
    if not complete:
        _notes().print("Not complete: at least one required output is not there.")


@app.command()
def cancel(job_id: JobId, url: Url = None, token_file: TokenFile = None, as_json: AsJson = False) -> None:
    """Ask that a job does not run, or does not go on; it may take a while until it ends."""
    with connect(url, token_file) as client:
        job = client.cancel_job(job_id)
    if as_json:
        output.print_json(job)
    else:
        output.job(job)


@app.command()
def release(
    job_ids: Annotated[list[str], typer.Argument(metavar="JOB...", help="The ids of jobs that have ended.")],
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Be done with jobs that have ended: they, their results and their logs are removed at once."""
    with connect(url, token_file) as client:
        for job_id in job_ids:
            client.release_job(job_id)


def read_spec(file: str, values: list[str]) -> Any:
    """Give the job specification of a file, bound if values are given.

    Raises:
        WrongUsage: the file cannot be read, is no JSON, or a value is not written NAME=VALUE.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        spec = json.loads(text)
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise WrongUsage(f"{file} is no JSON: {error}.") from error
    if not values:
        return spec
    bound = {}
    for value in values:
        name, separator, bound_to = value.partition("=")
        if not separator:
            raise WrongUsage(f"'{value}' has no '=': write --set NAME=VALUE.")
        bound[name] = bound_to
    return bind(spec, bound, Path() if file == "-" else Path(file).parent)


def _follow(client: Client, job_id: str, patience: float | None, *, as_json: bool) -> None:
    with JobProgress(_notes()) as progress:
        job = wait_for_end(client, job_id, on_change=progress.show, patience_seconds=patience)
    if as_json:
        output.print_json(job)
    else:
        output.job(job)
    if job["state"] != "succeeded":
        raise typer.Exit(ANSWER_IS_NO)


def _download(client: Client, job_id: str, directory: Path, *, as_json: bool) -> None:
    written: list[Document] = []
    for download in download_results(client, job_id, directory):
        written.append(
            {"path": str(download.path), "size_bytes": download.size_bytes, "sha256": download.sha256}
        )
        if not as_json:
            output.console().print(
                output.plain(f"{download.path} ({output.size(download.size_bytes)})"), soft_wrap=True
            )
    if as_json:
        output.print_json(written)
    elif not written:
        output.console().print("No results.")


def _notes() -> Console:
    """Give the console for what is not the answer itself, so that the answer can be piped."""
    return Console(stderr=True, highlight=False)
