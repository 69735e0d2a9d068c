"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from common_compute_cli import __version__
from common_compute_cli.commands import (
    certificate,
    certify,
    config,
    demo,
    dirac,
    facility,
    job,
    mock,
    new_connector,
    proposal,
    rosetta,
    selftest,
    serve,
    spec,
)

app = typer.Typer(
    name="common-compute",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=(
        "Exit codes: 0 done; 1 the answer is no (a job or a certification failed, the server refused); "
        "2 wrong usage, or nothing answers; 130 interrupted."
    ),
)
app.command()(demo.demo)
app.command()(mock.mock)
app.command()(serve.serve)
app.command()(certify.certify)
app.command()(selftest.selftest)
app.command()(new_connector.new_connector)
app.add_typer(job.app, name="job", help="Submit jobs, follow them, bring their results, release them.")
app.add_typer(facility.app, name="facility", help="The places where jobs run.")
app.add_typer(certificate.app, name="certificate", help="Look at the certificates that `certify` writes.")
app.add_typer(config.app, name="config", help="Look at configuration files.")
app.add_typer(dirac.app, name="dirac", help="What the connector `dirac` runs beside itself.")
app.add_typer(rosetta.app, name="rosetta", help="Take over what a Rosetta instance knows.")
app.add_typer(proposal.app, name="proposal", help="The proposal as pages.")
app.add_typer(spec.app, name="spec", help="The contract that this program speaks.")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"common-compute {__version__}")
        raise typer.Exit


@app.callback()
def common_compute(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", help="Show the stack trace of an error. May stand anywhere.")
    ] = False,
) -> None:
    """One small API for any computing facility: submit a job, check its status, get its results, done."""
