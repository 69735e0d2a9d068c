"""Have MkDocs make HTML of the pages; the one module that imports it."""

from __future__ import annotations

import logging
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config

from common_compute_website import places


def render(source: Path, out: Path) -> None:
    """Make a site of the pages below `source`; a link that leads nowhere is an error."""
    logging.getLogger("mkdocs").setLevel(logging.WARNING)
    logging.basicConfig(format="%(levelname)s %(message)s")
    config = load_config(
        str(places.WEBSITE / "mkdocs.yml"), docs_dir=str(source), site_dir=str(out), strict=True
    )
    config.plugins.on_startup(command="build", dirty=False)
    try:
        build(config)
    finally:
        config.plugins.on_shutdown()
