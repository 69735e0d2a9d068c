"""Show the facilities that a server offers, and bring up real ones on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common_compute_cli import facilities, facility_text, output
from common_compute_cli.commands import facility_probe
from common_compute_cli.connection import AsJson, TokenFile, Url, connect

app = typer.Typer(no_args_is_help=True)

RealFacility = Annotated[
    str, typer.Argument(metavar="NAME", help="Which one, such as slurm.", show_default=False)
]
Directory = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where everything of it lies; by default below /var/lib.", show_default=False
    ),
]


@app.command(name="list")
def list_(url: Url = None, token_file: TokenFile = None, as_json: AsJson = False) -> None:
    """List the facilities."""
    with connect(url, token_file) as client:
        facilities = client.list_facilities()
    if as_json:
        output.print_json(facilities)
        return
    output.table(
        ["FACILITY", "STATUS", "KIND", "CONFORMS TO", "NAME"],
        [
            (
                facility["id"],
                facility["status"]["state"],
                facility["kind"],
                ", ".join(facility["conforms_to"]),
                facility["name"],
            )
            for facility in facilities
        ],
        empty="No facilities.",
    )


@app.command()
def show(
    facility_id: Annotated[
        str, typer.Argument(metavar="FACILITY", help="The facility's id.", show_default=False)
    ],
    url: Url = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that has to be known to write a job for a facility, and its installed software."""
    with connect(url, token_file) as client:
        facility = client.get_facility(facility_id)
        software = list(client.list_software(facility_id)) if "software" in facility["conforms_to"] else []
    if as_json:
        output.print_json({**facility, "software": software})
        return
    facility_text.show(facility, software)


app.command()(facility_probe.probe)


@app.command()
def up(name: RealFacility, directory: Directory = None) -> None:
    """Bring up a real facility on this machine, for tests, or mend what does not run of it.

    Debian 12, root, a checkout of the sources; over the loopback only.
    """
    raise typer.Exit(facilities.run(name, "up", directory=directory))


@app.command()
def down(
    name: RealFacility,
    directory: Directory = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove everything of it but Debian's packages.")
    ] = False,
) -> None:
    """End a real facility on this machine."""
    raise typer.Exit(facilities.run(name, "down", *(["--purge"] if purge else []), directory=directory))


@app.command()
def status(name: RealFacility, directory: Directory = None, as_json: AsJson = False) -> None:
    """Tell what runs of a real facility on this machine, and with --json how to reach it.

    The exit code is 1 if something that should run does not.
    """
    raise typer.Exit(facilities.run(name, "status", *(["--json"] if as_json else []), directory=directory))
