"""Look at the facilities of a configuration file before anything is served."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from common_compute_cli import facility_text, output
from common_compute_cli.connection import AsJson
from common_compute_cli.errors import FacilitiesAtFault, WrongUsage
from common_compute_cli.extras import needs

if TYPE_CHECKING:
    from common_compute_cli.probing import Look, OwnAccount


def probe(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The configuration, in TOML.", show_default=False)
    ],
    facility: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Look at this one alone; by default at all.", show_default=False),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="An account of your own there, where jobs run in the accounts of callers.",
            show_default=False,
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The private key of that account: ed25519, in OpenSSH's form, without a passphrase.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the facilities of a configuration file as they would be served, and what was found there.

    Nothing is served, and no store is opened. The exit code is 1 if a facility does not answer, was not
    looked at, or is not as its configuration says.
    """
    with needs("connector"):
        from common_compute_cli import probing
        from common_compute_cli.serving import faults_told
        from common_compute_connector.clock import SystemClock
        from common_compute_connector.configuration import read_configuration
    with faults_told():
        configuration = read_configuration(file)
        if facility is not None:
            chosen = tuple(each for each in configuration.facilities if each.id == facility)
            if not chosen:
                known = ", ".join(each.id for each in configuration.facilities)
                raise WrongUsage(f"{file} has no facility '{facility}': there is {known}.")
            configuration = replace(configuration, facilities=chosen)
        looks = probing.look(configuration, SystemClock(), _own(account, key_file))
    if as_json:
        output.print_json([look.document for look in looks])
    else:
        for look in looks:
            _show(look)
    faults = {look.facility["id"]: look.faults for look in looks if look.faults}
    if faults:
        raise FacilitiesAtFault(faults)


def _own(account: str | None, key_file: Path | None) -> OwnAccount | None:
    from common_compute_cli.probing import OwnAccount

    if account is None and key_file is None:
        return None
    if account is None or key_file is None:
        raise WrongUsage("--account and --key-file belong together: give both, or neither.")
    try:
        return OwnAccount(account, key_file.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is no text"
        raise WrongUsage(f"{key_file} cannot be read ({words}).") from error


def _listed(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else facility_text.value(value)


def _show(look: Look) -> None:
    facility_text.show(look.facility, look.software)
    if look.found:
        output.console().print()
        output.table(
            ["FOUND THERE", ""],
            [(name, _listed(value)) for name, value in look.found.items()],
            empty="",
        )
    if look.notes:
        output.console().print()
    for words in look.notes:
        output.console().print(output.plain(words))
    output.console().print()
