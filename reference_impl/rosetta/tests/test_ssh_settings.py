"""The settings of a facility over SSH: what is enough, and what is said about what is wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_rosetta.accounts import OwnAccounts, PlatformAccount
from common_compute_rosetta.keys import Cabinet
from common_compute_rosetta.ssh_configuration import Reach, read_reach

CABINET = Cabinet(["x" * 32])
PAIR = CABINET.new_pair((), "")
HOST_KEY = PAIR.public_line.strip()
PRIVATE_KEY = CABINET.open(PAIR.sealed, ())
SECRET = "s" * 44


class NoEnrolments:
    """Nobody has enrolled."""

    async def enrolment(self, owner: str) -> None:
        """Give none."""


def reach(**settings: Any) -> Reach:
    """Read a table, in which the machine is named."""
    table = {"host": "login.example.org", "host_key": HOST_KEY, **settings}
    configuration = FacilityConfiguration("cluster", "ssh", {k: v for k, v in table.items() if v is not None})
    return read_reach(configuration, NoEnrolments(), HeldClock(), {"CC_KEYS": SECRET, "EMPTY": ""})


def faults(**settings: Any) -> list[str]:
    """Give what is said about a table that cannot be used."""
    with pytest.raises(ConfigurationError) as told:
        reach(**settings)
    return list(told.value.faults)


def secret_file(tmp_path: Path, text: str = SECRET, mode: int = 0o600) -> str:
    """Write a secret."""
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text(text + "\n")
    file.chmod(mode)
    return str(file)


def test_four_lines_are_enough(tmp_path: Path) -> None:
    """Host, host key and a secret make a facility with its callers' own accounts, below their homes."""
    found = reach(secret_file=secret_file(tmp_path))
    assert isinstance(found.accounts, OwnAccounts)
    assert ("login.example.org", 22, HOST_KEY, None) == (
        found.machine.host,
        found.machine.port,
        found.machine.host_key,
        found.machine.allowed_from,
    )
    assert (".common-compute", "cluster") == (found.settings.root, found.settings.id)


def test_a_platform_account_needs_its_key(tmp_path: Path) -> None:
    """One account for all is named with the file of its key."""
    key_file = secret_file(tmp_path, PRIVATE_KEY)
    assert isinstance(reach(account="platform", key_file=key_file).accounts, PlatformAccount)
    assert "either `secret_file` or `secret_environment`" in faults(account="platform")[0]


def test_a_secret_may_be_in_the_environment() -> None:
    """The table names the variable; the secret is never in it."""
    assert isinstance(reach(secret_environment="CC_KEYS").accounts, OwnAccounts)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": None}, "`host` must be the name or address"),
        ({"host": "-oProxyCommand=x"}, "`host`"),
        ({"host": "a b"}, "`host`"),
        ({"port": 0}, "`port` must be a port"),
        ({"port": True}, "`port`"),
        ({"port": "22"}, "`port`"),
        ({"host_key": None}, "ssh-keyscan"),
        ({"host_key": "ssh-ed25519"}, "`host_key`"),
        ({"host_key": "ssh-rsa " + HOST_KEY.split()[1]}, "`host_key`"),
        ({"host_key": HOST_KEY[:40] + "!"}, "`host_key`"),
        ({"host_key": HOST_KEY + "\n"}, "`host_key`"),
        ({"allowed_from": '10.0.0.1" command="x'}, "`allowed_from`"),
        ({"check_every_seconds": 0}, "`check_every_seconds`"),
        ({"secret_environment": "EMPTY"}, "environment variable that is set"),
        ({"secret_environment": "NOWHERE"}, "environment variable that is set"),
        ({"secret_environment": "CC_KEYS", "account": "x"}, "as whom jobs run"),
        ({"secret_environment": None}, "as whom jobs run"),
        ({"root": "~/jobs"}, "`~/`"),
        ({"root": "-rf"}, "`root`"),
        ({"root": "a/../b"}, "`root`"),
        ({"prot": 22}, "`prot`"),
    ],
)
def test_what_cannot_be_used_is_told(settings: dict[str, Any], words: str) -> None:
    """Each fault has a sentence that names the member and says what it must be."""
    found = faults(**{"secret_environment": "CC_KEYS", **settings})
    assert any(words in fault for fault in found), found
    assert SECRET not in "".join(found)


def test_all_faults_are_told_at_once() -> None:
    """Who mends a table need not run it again for every line."""
    assert 4 == len(faults(host="a b", port=0, host_key="x", secret_environment="CC_KEYS", max_running=0))


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [("short", 0o600, "openssl rand"), ("", 0o600, "openssl rand"), (SECRET, 0o644, "chmod 600")],
)
def test_a_secret_file_is_looked_at(tmp_path: Path, text: str, mode: int, words: str) -> None:
    """A secret that can be guessed, or that others can read, is refused, and never repeated."""
    found = faults(secret_file=secret_file(tmp_path, text, mode))
    assert words in found[0]
    assert text not in found[0] or not text


@pytest.mark.real
@pytest.mark.needs("sshd")
@pytest.mark.parametrize("make", [["-t", "rsa", "-N", ""], ["-t", "ed25519", "-N", "secret"], None])
def test_a_key_that_cannot_be_used_is_told(tmp_path: Path, make: list[str] | None) -> None:
    """An RSA key, one with a passphrase and what is none are refused, and told which key it must be."""
    file = tmp_path / "key"
    if make is None:
        file.write_text("no key\n")
        file.chmod(0o600)
    else:
        subprocess.run(["ssh-keygen", "-q", *make, "-f", file], check=True)
    (fault,) = faults(account="platform", key_file=str(file))
    assert "`key_file` must be the path of an ed25519 key" in fault


def test_a_secret_file_that_is_not_there() -> None:
    """The path of what cannot be read is told."""
    assert "/no/such/file cannot be read" in faults(secret_file="/no/such/file")[0]
