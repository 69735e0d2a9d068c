"""The options by which every command that asks a server finds it, and is allowed to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from common_compute_cli.client import Client
from common_compute_cli.errors import WrongUsage

TOKEN_VARIABLE = "COMMON_COMPUTE_TOKEN"  # noqa: S105 (the name of a variable, not a secret)

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="COMMON_COMPUTE_URL",
        help="The API's base address, such as http://127.0.0.1:8080/v1.",
        show_default=False,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help=f"A file that holds the bearer token. Without it, {TOKEN_VARIABLE} is looked at.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def connect(url: str | None, token_file: Path | None) -> Client:
    """Give a client of the server that the options name."""
    if not url:
        raise WrongUsage("No server is named: give its address with --url, or set COMMON_COMPUTE_URL.")
    return Client(url, read_token(token_file))


def read_token(token_file: Path | None) -> str | None:
    """Give the caller's token, or None if there is none.

    Raises:
        WrongUsage: the file cannot be read, or what it holds is no token.
    """
    if token_file is None:
        token, place = os.environ.get(TOKEN_VARIABLE), TOKEN_VARIABLE
        if not token:
            return None
    else:
        place = str(token_file)
        try:
            token = token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUsage(f"The token file {token_file} cannot be read: {error}") from error
    token = token.strip()
    if not token or not all("!" <= character <= "~" for character in token):
        raise WrongUsage(f"{place} holds no token: a token is one line of visible ASCII characters.")
    return token
