"""`rosetta import`: a real dump becomes a configuration that `config check` accepts once it is filled in."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import serving

from common_compute_cli.__main__ import run
from common_compute_cli.commands import rosetta

DUMPS = Path(__file__).parents[2] / "reference_impl" / "rosetta" / "tests" / "dumps"
SITE = str(DUMPS / "site.json")


def imported(out: Path, dump: str = SITE) -> str:
    """Import a dump, and give the configuration's text."""
    assert 0 == run(["rosetta", "import", dump, "--out", str(out)])
    return (out / "common-compute.toml").read_text(encoding="utf-8")


@pytest.mark.real
@pytest.mark.needs("sshd")
def test_what_it_writes_is_in_order_once_it_is_filled_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`config check` refuses it as it comes, and takes it with keys that ssh-keygen made and files that are there."""
    out = tmp_path / "out"
    text = imported(out)
    capsys.readouterr()
    assert 2 == run(["config", "check", str(out / "common-compute.toml")])
    assert "[service]: id must not be empty." in capsys.readouterr().err

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    host_key = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    for name, content in (("secret", "s" * 44), ("tokens", "token-of-anna-4711 anna\n")):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(content)
    values = {
        "id": "org.example.compute",
        "tokens_file": str(tmp_path / "tokens"),
        "secret_file": str(tmp_path / "secret"),
        "account": "platform",
        "key_file": str(tmp_path / "key"),
    }
    for name, value in values.items():
        text = re.sub(rf'(?m)^{name} = ""$', f'{name} = "{value}"', text)
    text = text.replace("/data/resources/keys/platform_id_rsa", values["key_file"])
    (out / "common-compute.toml").write_text(text)
    assert 2 == run(["config", "check", str(out / "common-compute.toml")])
    told = capsys.readouterr().err
    assert 6 == told.count("`host_key` must be its host key") == told.count("ssh-keyscan")
    assert 6 == len(told.splitlines()) - 1

    (out / "common-compute.toml").write_text(text.replace('host_key = ""', f'host_key = "{host_key}"'))
    assert 0 == run(["config", "check", str(out / "common-compute.toml")]), capsys.readouterr().err
    assert "amonra, behind-the-gate, bruno-s-box, internal, pleiadi-trieste, shared-workstation" in (
        capsys.readouterr().out
    )


def test_users_accounts_are_a_table_to_hand_on(tmp_path: Path) -> None:
    """Each line has a user, a facility, and the body with which that user enrols there."""
    imported(tmp_path / "out")
    lines = (tmp_path / "out" / "accounts.txt").read_text(encoding="utf-8").splitlines()
    assert "USER   FACILITY         ACCOUNT   BODY OF PUT /v1/facilities/FACILITY/credential" == lines[0]
    assert 'anna   pleiadi-trieste  arossi    {"account": "arossi"}' in lines
    assert 7 == len([line for line in lines if line]), lines


def test_what_is_left_behind_has_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file has as many lines as the command says, and the command says what to do next."""
    imported(tmp_path / "out")
    told = capsys.readouterr().out
    left = (tmp_path / "out" / "left-behind.txt").read_text(encoding="utf-8").splitlines()
    assert f"{len(left)} things that have no counterpart here" in told
    assert any("StrictHostKeyChecking=no" in line for line in left)
    assert f"common-compute config check {tmp_path}/out/common-compute.toml" in told


def test_without_a_place_the_configuration_alone_is_on_the_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can be sent into a file, while the rest is read."""
    text = imported(tmp_path / "out")
    capsys.readouterr()
    assert 0 == run(["rosetta", "import", SITE])
    captured = capsys.readouterr()
    assert text == captured.out
    assert 6 == len(tomllib.loads(captured.out)["facility"])
    assert '{"account": "arossi"}' in captured.err
    assert "StrictHostKeyChecking=no" in captured.err


def test_the_example_in_the_documentation_is_what_comes_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page shows what the command says of the dump that lies with the tests, and a table that it writes."""
    page = (Path(__file__).parents[2] / "docs" / "rosetta_import.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    text = imported(Path("taken-over"))
    assert f"--out taken-over\n{capsys.readouterr().out}```" in page
    shown = page.partition("```toml\n")[2].partition("catalogue = [")[0]
    assert shown
    assert shown in text


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What an administrator has filled in is not lost by a second import."""
    out = tmp_path / "out"
    imported(out)
    (out / "common-compute.toml").write_text("mine")
    assert 2 == run(["rosetta", "import", SITE, "--out", str(out)])
    assert "is there already, and not empty" in capsys.readouterr().err
    assert "mine" == (out / "common-compute.toml").read_text()


def test_no_secret_of_the_dump_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a dump with passwords' hashes and tokens nothing of them comes out, on no way."""
    dump = DUMPS / "site_with_users.json"
    assert 0 == run(["rosetta", "import", str(dump), "--out", str(tmp_path / "out")])
    assert 0 == run(["rosetta", "import", str(dump)])
    captured = capsys.readouterr()
    told = captured.out + captured.err
    told += "".join(file.read_text(encoding="utf-8") for file in (tmp_path / "out").iterdir())
    secrets = re.findall(r'"(?:password|authtoken|auth_token|token)": "([^"]+)"', dump.read_text())
    assert 8 == len(secrets)
    assert [] == [secret for secret in secrets if secret in told]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "It is no JSON"),
        ("[1]", "row 1: it has no `model`"),
        ('[{"model": "core_app.computing", "pk": "x", "fields": {}}]', "`name` is missing"),
        ("[]", "There is no computing resource of Rosetta's in it"),
    ],
)
def test_a_dump_that_cannot_be_used_is_told(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 2, nothing is written, and the words say what is wrong."""
    (tmp_path / "dump.json").write_text(text)
    assert 2 == run(["rosetta", "import", str(tmp_path / "dump.json"), "--out", str(tmp_path / "out")])
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert not (tmp_path / "out").exists()


def test_a_dump_that_is_not_there_or_too_large_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong path, a directory and a file beyond all measure are told in a sentence."""
    for wrong, words in ((tmp_path / "missing", "No such file"), (tmp_path, "Is a directory")):
        assert 2 == run(["rosetta", "import", str(wrong)])
        assert f"{wrong} cannot be read ({words}" in capsys.readouterr().err
    monkeypatch.setattr(rosetta, "MAX_DUMP_BYTES", 100)
    assert 2 == run(["rosetta", "import", SITE])
    assert "is larger than 100 bytes" in capsys.readouterr().err


def test_an_instance_without_counterpart_is_a_no(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If nothing can be taken over the exit code says so, and the words why."""
    text = Path(SITE).read_text().replace('"ssh+cli"', '"carrier pigeon"').replace('"internal"', '"external"')
    (tmp_path / "dump.json").write_text(text)
    assert 1 == run(["rosetta", "import", str(tmp_path / "dump.json")])
    captured = capsys.readouterr()
    assert "there is no connector for it (cluster, carrier pigeon, user_keys, slurm)" in captured.err
    assert "No user has an account" in captured.err


def dump_of_a_cluster(host: dict[str, Any], image: str) -> str:
    """Give rows that Rosetta wrote, but for where the cluster, its image and its storage are, and who anna is there."""
    rows = json.loads(Path(SITE).read_text())

    def row(model: str, member: str, value: object) -> dict[str, Any]:
        return next(r for r in rows if r["model"] == f"core_app.{model}" and r["fields"][member] == value)

    cluster, container = row("computing", "name", "Pleiadi (Trieste)"), row("container", "name", "CASA")
    storage, profile = row("storage", "name", "Personal"), row("profile", "user", ["anna"])
    conf = {"host": host["address"], "port": str(host["port"]), "default_memory": "100M"}
    cluster["fields"] |= {"container_engines": ["podman"], "conf": conf}
    registry, _, path = image.partition("/")
    name, _, digest = path.partition("@")
    container["fields"] |= {"registry": registry, "image_name": name, "image_digest": digest}
    storage["fields"] |= {"base_path": "/home/$SSH_USER", "computing": cluster["pk"]}
    account = {"type": "computing_user", "object_uuid": cluster["pk"], "value": "alice"}
    profile["fields"]["extra_confs"] = {"one": account}
    return json.dumps([cluster, container, storage, profile])


@pytest.mark.real
@pytest.mark.needs("slurm")
@pytest.mark.timeout(900)
def test_an_imported_cluster_runs_a_users_job(
    slurm_facility: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """From the dump to the output: the table of accounts enrols a user, whose job reads storage in an image."""
    host = slurm_facility["hosts"]["cluster"]
    dump = tmp_path / "dump.json"
    dump.write_text(dump_of_a_cluster(host, slurm_facility["images"]["busybox"]))
    text = imported(tmp_path / "out", str(dump))
    for name, content in (("secret", "s" * 44), ("tokens", "token-of-anna-4711 anna\n")):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(content)
    values = {
        "id": "org.example.imported",
        "tokens_file": str(tmp_path / "tokens"),
        "secret_file": str(tmp_path / "secret"),
        "host_key": host["host_key"],
    }
    for name, value in values.items():
        text = re.sub(rf'(?m)^{name} = ""$', f'{name} = "{value}"', text)
    store = f'[store]\nurl = "sqlite:///{tmp_path}/store.sqlite3"\nresults = "{tmp_path}/results"\n'
    (tmp_path / "serve.toml").write_text(store + text)
    home = Path(host["room"]) / "home" / "alice"
    stored = home / f"{tmp_path.name}.txt"
    stored.write_text("from storage")
    request.addfinalizer(stored.unlink)

    enrolment = re.compile(r"^anna +pleiadi-trieste +alice +(\{.*\})$", re.MULTILINE)
    (body,) = enrolment.findall((tmp_path / "out" / "accounts.txt").read_text())
    with (
        serving(tmp_path / "serve.toml") as url,
        httpx.Client(headers={"Authorization": "Bearer token-of-anna-4711"}, timeout=60) as client,
    ):
        facility = f"{url}/facilities/pleiadi-trieste"
        shown = client.put(f"{facility}/credential", json=json.loads(body)).json()
        keys = home / ".ssh" / "authorized_keys"
        keys.write_text(f"{keys.read_text()}{shown['instructions'].partition('this line: ')[2]}\n")
        until(lambda: client.get(f"{facility}/credential").json()["state"] == "valid")
        until(lambda: "container" in client.get(facility).json()["conforms_to"])
        document = client.get(facility).json()
        image = document["description"].splitlines()[-1]
        assert slurm_facility["images"]["busybox"].partition("@")[2] == image.partition("@")[2]
        source = {"kind": "storage", "storage": "personal", "path": f"alice/{stored.name}"}
        spec = {
            "facility_id": "pleiadi-trieste",
            "software": {"kind": "container", "image": image},
            "command": ["/bin/sh", "-c", "cat data.txt && test -e /bin/busybox && echo , in busybox"],
            "inputs": [{"path": "data.txt", "source": source}],
        }
        submitted = client.post(f"{url}/jobs", json=spec).json()
        job = f"{url}/jobs/{submitted['id']}"
        until(lambda: client.get(job).json()["state"] in ("succeeded", "failed"))
        ended = client.get(job).json()
        assert "succeeded" == ended["state"], ended
        assert "from storage, in busybox\n" == client.get(f"{job}/logs/stdout").text


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something."""
    for _ in range(600):
        if is_so():
            return
        threading.Event().wait(0.3)
    raise AssertionError("it never came to be so")
