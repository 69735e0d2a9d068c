"""The use cases: each as a story, with the very body, and with what came of it when it ran in this build.

They run on the machine that builds the site, as processes of its own, behind a real service.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common_compute_cli.binding import bind
from common_compute_cli.client import Client
from common_compute_cli.demo import main_job
from common_compute_cli.demo.facility import FACILITY_ID, write_configuration
from common_compute_cli.demo.jobs import Jobs
from common_compute_cli.demo.servers import Servers
from common_compute_cli.downloads import Download, download_results
from common_compute_website import places, written
from common_compute_website.markdown import fenced, folded, json_text, link, table

INDEX = "use_cases/index.md"
ORDER = ("cta_installed_software", "cta_container", "many_pools", "timeseria", "timeseria_library")
_SHELL = {"kind": "installed", "name": "posix-shell"}
_SHOWN_RESULTS = 3
_LONGEST_TEXT = 4000
_PICTURE = ".svg"

Document = dict[str, Any]


@dataclass
class Ran:
    """What one body came to: the job at its end, its results and what it wrote."""

    body: str
    job: Document
    results: list[Document]
    files: list[Download]
    logs: dict[str, str] = field(default_factory=dict)


def run(room: Path) -> dict[str, list[Ran]]:
    """Run the use cases that this machine can run, and give what came, by case."""
    room.mkdir(parents=True, exist_ok=True)
    with Servers(room, room) as servers:
        (server,) = servers.start(
            {"facility": ("serve", "--config", str(write_configuration(room)), "--port", "0")}
        )
        with Client(server.url) as client, Jobs(client) as jobs:
            shell = {"FACILITY": FACILITY_ID, "SOFTWARE": "posix-shell", "VERSION": "system"}
            fitted = main_job.fit_pools(jobs, FACILITY_ID, room / "timeseria")
            drawn = main_job.draw_plot(jobs, FACILITY_ID, fitted, room / "timeseria")
            started = {
                name: jobs.submit_job(_bound(name, shell))
                for name in ("cta_installed_software", "cta_container", "many_pools")
            }
            found = {
                name: [_told(client, "body.json", jobs.wait_for(job_id), room / name)]
                for name, job_id in started.items()
            }
            found["timeseria"] = [
                _told(client, "body.json", fitted.job, room / "timeseria", fitted.downloads),
                _told(client, "collect_body.json", drawn.job, room / "timeseria", drawn.downloads),
            ]
            jobs.release_all()
            return found


def _bound(name: str, values: dict[str, str]) -> Document:
    case = places.CASES / name
    template = json.loads((case / "body.json").read_text(encoding="utf-8"))
    if template["software"]["kind"] == "container":
        template["software"] = _SHELL
    return dict(bind(template, values, case))


def _told(client: Client, body: str, job: Document, room: Path, files: list[Download] | None = None) -> Ran:
    if job["state"] != "succeeded":
        raise RuntimeError(f"{job['name']} ended as {job['state']}: {job.get('reason')}")
    if files is None:
        files = list(download_results(client, job["id"], room))
    ran = Ran(body, job, list(client.list_results(job["id"])), files)
    index = 0 if "task_counts" in job else None
    for stream in ("stdout", "stderr"):
        with client.get_log(job["id"], stream, task_index=index) as pieces:
            ran.logs[stream] = b"".join(pieces).decode()
    return ran


def pages(found: dict[str, list[Ran]], target: Path) -> Iterator[tuple[str, str]]:
    """Write the page of each case, and the page before them, each with its address."""
    source = "spec/use_cases/README.md"
    text = (places.ROOT / source).read_text(encoding="utf-8")
    yield INDEX, written.with_links(text, source, INDEX, target)
    for name in ORDER:
        page, source = f"use_cases/{name}.md", f"spec/use_cases/{name}/README.md"
        story = written.with_links((places.ROOT / source).read_text(encoding="utf-8"), source, page, target)
        yield page, "\n".join([story, *_bodies(name), *_outcome(name, page, found.get(name, []), target)])


def _bodies(name: str) -> Iterator[str]:
    yield "## The request {#request}\n"
    yield "The body of `POST /v1/jobs`, as it lies in the repository."
    yield "What stands in `${...}` is bound for a facility.\n"
    for file in sorted((places.CASES / name).glob("*body.json")):
        text = file.read_text(encoding="utf-8")
        block = fenced("json", text)
        many = len(text.splitlines()) > 60
        yield (
            folded(f"{file.name}, {len(text.splitlines())} lines", block)
            if many
            else f"`{file.name}`\n\n{block}"
        )


def _outcome(name: str, page: str, found: list[Ran], target: Path) -> Iterator[str]:
    yield "## What came of it {#outcome}\n"
    if not found:
        yield (
            "This case was not run in this build, because its software is not on the machine that builds the"
            " site. It runs on a real Slurm cluster in this repository's tests"
            " (`test_use_cases_on_slurm.py`).\n"
        )
        return
    if name == "cta_container":
        yield (
            "The machine that builds the site pulls no images. Here the same command ran with `software`"
            " set to its shell. A test holds that the image, by its digest, gives the same bytes on a real"
            " Slurm cluster (`test_use_cases_on_slurm.py::test_cta_in_a_container_by_its_digest`).\n"
        )
    for ran in found:
        yield from (_picture(page, file, target) for file in ran.files if file.path.suffix == _PICTURE)
    for ran in found:
        yield from _one(ran, more_than_one=len(found) > 1)


def _one(ran: Ran, *, more_than_one: bool) -> Iterator[str]:
    job = ran.job
    if more_than_one:
        yield f"### {job['name']} {{#{ran.body.partition('.')[0].replace('_', '-')}}}\n"
    counts = job.get("task_counts")
    words = f"{counts['succeeded']} of {counts['total']} tasks" if counts else "The job"
    yield f"{words} succeeded, on the machine that built this site.\n"
    shown = {key: value for key, value in job.items() if key not in ("spec", "history")}
    yield folded("What the service then said of it", fenced("json", json_text(shown)))
    rows = [
        (
            f"`{each['path']}`",
            str(each.get("task_index", "")),
            f"{each['size_bytes']} bytes",
            f"`{each['sha256'][:16]}…`",
        )
        for each in ran.results[:_SHOWN_RESULTS]
    ]
    left = len(ran.results) - len(rows)
    yield table(("result", "task", "size", "sha256"), rows)
    if left > 0:
        yield f"and {left} more.\n"
    for file in ran.files[:1] if counts else ran.files:
        if file.path.suffix != _PICTURE:
            yield _content(file)
    for stream, text in ran.logs.items():
        if text.strip():
            of = " of task 0" if counts else ""
            yield f"`{stream}`{of}:\n\n{fenced('text', _cut(text))}"


def _picture(page: str, file: Download, target: Path) -> str:
    name = file.path.name
    kept = f"use_cases/results/{name}"
    (target / kept).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file.path, target / kept)
    return f"![{name}, as the job drew it]({link(page, kept)})\n"


def _content(file: Download) -> str:
    name = file.path.name
    text = file.path.read_text(encoding="utf-8")
    language = "json" if file.path.suffix == ".json" and len(text) <= _LONGEST_TEXT else "text"
    return f"`{name}`:\n\n{fenced(language, _cut(text))}"


def _cut(text: str) -> str:
    """Give a text up to a length, with a word about what is left out."""
    left = len(text) - _LONGEST_TEXT
    return text if left <= 0 else f"{text[:_LONGEST_TEXT]}\n... {left} more characters"
