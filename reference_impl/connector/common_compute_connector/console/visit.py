"""One request as the pages see it, and what they give back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

import orjson

from common_compute_connector.answers import Headers
from common_compute_connector.console import assets
from common_compute_connector.console.api import Api, ApiAnswer
from common_compute_connector.console.session import Session

HTML = "text/html; charset=utf-8"


class Renderer(Protocol):
    """Turns facts into a page."""

    def render(self, template: str, facts: dict[str, Any]) -> bytes:
        """Give a page or a part of one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A page, a part of one, or the way to another."""

    status: int
    body: bytes = b""
    headers: Headers = ()
    media_type: str = HTML
    signs_in: str | None = None
    """The token that the browser shall keep from here on."""
    signs_out: bool = False
    """Whether the browser shall forget the visitor."""


@dataclass(frozen=True, slots=True)
class House:
    """What all pages of a service tell of it."""

    name: str
    description: str | None
    is_open: bool
    base_path: str
    issuers: Sequence[str] = ()


@dataclass(slots=True)
class Visit:
    """One request of one visitor."""

    house: House
    api: Api
    session: Session
    mark: str
    """What every form carries."""
    templates: Renderer
    method: str
    path: str
    new_id: Callable[[], str]
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)

    def asked(self, name: str) -> str:
        """Give a parameter of the query; the empty text if it is not there."""
        return next(iter(self.query.get(name, ())), "")

    def page(self, template: str, status: int = 200, headers: Headers = (), **facts: Any) -> Reply:
        """Make a page, or a part of one, out of facts."""
        known = {
            "house": self.house,
            "mark": self.mark,
            "path": self.path,
            "assets": assets.addresses(),
            "signed_in": self.session.token is not None and not self.house.is_open,
        }
        return Reply(status, self.templates.render(template, known | facts), headers)

    def has_seen(self, digest: str) -> bool:
        """Tell whether the page that asks for a part of itself anew shows what this digest stands for."""
        return self.asked("seen") == digest


UNCHANGED = Reply(204)


def led_to(path: str) -> Reply:
    """Lead the visitor to another page, whatever the method was."""
    return Reply(303, headers=[("location", path)])


def digest_of(*facts: Any) -> str:
    """Tell facts from others by few letters."""
    return sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def problem_of(answer: ApiAnswer) -> dict[str, Any] | None:
    """Give the problem of an answer, for a page that stands without what it asked for."""
    return None if answer.fine else answer.document
