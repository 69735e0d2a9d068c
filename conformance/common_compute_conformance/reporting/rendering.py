"""Turn data into offline HTML pages; the one module of the kit that imports Jinja2."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")


def render(template: str, **data: Any) -> bytes:
    """Return a page; whatever the data hold is shown as text, and nothing of it is run or fetched.

    The page names its only style by digest in its Content-Security-Policy, which allows nothing else.
    """
    environment = _environment()
    style = environment.loader.get_source(environment, "style.css")[0] if environment.loader else ""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    text = environment.get_template(template).render(style=Markup(style), policy=policy, **data)  # noqa: S704 (our own file)
    return text.encode("utf-8", "backslashreplace")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("common_compute_conformance.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["prose"] = prose
    return environment


def shown(text: object) -> Markup:
    """Return text with each character that would not be seen, or would move others, as its number."""
    pieces = []
    plain: list[str] = []
    for letter in str(text):
        if letter.isprintable() or letter in "\n\t":
            plain.append(letter)
            continue
        code = ord(letter)
        number = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
        pieces += [escape("".join(plain)), Markup('<span class="unseen">{}</span>').format(number)]
        plain = []
    return Markup("").join([*pieces, escape("".join(plain))])


def prose(text: object) -> Markup:
    """Return a sentence with what stands in backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(shown(text))))  # noqa: S704 (escaped by `shown`)
