"""The pages of the site, by its menu."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from common_compute_website import places

BESIDE = ("404.html", "files/docs/certificates/compare.html")
"""Pages of the built site that stand in no menu."""


@cache
def pages() -> tuple[str, ...]:
    """Give the pages of the menu, as Markdown."""
    text = (places.WEBSITE / "mkdocs.yml").read_text(encoding="utf-8")
    return tuple(_pages(yaml.safe_load(text)["nav"]))


def built_pages() -> tuple[str, ...]:
    """Give all pages of the built site, as HTML."""
    return (*(page.removesuffix(".md") + ".html" for page in pages()), *BESIDE)


def _pages(menu: Any) -> Iterator[str]:
    if isinstance(menu, str):
        yield menu
    else:
        for each in menu.values() if isinstance(menu, dict) else menu:
            yield from _pages(each)
