"""Bearer tokens from a file, one per line: `TOKEN OWNER [SCOPE ...]`; `#` begins a comment."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from common_compute_connector.access import SCOPES, Caller
from common_compute_connector.errors import ConfigurationError

_SHORTEST = 16
_LONGEST_OWNER = 512


class StaticTokens:
    """The tokens of a file, kept and compared as SHA-256 only: how alike two tokens are takes no time."""

    def __init__(self, callers: dict[bytes, Caller]) -> None:
        self._callers = callers

    @classmethod
    def read(cls, path: Path) -> StaticTokens:
        """Read a file of tokens.

        Raises:
            ConfigurationError: it cannot be read, others than its owner can, or a line is wrong. No token
                is ever repeated in the words.
        """
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError([f"{path}: the file of tokens cannot be read ({error})."]) from None
        faults = []
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            faults.append(f"{path}: others can read these tokens; run: chmod 600 {path}")
        callers: dict[bytes, Caller] = {}
        for number, words in _lines(text):
            fault = _fault(words) or ("this token was given before" if _digest(words[0]) in callers else None)
            if fault:
                faults.append(f"{path}, line {number}: {fault}.")
            else:
                callers[_digest(words[0])] = Caller(words[1], frozenset(words[2:]) or SCOPES)
        if faults:
            raise ConfigurationError(faults)
        return cls(callers)

    async def judge(self, token: str) -> Caller | None:
        """Give the caller of a token, or None."""
        return self._callers.get(_digest(token))

    async def close(self) -> None:
        """Nothing is open."""


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if words:
            yield number, words


def _fault(words: list[str]) -> str | None:
    if len(words) < 2:
        return "a line is TOKEN OWNER [SCOPE ...], and the owner is missing"
    if len(words[0]) < _SHORTEST:
        return f"a token has at least {_SHORTEST} characters; make one with: openssl rand -hex 32"
    if len(words[1]) > _LONGEST_OWNER:
        return f"an owner has at most {_LONGEST_OWNER} characters"
    if unknown := sorted(set(words[2:]) - SCOPES):
        return f"{', '.join(unknown)} is no scope; there are {', '.join(sorted(SCOPES))}"
    return None


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
