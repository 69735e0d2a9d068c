"""Take over what a Rosetta instance knows."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common_compute_cli.errors import ANSWER_IS_NO, WrongUsage
from common_compute_cli.extras import needs

if TYPE_CHECKING:
    from common_compute_rosetta.takeover.taken_over import Account, TakenOver

app = typer.Typer(no_args_is_help=True)

MAX_DUMP_BYTES = 256 * 1024 * 1024
CONFIGURATION, ACCOUNTS, LEFT = "common-compute.toml", "accounts.txt", "left-behind.txt"


@app.callback()
def rosetta() -> None:
    """Take over what a Rosetta instance knows."""


@app.command(name="import")
def import_(
    dump: Annotated[
        Path,
        typer.Argument(
            metavar="DUMP.json",
            help="What Rosetta's `manage.py dumpdata --natural-foreign core_app.computing core_app.container "
            "core_app.storage core_app.profile core_app.keypair` prints.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where to write it; by default the configuration goes to the standard output and all else "
            "to the standard error.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a configuration out of a dump of Rosetta's database, and tell what of it has no counterpart.

    What Rosetta does not know, such as host keys, is left empty in it and has to be filled in. No secret is
    read or written. The exit code is 1 if no computing resource has a counterpart.
    """
    with needs("rosetta"):
        from common_compute_rosetta.takeover.dump import DumpUnreadable, read_dump
        from common_compute_rosetta.takeover.taken_over import take_over
    try:
        taken = take_over(read_dump(_read(dump)))
    except DumpUnreadable as error:
        faults = "\n  ".join(error.faults)
        raise WrongUsage(f"{dump} cannot be used:\n  {faults}") from error
    if out is None:
        sys.stdout.write(taken.text)
        sys.stderr.write(f"\n{_accounts(taken.accounts)}\n{_left(taken.left)}")
    else:
        _write(out, taken)
        sys.stdout.write(_told(out, taken))
    if not taken.facilities:
        raise typer.Exit(ANSWER_IS_NO)


def _read(dump: Path) -> bytes:
    try:
        with dump.open("rb") as file:
            text = file.read(MAX_DUMP_BYTES + 1)
    except OSError as error:
        raise WrongUsage(f"{dump} cannot be read ({error.strerror}).") from error
    if len(text) > MAX_DUMP_BYTES:
        raise WrongUsage(f"{dump} is larger than {MAX_DUMP_BYTES} bytes: dump the five models alone.")
    return text


def _write(out: Path, taken: TakenOver) -> None:
    files = {CONFIGURATION: taken.text, ACCOUNTS: _accounts(taken.accounts), LEFT: _left(taken.left)}
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise WrongUsage(f"{out} is there already, and not empty: give another place with --out.")
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongUsage(
            f"{out} cannot be written ({error.strerror}): give another place with --out."
        ) from error


def _accounts(accounts: list[Account]) -> str:
    """Give the table that users need: what each sends to which facility to enrol."""
    if not accounts:
        return "No user has an account at a facility that was taken over.\n"
    rows = [("USER", "FACILITY", "ACCOUNT", "BODY OF PUT /v1/facilities/FACILITY/credential")]
    rows += [
        (each.user, each.facility_id, each.account, json.dumps({"account": each.account}))
        for each in accounts
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    words = "The answer of PUT has a public key, and the line for ~/.ssh/authorized_keys of that account.\n"
    return "\n".join([*lines, "", words])


def _left(left: list[str]) -> str:
    """Give what has no counterpart, one line for each thing."""
    return "".join(f"{line}\n" for line in left) or "Nothing is left behind.\n"


def _told(out: Path, taken: TakenOver) -> str:
    facilities = ", ".join(taken.facilities) or "none"
    configuration = out / CONFIGURATION
    return f"""\
{configuration}: the facilities {facilities}
{out / ACCOUNTS}: what users need to enrol, {len(taken.accounts)} accounts
{out / LEFT}: {len(taken.left)} things that have no counterpart here
Fill in what is empty in the configuration. These say what is missing, and what is there then:
  common-compute config check {shlex.quote(str(configuration))}
  common-compute facility probe {shlex.quote(str(configuration))}
"""
