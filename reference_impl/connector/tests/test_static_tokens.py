"""Tokens of a file name callers, and a careless file is refused."""

import asyncio
import os
from pathlib import Path

import pytest

from common_compute_connector.access import SCOPES, BearerAccess, Caller, OpenAccess
from common_compute_connector.errors import ConfigurationError, Unauthenticated
from common_compute_connector.tokens.static_tokens import StaticTokens

ONE, TWO = "token-of-the-first-caller", "token-of-the-second-caller"


def _file(directory: Path, text: str, mode: int = 0o600) -> Path:
    path = directory / "tokens"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def _access(directory: Path) -> BearerAccess:
    text = f"# those who may\n\n{ONE} alice\n{TWO} bob compute.read  # only looks\n"
    return BearerAccess([StaticTokens.read(_file(directory, text))], {})


def test_a_token_names_its_caller(tmp_path: Path) -> None:
    """A known token gives the owner of its line, with all scopes or with those that the line says."""
    access = _access(tmp_path)

    assert Caller("alice", SCOPES) == asyncio.run(access.caller([f"Bearer {ONE}"]))
    assert Caller("bob", frozenset({"compute.read"})) == asyncio.run(access.caller([f"bearer  {TWO}"]))


@pytest.mark.parametrize(
    ("headers", "given"),
    [
        ([], False),
        (["Bearer"], False),
        (["Bearer "], False),
        ([f"Basic {ONE}"], False),
        ([ONE], False),
        ([f"Bearer {ONE} {TWO}"], False),
        ([f"Bearer {ONE}", f"Bearer {TWO}"], False),
        ([f"Bearer {ONE}x"], True),
        ([f"Bearer {ONE[:-1]}"], True),
        (["Bearer alice"], True),
        (["Bearer \xe9"], True),
    ],
)
def test_anything_else_names_nobody(tmp_path: Path, headers: list[str], given: bool) -> None:
    """Without a known token there is no caller, and no token's words are repeated."""
    with pytest.raises(Unauthenticated) as raised:
        asyncio.run(_access(tmp_path).caller(headers))

    assert given == raised.value.token_given
    assert ONE not in raised.value.detail


def test_open_access_ignores_the_header() -> None:
    """Under access none everybody is anonymous."""
    assert "anonymous" == asyncio.run(OpenAccess().caller(["Bearer anything"])).owner


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Tokens that other users of the machine can read are no secret, and the way out is told."""
    with pytest.raises(ConfigurationError, match="chmod 600"):
        StaticTokens.read(_file(tmp_path, f"{ONE} alice\n", mode))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{ONE}\n", "line 1: a line is TOKEN OWNER"),
        ("short alice\n", "line 1: a token has at least"),
        (f"{ONE} alice\n\n{ONE} bob\n", "line 3: this token was given before"),
        (f"{ONE} alice compute.everything\n", "compute.everything is no scope"),
        (f"{ONE} {'a' * 513}\n", "an owner has at most"),
    ],
)
def test_a_bad_line_is_told_by_its_number(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong with a line is said without repeating a token."""
    with pytest.raises(ConfigurationError) as raised:
        StaticTokens.read(_file(tmp_path, text))

    assert said in str(raised.value)
    assert ONE not in str(raised.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is a fault of the configuration, not a crash."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        StaticTokens.read(tmp_path / "nothing")


def test_the_file_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    """The mode that is asked for is enough."""
    path = _file(tmp_path, f"{ONE} alice\n", 0o400)

    assert os.stat(path).st_mode & 0o077 == 0
    StaticTokens.read(path)
