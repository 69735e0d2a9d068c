"""Write the project of a new connector, which runs and certifies itself."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from urllib.request import url2pathname

import typer

from common_compute_cli.errors import WrongUsage
from common_compute_cli.extras import needs
from common_compute_cli.new_connector.project import LONGEST_NAME, NAME, project

_EXTRAS = "[connector,conformance,cli]"


def new_connector(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What the connector, and its facility, will be called.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where to write it; by default NAME-connector in this folder.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the project of a new connector: it runs, tests and certifies itself, but for one thing to do."""
    _check(name)
    folder = out if out is not None else Path(f"{name}-connector")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise WrongUsage(f"{folder} is there already, and not empty: give another place with --out.")
        for path, text in project(name).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongUsage(
            f"{folder} cannot be written ({error.strerror}): give another place with --out."
        ) from error
    typer.echo(_next_steps(folder), nl=False)


def _check(name: str) -> None:
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise WrongUsage(
            f"{name!r} cannot be a connector's name: take small letters, digits and single hyphens "
            f"between them, a letter first, at most {LONGEST_NAME} characters."
        )
    with needs("connector"):
        from common_compute_connector.registry import names
    if name in names():
        raise WrongUsage(
            f"There is a connector {name!r} already: take another name than {', '.join(names())}."
        )


def _next_steps(folder: Path) -> str:
    return f"""\
Written: {folder}. Its README tells the rest. To set it up and see what there is to do:

  cd {shlex.quote(str(folder))}
  python3 -m venv .venv
  .venv/bin/pip install {shlex.quote(_requirement())} -e '.[test]'
  .venv/bin/pytest
"""


def _requirement() -> str:
    """Give what pip is to be asked for: the folder that this program was installed from, if it was one."""
    try:
        text = distribution("common-compute").read_text("direct_url.json")
    except PackageNotFoundError:
        text = None
    url = urlsplit(json.loads(text)["url"] if text else "")
    place = url2pathname(url.path) if url.scheme == "file" else "common-compute"
    return f"{place}{_EXTRAS}"
