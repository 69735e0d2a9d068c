"""Look at configuration files."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from common_compute_cli.extras import needs

app = typer.Typer(no_args_is_help=True)


@app.callback()
def config() -> None:
    """Look at configuration files."""


@app.command()
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The configuration, in TOML.", show_default=False)
    ],
) -> None:
    """Say in words what is wrong with a configuration; nothing is started, and no facility is touched."""
    with needs("connector"):
        from common_compute_cli.serving import faults_told
        from common_compute_connector.assembly import assemble
        from common_compute_connector.clock import SystemClock
        from common_compute_connector.configuration import StoreSettings, read_configuration
    with tempfile.TemporaryDirectory(prefix="common-compute-check-") as room, faults_told():
        configuration = read_configuration(file)
        # The connectors read their own settings when a service is put together, here over a store of its own.
        store = StoreSettings(f"sqlite:///{room}/store.sqlite3", Path(room) / "results")
        assemble(replace(configuration, store=store), SystemClock())
    names = ", ".join(facility.id for facility in configuration.facilities)
    sys.stdout.write(f"{file} is in order; its facilities: {names}\n")
