"""Show the whole: the main job on a real facility, two mocks, three certificates."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from common_compute_cli import output, pace
from common_compute_cli.client import Client
from common_compute_cli.demo import main_job
from common_compute_cli.demo.certificates import Certified, certify
from common_compute_cli.demo.facility import FACILITY_ID, LONGEST_SECONDS, write_configuration
from common_compute_cli.demo.jobs import Jobs
from common_compute_cli.demo.servers import Running, Servers
from common_compute_cli.errors import ANSWER_IS_NO, ServerEnded, UnexpectedEnd, WrongUsage
from common_compute_cli.progress import JobProgress

REAL = "facility"


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the servers running until Ctrl-C, to look at and try.")
    ] = False,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where plot, logs and certificates are written.")
    ] = Path("common-compute-demo"),
) -> None:
    """Run the main job on a real local facility, and certify it and two mocks; takes at most two minutes."""
    console = output.console()
    start = pace.now()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUsage(f"{out} cannot be written: {error.strerror}.") from error
    with ExitStack() as stack:
        room = stack.enter_context(_room())
        servers = stack.enter_context(Servers(out / "logs", room))
        real = _start_servers(console, servers, room)
        _do_main_job(console, real, out)
        certified = _certify(console, list(servers), out / "certificates")
        _tell_where(console, out, pace.now() - start)
        if keep:
            _wait_for_interrupt(console, list(servers))
    if any(each.exit_code for each in certified):
        raise typer.Exit(ANSWER_IS_NO)


@contextmanager
def _room() -> Iterator[Path]:
    """Give a directory for what the servers keep, and remove it at the end."""
    room = Path(tempfile.mkdtemp(prefix="common-compute-demo-"))
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _start_servers(console: Console, servers: Servers, room: Path) -> Running:
    console.print("[bold]1  Three servers: a facility that really runs jobs here, and two mocks")
    with console.status("starting"):
        started = servers.start(
            {
                REAL: ["serve", "--config", str(write_configuration(room)), "--port", "0"],
                "mock-rosetta": ["mock", "--flavour", "rosetta"],
                "mock-dirac": ["mock", "--flavour", "dirac"],
            }
        )
    for server in started:
        console.print(f"   {server.name:<13} {server.docs}", soft_wrap=True)
    return started[0]


def _do_main_job(console: Console, real: Running, out: Path) -> None:
    with Client(real.url) as client, Jobs(client) as jobs:
        with _step(
            console, jobs, "2  The main job: the period of the solar cycle in each pool of years, 1700-2008"
        ):
            fitted = main_job.fit_pools(jobs, FACILITY_ID, out)
        console.print(
            f"   {len(fitted.downloads)} results downloaded, each with the sha256 that was announced"
        )

        with _step(console, jobs, "3  A second job collects what the tasks found, and draws it"):
            drawn = main_job.draw_plot(jobs, FACILITY_ID, fitted, out)
            logs = main_job.save_logs(jobs, fitted, out / "logs" / "fit")
            logs += main_job.save_logs(jobs, drawn, out / "logs" / "draw")
        console.print(f"   {len(drawn.downloads)} results and {logs} logs downloaded")
        console.print(f"   {main_job.finding(drawn)}")

        with _step(console, jobs, "4  A job that would take too long is cancelled, and all are released"):
            too_long = jobs.submit_job(main_job.long_job(FACILITY_ID, LONGEST_SECONDS))
            jobs.wait_until_running(too_long)
            jobs.client.cancel_job(too_long)
            ended = jobs.wait_for(too_long)
            if ended["state"] != "cancelled":
                raise UnexpectedEnd(ended)
        console.print(f"   {jobs.release_all()} jobs released: nothing of them is left at the facility")


@contextmanager
def _step(console: Console, jobs: Jobs, title: str) -> Iterator[None]:
    """Tell what comes, and show the jobs of it while they run."""
    console.print(f"[bold]{title}")
    with JobProgress(console) as progress:
        jobs.on_change = progress.show
        yield


def _certify(console: Console, servers: list[Running], directory: Path) -> list[Certified]:
    console.print("[bold]5  Certificates, by a kit that knows nothing of these servers")

    def tell(certified: Certified) -> None:
        colour = "red" if certified.exit_code else "green"
        told = output.plain(f"   {certified.server:<13} {certified.counts}")
        console.print(told, style=colour, soft_wrap=True)
        if certified.classes:
            console.print(f"     for {certified.classes}", soft_wrap=True)

    with console.status("certifying three servers side by side"):
        return certify(servers, directory, tell)


def _tell_where(console: Console, out: Path, seconds: float) -> None:
    console.print(f"[bold]Done in {seconds:.0f} seconds. What is left to look at:")
    output.members(
        [
            ("   plot", out / "sunspots.svg"),
            ("   what it shows", out / "summary.json"),
            ("   logs", out / "logs"),
            ("   certificates", out / "certificates"),
        ]
    )


def _wait_for_interrupt(console: Console, servers: list[Running]) -> None:
    console.print("[bold]The servers are still running; try requests at these pages. Ctrl-C stops them all.")
    for server in servers:
        console.print(f"   {server.name:<13} {server.docs}", soft_wrap=True)
    try:
        while all(server.process.poll() is None for server in servers):
            pace.sleep(0.5)
    except KeyboardInterrupt:
        console.print("Stopping.")
        return
    gone = next(server for server in servers if server.process.poll() is not None)
    raise ServerEnded(gone.name, gone.log)
