"""Certify a server: hold it against every requirement of the contract that can be checked from outside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.status import Status

from common_compute_cli import output
from common_compute_cli.connection import TOKEN_VARIABLE, AsJson, TokenFile, read_token
from common_compute_cli.errors import NothingAnswers, WrongUsage
from common_compute_cli.extras import needs
from common_compute_cli.wire import base_url

if TYPE_CHECKING:
    from common_compute_conformance.outcome import Result
    from common_compute_conformance.requirements import Requirement

OTHER_TOKEN_VARIABLE = "COMMON_COMPUTE_OTHER_TOKEN"  # noqa: S105 (the name of a variable, not a secret)


def certify(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="URL",
            help="The API's base address, ending in /v1. With --compare, certificates or folders of them.",
            show_default=False,
        ),
    ],
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Certify nothing: put the certificates that are named on one page, compare.html.",
        ),
    ] = False,
    token_file: TokenFile = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="The caller's bearer token. Others on this machine can read a command line: a file "
            f"(--token-file) or the variable {TOKEN_VARIABLE} is better."
        ),
    ] = None,
    other_token_file: Annotated[
        Path | None,
        typer.Option(help="A file that holds the token of a second caller, for the class access."),
    ] = None,
    other_token: Annotated[
        str | None,
        typer.Option(
            help=f"The second caller's token; a file or the variable {OTHER_TOKEN_VARIABLE} is better."
        ),
    ] = None,
    facility: Annotated[
        str | None, typer.Option(help="Where to run the jobs; by default at the first facility that can.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="CC-AREA-NNN", help="Only this requirement. Repeatable; a partial run."
        ),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="CLASS", help="Only this class. Repeatable; a partial run."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let each SHOULD decide like a MUST.")] = False,
    seed: Annotated[int | None, typer.Option(help="Repeat what another run drew.")] = None,
    budget: Annotated[
        str,
        typer.Option(
            metavar="quick|normal|thorough",
            help="How many jobs, examples and repetitions; each budget assesses the same requirements.",
        ),
    ] = "quick",
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Let the first check that is red be the last.")
    ] = False,
    patience: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="How long the first job may take.")
    ] = 600.0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write certificate.json, junit.xml, report.html and badge.svg into this directory.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Certify a server.

    The exit code is 0 only if nothing in a claimed class failed, broke or was not assessed.
    """
    with needs("conformance"):
        from common_compute_conformance import errors, runner
        from common_compute_conformance.reporting import publication, report

    notes = Console(stderr=True, highlight=False)
    if compare:
        _compare(places, out or Path(), notes)
        return
    if len(places) > 1:
        raise WrongUsage("One server is certified at a time: give one URL, or --compare and certificates.")
    (url,) = places
    with notes.status("Meeting the server") as status:
        try:
            certificate = runner.certify(
                base_url(url),
                token=token if token is not None else read_token(token_file),
                other_token=_other_token(other_token, other_token_file),
                facility=facility,
                only=only or (),
                classes=classes or (),
                strict=strict,
                seed=seed,
                budget=budget,
                fail_fast=fail_fast,
                patience=patience,
                progress=lambda requirement, result: _tell(status, requirement, result),
            )
        except errors.NothingAnswers as error:
            raise NothingAnswers(base_url(url), error.cause) from error
        except errors.ConformanceError as error:
            raise WrongUsage(str(error)) from error
    if out is not None:
        try:
            written = publication.write(certificate, out)
        except OSError as error:
            raise WrongUsage(f"{out} cannot be written: {error.strerror}.") from error
        notes.print("Written: " + ", ".join(map(str, written)), markup=False, soft_wrap=True)
    if as_json:
        output.print_json(certificate.document())
    else:
        output.console().out(report.report(certificate), end="")
    raise typer.Exit(certificate.exit_code)


def _compare(certificates: Sequence[str], out: Path, notes: Console) -> None:
    """Write the page that holds certificates side by side."""
    from common_compute_conformance import errors
    from common_compute_conformance.reporting import publication

    try:
        written = publication.write_comparison([Path(each) for each in certificates], out)
    except errors.ConformanceError as error:
        raise WrongUsage(str(error)) from error
    except OSError as error:
        raise WrongUsage(f"{out} cannot be written: {error.strerror}.") from error
    notes.print(f"Written: {written}", markup=False, soft_wrap=True)


def _tell(status: Status, requirement: Requirement, result: Result) -> None:
    status.update(f"{requirement.id} {result.outcome.value}")


def _other_token(token: str | None, file: Path | None) -> str | None:
    if token is not None:
        return token
    return read_token(file) if file is not None else os.environ.get(OTHER_TOKEN_VARIABLE) or None
