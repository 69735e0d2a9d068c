"""Turn facts into pages: the one module of the ground that imports Jinja2.

Whatever a template shows is first made visible, then escaped.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from common_compute_connector.console import words


class Templates:
    """All templates, compiled."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("common_compute_connector.console", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self._environment.filters |= {
            "exact": _exact,
            "as_json": _as_json,
            "segment": _segment,
            "size": words.size,
            "span": words.span,
            "moment": words.moment,
            "between": words.between,
            "clock": words.clock,
            "heading": words.heading,
            "quantity_of": words.quantity,
            "words": words.title,
        }
        for name in self._environment.list_templates():
            self._environment.get_template(name)

    def render(self, template: str, facts: dict[str, Any]) -> bytes:
        """Give a page or a part of one."""
        return self._environment.get_template(template).render(facts).encode("utf-8", "replace")


@cache
def templates() -> Templates:
    """Give the templates, which are the same for every service of a process."""
    return Templates()


def _shown(value: Any) -> Any:
    return words.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _exact(text: str) -> Markup:
    """Leave a text as it is, for a field in which its writer goes on editing."""
    return escape(text)


def _as_json(value: Any) -> str:
    return words.json_text(words.shortened(value))


def _segment(text: str) -> str:
    """Write an id as a segment of a path."""
    return quote(text, safe="")
