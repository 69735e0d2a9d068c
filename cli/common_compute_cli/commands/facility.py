"""Show the facilities that a server offers, and bring up real ones on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from common_compute_cli import facilities, output
from common_compute_cli.connection import AsJson, TokenFile, Url, connect
from common_compute_cli.wire import Document

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
    output.members(
        [
            ("facility", facility["id"]),
            ("name", facility["name"]),
            ("description", facility["description"]),
            ("kind", facility["kind"]),
            ("status", " ".join(str(part) for part in facility["status"].values())),
            ("conforms to", ", ".join(facility["conforms_to"])),
            ("architectures", ", ".join(facility["architectures"])),
            ("scheduler", " ".join(facility["scheduler"].values())),
            ("container runtimes", _named(facility["container_runtimes"])),
            ("queues", _named(facility["queues"])),
            ("sites", ", ".join(facility.get("sites", []))),
            ("storage", _named(facility["storage"])),
            ("inputs from", ", ".join(facility["input_url_schemes"])),
            ("credential", facility["credential"]["instructions"]),
            ("software", ", ".join(f"{each['name']} {each['version']}" for each in software)),
        ]
    )
    output.console().print()
    output.table(
        ["RESOURCE", "SUPPORT", "MAX", "DEFAULT", "GRANULARITY"],
        [
            (name, *(_value(resource.get(member)) for member in ("support", "max", "default", "granularity")))
            for name, resource in facility["resources"].items()
        ],
        empty="No resources can be asked for.",
    )
    output.console().print()
    output.table(
        ["LIMIT", "VALUE"], [(name, _value(limit)) for name, limit in facility["limits"].items()], empty=""
    )


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


def _named(entries: list[Document]) -> str:
    """Give each entry by its name, with what else it tells in brackets."""
    told = []
    for entry in entries:
        details = ", ".join(f"{key} {_value(value)}" for key, value in entry.items() if key != "name")
        told.append(f"{entry['name']} ({details})" if details else str(entry["name"]))
    return ", ".join(told)


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)
