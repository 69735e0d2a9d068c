"""Install what the connector `dirac` runs beside itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from common_compute_cli import dirac_client

app = typer.Typer(no_args_is_help=True)


@app.callback()
def dirac() -> None:
    """Install what the connector `dirac` runs beside itself."""


@app.command(name="install-client")
def install_client(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Where to: a directory that is empty, or not there yet.", show_default=False
        ),
    ],
    python: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A Python 3.11 to make it with; by default one that is found here.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make an environment that has DIRAC's client, from the Python Package Index, in pinned versions.

    It takes 230 MB. The last line that is printed is the one to put into the table of the facility. Where
    there is a DIRACOS, its Python does as well, and nothing has to be installed.
    """
    dirac_client.refuse_taken(directory)
    installer = dirac_client.find_installer(python)
    means = str(installer.uv) if installer.uv is not None else "pip"
    sys.stderr.write(f"Installing DIRAC's client into {directory} with {installer.python} and {means} ...\n")
    version = dirac_client.install(directory, installer)
    sys.stderr.write(f"DIRAC {version} is there. This goes into the table of the facility:\n")
    sys.stdout.write(f"{dirac_client.interpreter_line(directory)}\n")
