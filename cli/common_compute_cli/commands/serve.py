"""Serve the facilities of a configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common_compute_cli.connection import AsJson
from common_compute_cli.extras import needs
from common_compute_cli.manner import Host, Manner, UntilStdinCloses


def serve(
    config: Annotated[
        Path, typer.Option(metavar="FILE", help="The configuration, in TOML.", show_default=False)
    ],
    host: Host = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Where to listen, in place of the file's; 0 is a free one.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve the facilities of a configuration file until Ctrl-C.

    Requests are told on the standard error, one JSON object per line.
    """
    with needs("connector"):
        from common_compute_cli.serving import faults_told
        from common_compute_cli.serving import serve as run
        from common_compute_connector.assembly import assemble
        from common_compute_connector.clock import SystemClock
        from common_compute_connector.configuration import read_configuration
    with faults_told():
        configuration = read_configuration(config)
    service = configuration.service
    manner = Manner(
        host or service.host,
        service.port if port is None else port,
        logs=True,
        as_json=as_json,
        until_stdin_closes=until_stdin_closes,
    )
    run(lambda: assemble(configuration, SystemClock()), service.name, manner)
