"""Facilities over SSH, where callers have accounts and keys of their own, certified as a whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import NOBODY, PROGRAM, serving

pytestmark = [pytest.mark.real, pytest.mark.needs("slurm"), pytest.mark.timeout(1500)]

RECORDS = Path(__file__).parents[2] / "docs" / "certificates"
CALLERS = {"token-of-anna-4711": "alice", "token-of-bert-0815": "bob"}

_CONFIGURATION = """\
[service]
id = "org.example.ssh-{host}"

[store]
url = "sqlite:///{room}/store.sqlite3"
results = "{room}/results"

[access]
kind = "bearer"
tokens_file = "{room}/tokens"

[[facility]]
id = "{host}"
connector = "ssh"
host = "{address}"
port = {port}
host_key = "{host_key}"
secret_file = "{room}/secret"
check_every_seconds = 1
kill_grace_seconds = 1
"""


_CONTAINERS = """
[facility.containers]
registries = ["{registry}"]
ca_file = "{authority}"
probe_image = "{image}"
"""
_STAGING = "\n[facility.staging]\n"
_ALL = {
    *("core", "container", "software", "arrays", "ranges", "live-logs", "staging", "credentials"),
    *("watch", "validation", "access"),
}


@dataclass
class Reaching:
    """A server in front of one of the facility's hosts, and the callers' part in their credentials."""

    host: str
    room: Path
    homes: Path
    url: str

    def credential(self, method: str, token: str, **body: str) -> dict[str, Any]:
        """Ask for a caller's credential, or put it."""
        answer = httpx.request(
            method,
            f"{self.url}/facilities/{self.host}/credential",
            headers={"Authorization": f"Bearer {token}"},
            **({"json": body} if method == "PUT" else {}),
            timeout=60,
            verify=NOBODY,
        )
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def let_in(self, token: str) -> str:
        """Do what the instructions ask of a user, if anything, and give the credential's state."""
        shown = self.credential("GET", token)
        if shown["state"] == "awaiting_user":
            line = shown["instructions"].partition("this line: ")[2]
            assert line.startswith("restrict ssh-ed25519 ")
            keys = self.homes / shown["account"] / ".ssh" / "authorized_keys"
            known = keys.read_text() if keys.exists() else ""
            if line not in known:
                keys.write_text(f"{known}{line}\n")
        return str(shown["state"])

    def certify(self, *options: str) -> dict[str, Any]:
        """Certify the facility with both callers, while the second one adds each new key of theirs."""
        over = threading.Event()
        mine, theirs = CALLERS

        def act_as_the_second_caller() -> None:
            while not over.wait(0.5):
                self.let_in(theirs)

        acting = threading.Thread(target=act_as_the_second_caller, daemon=True)
        acting.start()
        try:
            command = [
                PROGRAM,
                "certify",
                self.url,
                "--facility",
                self.host,
                "--out",
                self.room / "certificate",
            ]
            tokens = ["--token", mine, "--other-token", theirs]
            done = subprocess.run([*command, *tokens, *options], capture_output=True, text=True)
        finally:
            over.set()
            acting.join()
        assert 0 == done.returncode, done.stdout + done.stderr
        certificate: dict[str, Any] = json.loads((self.room / "certificate" / "certificate.json").read_text())
        return certificate


@contextmanager
def served(facility: dict[str, Any], host: str, room: Path, more: str = "") -> Iterator[Reaching]:
    """Serve one host, with both callers let in."""
    reached = facility["hosts"][host]
    for name, text in (("secret", "k" * 44), ("tokens", "anna bert")):
        (room / name).touch(mode=0o600)
        (room / name).write_text(text)
    (room / "tokens").write_text(
        "".join(f"{token} {owner}\n" for token, owner in zip(CALLERS, ("anna", "bert"), strict=True))
    )
    (room / "serve.toml").write_text(
        _CONFIGURATION.format(
            host=host,
            room=room,
            address=reached["address"],
            port=reached["port"],
            host_key=reached["host_key"],
        )
        + more
    )
    with serving(room / "serve.toml") as url:
        reaching = Reaching(host, room, Path(reached["room"]) / "home", url)
        for token, account in CALLERS.items():
            assert "awaiting_user" == reaching.credential("PUT", token, account=account)["state"]
            for _ in range(300):
                if reaching.let_in(token) == "valid":
                    break
                threading.Event().wait(0.2)
            else:
                raise AssertionError(reaching.credential("GET", token))
        yield reaching


def everything(facility: dict[str, Any]) -> str:
    """Give the tables of a facility that stages files, and takes containers from the registry here."""
    image, registry = facility["images"]["busybox"], facility["registry"]
    return _STAGING + _CONTAINERS.format(
        registry=image.partition("/")[0], authority=registry["ca"], image=image
    )


def _claimed(certificate: dict[str, Any]) -> set[str]:
    return {name for name, entry in certificate["classes"].items() if entry["claimed"]}


def test_a_plain_host_is_certified(slurm_facility: dict[str, Any], tmp_path: Path) -> None:
    """A host with nothing but sshd keeps the contract for callers with accounts of their own."""
    with served(slurm_facility, "plain", tmp_path, everything(slurm_facility)) as reaching:
        certificate = reaching.certify("--budget", "quick")
    assert _claimed(certificate) >= _ALL


def test_slurm_is_certified(slurm_facility: dict[str, Any], tmp_path: Path) -> None:
    """A cluster under Slurm, reached over SSH, keeps the contract."""
    with served(
        slurm_facility, "cluster", tmp_path, "[facility.slurm]\n" + everything(slurm_facility)
    ) as reaching:
        certificate = reaching.certify("--budget", "quick")
    assert _claimed(certificate) >= _ALL


@pytest.mark.long
def test_slurm_without_accounting_is_certified(slurm_facility: dict[str, Any], tmp_path: Path) -> None:
    """A cluster whose Slurm keeps no accounts of its jobs keeps the contract as well."""
    with served(slurm_facility, "unaccounted", tmp_path, "[facility.slurm]\n") as reaching:
        reaching.certify("--budget", "quick")


@pytest.mark.long
@pytest.mark.parametrize(("host", "more"), [("plain", ""), ("cluster", "[facility.slurm]\n")])
def test_the_normal_budget_certifies_them(
    slurm_facility: dict[str, Any], tmp_path: Path, host: str, more: str
) -> None:
    """What the quick budget certifies, the normal one certifies as well; the certificate is kept."""
    with served(slurm_facility, host, tmp_path, more + everything(slurm_facility)) as reaching:
        certificate = reaching.certify("--budget", "normal")
    assert _claimed(certificate) >= _ALL
    RECORDS.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "certificate" / "certificate.json", RECORDS / f"ssh_{host}.json")
