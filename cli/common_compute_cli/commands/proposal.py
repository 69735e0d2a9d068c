"""Show the proposal's pages, with a mock beside them that answers what is tried there."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from common_compute_cli.connection import AsJson
from common_compute_cli.errors import WrongUsage
from common_compute_cli.extras import needs
from common_compute_cli.manner import Host, Manner, UntilStdinCloses

app = typer.Typer(no_args_is_help=True)


@app.callback()
def proposal() -> None:
    """Show the proposal's pages."""


@app.command()
def serve(
    site: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The folder of the built site; `make docs` writes build/site."),
    ] = Path("build/site"),
    host: Host = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 is a free port.")] = 8000,
    as_json: AsJson = False,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve the built site until Ctrl-C, with a mock of both kinds of facility under the same address.

    Pages are at `/`, the API is at `/v1`. Nothing is executed, and nothing outlives the server.
    """
    with needs("mocks"):
        from common_compute_cli.serving import faults_told
        from common_compute_cli.serving import serve as run
        from common_compute_cli.site_server import SiteAndMock
        from common_compute_mocks.server import MockService, MockSettings
    if not (site / "index.html").is_file():
        raise WrongUsage(f"{site} holds no built site: run `make docs` first, or name its folder.")
    manner = Manner(
        host or "127.0.0.1",
        port,
        logs=False,
        as_json=as_json,
        until_stdin_closes=until_stdin_closes,
    )
    with faults_told():
        settings = MockSettings()
    with tempfile.TemporaryDirectory(prefix="common-compute-mock-") as room:
        run(
            lambda: SiteAndMock(site, MockService(settings, Path(room))),
            "The proposal",
            manner,
            words="The pages are at {root}/ and the API of the mock at {url}; Ctrl-C ends both.",
        )
