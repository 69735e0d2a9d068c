"""Who calls: one static bearer token for each caller."""

import argparse
import hmac
import pathlib
from collections.abc import Mapping

from problems import Problem


class Callers:
    """The callers, by name, with their tokens."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = {name: token.encode() for name, token in tokens.items()}

    def identify(self, authorization: str | None) -> str:
        """Name the caller of an `Authorization`, or refuse it as `unauthenticated`."""
        if authorization is None:
            raise _unauthenticated("Bearer", "Send your token as `Authorization: Bearer ...`.")
        scheme, _, token = authorization.partition(" ")
        named = [
            name
            for name, known in self._tokens.items()
            if hmac.compare_digest(token.strip().encode("latin-1", "replace"), known)
        ]
        if scheme.lower() != "bearer" or not named:
            raise _unauthenticated('Bearer error="invalid_token"', "This token is not known here.")
        return named[0]


def pair(text: str) -> tuple[str, str]:
    """Read NAME=TOKEN."""
    name, _, token = text.strip().partition("=")
    if not name or not token:
        raise argparse.ArgumentTypeError("write a token as NAME=TOKEN")
    return name, token


def pairs_of(path: str) -> list[tuple[str, str]]:
    """Read a file of NAME=TOKEN lines."""
    return [pair(line) for line in pathlib.Path(path).read_text("utf-8").splitlines() if line.strip()]


def _unauthenticated(challenge: str, detail: str) -> Problem:
    return Problem("unauthenticated", detail, headers={"www-authenticate": challenge})
