"""One page of what all reviewers said; the one module of this room that imports Jinja2."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from common_compute_proposal.review import Review, Stand, counted, lines_of
from common_compute_proposal.versions import Version

_CODE = re.compile(r"`([^`]+)`")


def overview(version: Version, reviews: Sequence[Review]) -> bytes:
    """Give the page: who said what, first what somebody disagrees with, then every requirement by its class.

    It is offline, and whatever reviewers wrote is shown as text.
    """
    environment = Environment(
        loader=PackageLoader("common_compute_proposal", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    style = environment.loader.get_source(environment, "style.css")[0] if environment.loader else ""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    lines = lines_of(version, reviews)
    classes = groupby(
        sorted(lines, key=lambda line: str(line.requirement["class"])), lambda line: line.requirement["class"]
    )
    text = environment.get_template("overview.html.jinja").render(
        style=Markup(style),  # noqa: S704 (our own file)
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        version=version.number,
        reviews=[(review, counted(lines, place)) for place, review in enumerate(reviews)],
        disagreed=[line for line in lines if line.disagreed],
        classes=[(name, list(some)) for name, some in classes],
        signs={Stand.AGREES: "✓", Stand.DISAGREES: "✗", Stand.SILENT: "·"},
        stands=list(Stand),
    )
    return text.encode("utf-8", "backslashreplace")


def _prose(text: object) -> Markup:
    """Give a sentence with what stands in backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped)
