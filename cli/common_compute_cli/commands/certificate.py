"""Look at the certificates that `certify` writes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from common_compute_cli import output
from common_compute_cli.connection import AsJson
from common_compute_cli.errors import ANSWER_IS_NO, WrongUsage
from common_compute_cli.extras import needs

app = typer.Typer(no_args_is_help=True)


@app.callback()
def certificate() -> None:
    """Look at the certificates that `certify` writes."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A certificate.json.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Tell whether a certificate is complete and unedited, and for which versions.

    The exit code is 0 only if it is. Its digest is no signature: it tells what was changed by chance or in
    haste, not who made it.
    """
    with needs("conformance"):
        from common_compute_conformance.reporting import verification
    try:
        content = file.read_bytes()
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror}.") from error
    found = verification.verify(content)
    document = found.document if found.whole and found.document is not None else {}
    told = {"verdict": document.get("verdict"), "certified_classes": document.get("certified_classes")}
    if as_json:
        output.print_json(
            {
                "whole": found.whole,
                "faults": list(found.faults),
                "versions": list(found.versions),
                **{name: value for name, value in told.items() if value is not None},
            }
        )
    elif found.whole:
        classes = ", ".join(told["certified_classes"] or []) or "none"
        words = [f"{file} is whole and unedited: {told['verdict']}, classes {classes}.", *found.versions]
        output.console().print(output.plain(" ".join(words)))
    else:
        sys.stderr.write(f"{output.plain(f'{file} is refused: {found.faults[0]}')}\n")
    raise typer.Exit(0 if found.whole else ANSWER_IS_NO)


@app.command()
def schema() -> None:
    """Print the JSON Schema of certificates."""
    with needs("conformance"):
        from common_compute_conformance.reporting import verification
    sys.stdout.write(verification.schema_text().decode("utf-8"))
