"""Write one call as a command line of curl, with variables in place of what another run had."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote_plus

from common_compute_conformance.exchange import Exchange
from common_compute_conformance.reproducing.journey import SHORTEST_TELLING_ID, Call
from common_compute_conformance.reproducing.shell import Part, Variable, prints, word

TOKEN_VARIABLES = ("TOKEN", "OTHER_TOKEN")
# What curl sends of itself, or what says nothing about the fault.
_CLIENT_HEADERS = frozenset(
    {"host", "connection", "content-length", "user-agent", "accept-encoding", "authorization"}
)
_FROM_ANSWERS = frozenset({"page_token", "created_after", "updated_after"})
# What a URL may hold as it is, and what is percent-encoded already.
_IN_A_URL = "%/:@!$&'()*+,;=~[]{}?"
_SMALL = "abcdefghijklmnopqrstuvwxyz"


class Curl:
    """Writes command lines; the functions that print their bodies go to `lines` before them.

    `variables` holds, by the value of another run, what to write in its place. `tokens` are the names of the
    variables with tokens that were written.
    """

    def __init__(self, secrets: Sequence[str], lines: list[str]) -> None:
        self.variables: dict[str, Variable] = {}
        self.tokens: set[str] = set()
        self._secrets = secrets
        self._lines = lines
        self._bodies: dict[bytes, str] = {}

    def new_variable(self, stem: str, value: str) -> Variable:
        """Return a new variable for a value: JOB, JOB_2, and so on."""
        number = 1 + sum(variable.name.startswith(stem) for variable in self.variables.values())
        self.variables[value] = Variable(stem if number == 1 else f"{stem}_{number}")
        return self.variables[value]

    def command(self, call: Call, options: str = "", *, with_key: bool = False) -> str:
        """Return the call as a command line; its Idempotency-Key is left out unless `with_key`."""
        exchange = call.exchange
        words = ["curl -sS"]
        if exchange.method == "HEAD":
            words.append("-I")
        else:
            words.append(options)
        if exchange.method not in ("GET", "HEAD") or (exchange.request_body and exchange.method == "GET"):
            words.append(f"-X {exchange.method}")
        if re.search(r"/\.{1,2}(/|$)", call.path):
            words.append("--path-as-is")
        if re.search(r"[\[\]{}]", exchange.url):
            words.append("--globoff")
        words += [self.authorization(exchange).lstrip(), *self._headers(exchange, with_key=with_key)]
        if not exchange.request_body:
            return " ".join(filter(None, [*words, self._url(call)]))
        command = " ".join(filter(None, [*words, "--data-binary @-", self._url(call)]))
        return f"{self._body(exchange.request_body)} | {command}"

    def authorization(self, exchange: Exchange) -> str:
        """Return the option for the call's token, with a blank before it; empty if it had none."""
        value = exchange.request_headers.get("authorization")
        if value is None:
            return ""
        for secret, name in zip(self._secrets, TOKEN_VARIABLES, strict=False):
            if value == f"Bearer {secret}":
                self.tokens.add(name)
                return f' -H "Authorization: Bearer ${name}"'
        return f" -H {word(f'Authorization: {value}')}"

    def _headers(self, exchange: Exchange, *, with_key: bool) -> list[str]:
        written = []
        for raw_name, raw_value in exchange.request_headers.raw:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "surrogateescape")
            if name in _CLIENT_HEADERS or (name, value) == ("accept", "*/*"):
                continue
            if name == "idempotency-key" and not with_key:
                continue
            told: Part = self.variables.get(value, value)
            # curl sends a header without a value only if it ends in a semicolon.
            written.append(f"-H {word(f'{name.title()}: ', told) if value else word(f'{name.title()};')}")
        if exchange.request_body and "content-type" not in exchange.request_headers:
            written.append("-H 'Content-Type:'")
        if len(exchange.request_body) > 2**20:
            written.append("-H 'Expect:'")
        return written

    def _body(self, content: bytes) -> str:
        if content not in self._bodies:
            self._bodies[content] = f"body_{len(self._bodies) + 1}"
            self._lines.append(prints(self._bodies[content], content).rstrip("\n"))
        return self._bodies[content]

    def _segment(self, segment: str) -> list[Part]:
        """Return a segment of a path, in which the value of another run may have more around it."""
        if segment in self.variables:
            return [self.variables[segment]]
        for value, variable in self.variables.items():
            before, found, after = segment.partition(value)
            if found and len(value) >= SHORTEST_TELLING_ID:
                return [quote(before, safe=_IN_A_URL), variable, quote(after, safe=_IN_A_URL)]
            if segment == value.upper():
                name = f"{variable.name}_IN_CAPITALS"
                self._lines.append(
                    f"{name}=$(printf %s \"${variable.name}\" | sed 'y/{_SMALL}/{_SMALL.upper()}/')"
                )
                return [Variable(name)]
        return [quote(segment, safe=_IN_A_URL)]

    def _url(self, call: Call) -> str:
        parts: list[Part] = [Variable("URL")]
        for segment in call.path.split("/")[1:]:
            parts += ["/", *self._segment(segment)]
        path, mark, query = call.exchange.url.partition("?")
        del path
        for number, pair in enumerate(query.split("&") if mark else []):
            name, equals, value = pair.partition("=")
            known = self.variables.get(unquote_plus(value)) if name in _FROM_ANSWERS else None
            parts.append(("&" if number else "?") + quote(name, safe=_IN_A_URL) + equals)
            parts.append(known or quote(value, safe=_IN_A_URL))
        return word(*_joined(parts))


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Put neighbouring texts together, so that a word is quoted as a whole."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined
