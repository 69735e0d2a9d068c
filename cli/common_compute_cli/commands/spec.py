"""Show the contract that this version of the program speaks."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from common_compute_cli import output, specification
from common_compute_cli.connection import AsJson
from common_compute_cli.errors import WrongUsage

app = typer.Typer(no_args_is_help=True)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Print the OpenAPI document, as YAML or JSON."""
    if as_json:
        output.print_json(specification.openapi())
    else:
        sys.stdout.write(specification.openapi_text())


@app.command()
def requirements(
    conformance_class: Annotated[
        str | None, typer.Option("--class", help="Only those of this conformance class.")
    ] = None,
    area: Annotated[
        str | None, typer.Option(help="Only those of this area: the middle of an id, such as JOB.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the normative statements of the contract."""
    known = specification.requirements()
    for name, option, values in (
        (conformance_class, "--class", {str(each["class"]) for each in known}),
        (area, "--area", {str(each["id"]).split("-")[1] for each in known}),
    ):
        if name is not None and name not in values:
            raise WrongUsage(f"{option} {name} is not known: there are {', '.join(sorted(values))}.")
    chosen = [
        each
        for each in known
        if conformance_class in (None, each["class"]) and area in (None, str(each["id"]).split("-")[1])
    ]
    if as_json:
        output.print_json(chosen)
        return
    output.table(
        ["ID", "CLASS", "LEVEL", "STATEMENT"],
        [(each["id"], each["class"], each["level"], each["sentence"]) for each in chosen],
        empty="None.",
    )
