"""How a server of ours is run: the options that `serve` and `mock` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

Host = Annotated[
    str | None,
    typer.Option(
        help="The address to listen on; by default only this machine reaches it.", show_default=False
    ),
]
UntilStdinCloses = Annotated[
    bool,
    typer.Option(
        "--until-stdin-closes",
        help="End with whoever holds the other end of the standard input.",
        hidden=True,
    ),
]


@dataclass(frozen=True)
class Manner:
    """How a server is run, as the command line says; port 0 is a free one.

    `logs` says whether every request is told on the standard error, or only what went wrong.
    `until_stdin_closes` ties it to whoever holds the other end of its standard input: when that process ends,
    in whatever way, so does the server.
    """

    host: str
    port: int
    logs: bool
    as_json: bool
    until_stdin_closes: bool
