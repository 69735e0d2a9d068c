"""`facility probe`: facilities of a configuration are looked at, before anything is served."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import serving

from common_compute_cli.__main__ import run

SERVICE = """\
[service]
id = "org.example.probed"

[store]
url = "sqlite:///{room}/store.sqlite3"
results = "{room}/results"

"""
BEARER = """\
[access]
kind = "bearer"
tokens_file = "{room}/tokens"

"""
_SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {room}/host_key
PidFile none
AuthorizedKeysFile {room}/key.pub
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
"""


@dataclass
class Sshd:
    """A real sshd for this account alone: its port and host key, and a key that it takes."""

    port: int
    host_key: str
    key_file: Path
    room: Path


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Run an sshd that lets this account in with one key."""
    room = tmp_path_factory.mktemp("sshd")
    Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host_key", "key", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", room / name], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (room / "config").write_text(_SSHD.format(port=port, room=room))
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    with (room / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-D", "-e", "-f", room / "config"], stderr=log, start_new_session=True
        )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            threading.Event().wait(0.02)
        else:
            raise AssertionError((room / "log").read_text())
        host_key = " ".join((room / "host_key.pub").read_text().split()[:2])
        yield Sshd(port, host_key, room / "key", room)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def configuration(room: Path, *facilities: str, bearer: bool = False) -> str:
    """Write a configuration with what its facilities name, and give its path."""
    for name, text in (("tokens", "token-of-anna-4711 anna\n"), ("secret", "s" * 44)):
        (room / name).touch(mode=0o600)
        (room / name).write_text(text)
    text = SERVICE + (BEARER if bearer else "") + "\n".join(facilities)
    (room / "probed.toml").write_text(text.replace("{room}", str(room)))
    return str(room / "probed.toml")


def over_ssh(sshd: Sshd, facility_id: str, *lines: str, **members: Any) -> str:
    """Give the table of a facility at this sshd."""
    settings = {
        "host": "127.0.0.1",
        "port": sshd.port,
        "host_key": sshd.host_key,
        "root": "{room}/jobs",
        **members,
    }
    told = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    return "\n".join(["[[facility]]", f'id = "{facility_id}"', 'connector = "ssh"', told, *lines, ""])


def platform(sshd: Sshd) -> dict[str, str]:
    """Give the members of a facility with one account for all."""
    return {"account": getpass.getuser(), "key_file": str(sshd.key_file)}


OWN = {"secret_file": "{room}/secret"}
INTERNAL = '[[facility]]\nid = "here"\nconnector = "internal"\nroot = "{room}/jobs"\n'


def probed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Run the command for programs; give its exit code, what it tells of each facility, and its complaints."""
    code = run(["facility", "probe", "--json", *arguments])
    captured = capsys.readouterr()
    looks = json.loads(captured.out) if captured.out else []
    return code, {look["facility"]["id"]: look for look in looks}, captured.err


def needs_sshd(test: Any) -> Any:
    """Mark a test that needs a real sshd."""
    return pytest.mark.real(pytest.mark.needs("sshd")(test))


@pytest.mark.real
def test_this_machine_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was found here comes beside the document, and neither a store nor a result is made."""
    code, looks, _ = probed(capsys, configuration(tmp_path, INTERNAL + "max_memory_bytes = 1000000\n"))
    look = looks["here"]
    assert (0, "available", []) == (code, look["facility"]["status"]["state"], look["faults"])
    assert [look["found"]["architecture"]] == look["facility"]["architectures"]
    assert [getpass.getuser(), socket.gethostname(), os.cpu_count()] == [
        look["found"][name] for name in ("account", "host", "cpu_cores")
    ]
    assert "posix-shell" in [each["name"] for each in look["facility"]["software"]]
    memory = look["found"]["memory_bytes"]
    assert f"`max_memory_bytes` holds jobs to 1000000 bytes; there are {memory}." in look["notes"]
    assert {"jobs", "probed.toml", "secret", "tokens"} == {entry.name for entry in tmp_path.iterdir()}


@pytest.mark.real
def test_it_is_the_document_that_is_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word what a server that has seen the facility tells of it."""
    file = configuration(tmp_path, INTERNAL)
    _, looks, _ = probed(capsys, file)
    with serving(Path(file)) as url:
        served = httpx.get(f"{url}/facilities/here", timeout=60).json()
        software = httpx.get(f"{url}/facilities/here/software", timeout=60).json()["software"]
    assert {**served, "software": software, "status": None} == {**looks["here"]["facility"], "status": None}


@needs_sshd
def test_one_account_for_all_is_looked_through(
    sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the platform's account nothing more has to be given, over a real connection."""
    code, looks, _ = probed(
        capsys, configuration(tmp_path, over_ssh(sshd, "plain", **platform(sshd)), bearer=True)
    )
    look = looks["plain"]
    assert (0, "available", "service") == (
        code,
        look["facility"]["status"]["state"],
        look["facility"]["credential"]["delegation"],
    )
    assert getpass.getuser() == look["found"]["account"]
    assert f"{tmp_path}/jobs/org.example.probed" == look["found"]["directory"]


@needs_sshd
def test_an_account_of_ones_own_tells_what_callers_will_find(
    sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document stays that of a facility with its callers' own keys, filled by what this account found."""
    file = configuration(tmp_path, over_ssh(sshd, "own", **OWN), bearer=True)
    account = ["--account", getpass.getuser(), "--key-file", str(sshd.key_file)]
    code, looks, _ = probed(capsys, file, *account)
    facility = looks["own"]["facility"]
    assert (0, "available", "user") == (
        code,
        facility["status"]["state"],
        facility["credential"]["delegation"],
    )
    assert "credentials" in facility["conforms_to"]
    assert [looks["own"]["found"]["architecture"]] == facility["architectures"]


@needs_sshd
def test_without_an_account_nothing_is_looked_at(
    sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody has enrolled the answer is no, and the words say which options help."""
    code, looks, complaint = probed(
        capsys, configuration(tmp_path, over_ssh(sshd, "own", **OWN), bearer=True)
    )
    assert (1, "unknown", {}) == (code, looks["own"]["facility"]["status"]["state"], looks["own"]["found"])
    assert "own: It was not looked at" in complaint
    assert "--account NAME --key-file FILE" in complaint


@needs_sshd
def test_each_facility_has_its_own_fault(
    sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is well is shown beside those that are not, each of which is told with its cause."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = free.getsockname()[1]
    other = " ".join((sshd.room / "other.pub").read_text().split()[:2])
    mine = platform(sshd)
    file = configuration(
        tmp_path,
        over_ssh(sshd, "well", **mine),
        over_ssh(sshd, "away", **{**mine, "port": nobody}),
        over_ssh(sshd, "locked", **{**mine, "key_file": str(sshd.room / "other")}),
        over_ssh(sshd, "false", **{**mine, "host_key": other}),
        over_ssh(sshd, "slurmless", "[facility.slurm]", **mine),
        bearer=True,
    )
    code, looks, complaint = probed(capsys, file)
    assert (1, []) == (code, looks["well"]["faults"])
    for facility_id, words in {
        "away": f"127.0.0.1:{nobody}: ",
        "locked": "does not take the key",
        "false": "shows another host key than the pinned one",
        # Slurm's programs may be on this machine; no Slurm answers them.
        "slurmless": "scontrol: " if shutil.which("sbatch") else "the host lacks sbatch",
    }.items():
        (fault,) = looks[facility_id]["faults"]
        assert fault.startswith("It is unavailable: "), fault
        assert words in fault
        assert f"  {facility_id}: {fault}" in complaint.splitlines()
    assert "Traceback" not in complaint
    code, looks, complaint = probed(capsys, file, "--facility", "well")
    assert (0, ["well"], "") == (code, [*looks], complaint)


@needs_sshd
def test_people_read_what_show_prints_and_what_was_found(
    sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document as `facility show` prints it, then what was found, then what the settings narrow."""
    lines = ["max_running = 1", 'description = "Two\\nlines"']
    cores = os.cpu_count() or 1
    assert cores > 1, "this test is for machines of two cores or more"
    file = configuration(tmp_path, over_ssh(sshd, "plain", *lines, **platform(sshd)), bearer=True)
    assert 0 == run(["facility", "probe", file])
    told = capsys.readouterr().out
    for words in ("status         available", "RESOURCE", "LIMIT", "FOUND THERE", "lines"):
        assert words in told
    assert f"`max_running` lets 1 tasks run at once; there are {cores} cores." in told
    assert "\N{REPLACEMENT CHARACTER}" not in told


@needs_sshd
@pytest.mark.parametrize("make", [["-t", "rsa", "-N", ""], ["-t", "ed25519", "-N", "a passphrase"]])
def test_a_key_of_no_use_is_told(
    make: list[str], sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key that cannot log in is refused before anything is tried."""
    subprocess.run(["ssh-keygen", "-q", *make, "-f", tmp_path / "key"], check=True)
    file = configuration(tmp_path, over_ssh(sshd, "own", **OWN), bearer=True)
    code, looks, complaint = probed(capsys, file, "--account", "anna", "--key-file", str(tmp_path / "key"))
    assert (2, {}) == (code, looks)
    assert "The private key of anna must be an ed25519 key without a passphrase" in complaint


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--facility", "there"], "has no facility 'there': there is here."),
        (["--account", "anna"], "--account and --key-file belong together"),
        (["--account", "anna", "--key-file", "/no/such/file"], "/no/such/file cannot be read (No such file"),
        (
            ["--account", "anna", "--key-file", "/dev/null"],
            "The jobs of here do not run in accounts of its callers",
        ),
    ],
)
def test_wrong_options_are_told(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 2, and nothing was looked at."""
    code, looks, complaint = probed(capsys, configuration(tmp_path, INTERNAL), *arguments)
    assert (2, {}) == (code, looks)
    assert words in complaint
    assert not (tmp_path / "jobs").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("[[facility", "is no TOML"),
        (SERVICE, "There is no facility"),
        (SERVICE + INTERNAL + "colour = 1\n", "there is no setting `colour`"),
        (SERVICE + BEARER + INTERNAL, "its jobs run under the server's own account"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told(
    text: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `serve` would refuse is refused here, in the same words."""
    file = configuration(tmp_path)
    if text is None:
        Path(file).unlink()
    else:
        Path(file).write_text(text.replace("{room}", str(tmp_path)))
    code, _, complaint = probed(capsys, file)
    assert (2, True) == (code, words in complaint), complaint


def test_a_mock_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A connector that does not tell what it found is shown by its document alone."""
    file = configuration(tmp_path, '[[facility]]\nid = "mocked"\nconnector = "mock"\nflavour = "rosetta"\n')
    code, looks, complaint = probed(capsys, file)
    assert (0, {}, []) == (code, looks["mocked"]["found"], looks["mocked"]["faults"]), complaint


@pytest.mark.real
@pytest.mark.needs("slurm")
def test_a_cluster_is_looked_at(
    slurm_facility: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Partitions with their limits, Slurm's version and books come from the cluster, and queues can be narrowed."""
    reached = slurm_facility["hosts"]["cluster"]
    cluster = Sshd(reached["port"], reached["host_key"], Path(), Path())
    members = {**OWN, "host": reached["address"], "root": ".common-compute"}
    lines = ["[facility.slurm]", 'queues = ["batch", "nowhere"]', "[facility.containers]"]
    file = configuration(tmp_path, over_ssh(cluster, "cluster", *lines, **members), bearer=True)
    key_file = slurm_facility["users"]["alice"]["private_key"]
    code, looks, complaint = probed(capsys, file, "--account", "alice", "--key-file", key_file)
    look = looks["cluster"]
    assert (1, ["batch"], "slurm") == (
        code,
        [queue["name"] for queue in look["facility"]["queues"]],
        look["facility"]["scheduler"]["kind"],
    )
    assert [True, "alice"] == [look["found"][name] for name in ("accounting", "account")]
    assert look["facility"]["scheduler"]["version"] == look["found"]["slurm_version"]
    assert "The partition debug is there and not among `queues`." in look["notes"]
    assert ["`queues` names nowhere, which is no partition that this account sees."] == look["faults"]
    assert "cluster: `queues` names nowhere" in complaint
    assert look["facility"]["container_runtimes"]
