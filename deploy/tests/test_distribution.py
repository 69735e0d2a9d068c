"""Wheel and sdist install and run outside of this checkout, with each extra, and bring nothing of another one's."""

from __future__ import annotations

import io
import json
import platform
import re
import tarfile
import tomllib
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from distribution import ROOT, Environment, build
from pytest_postgres import new_database

from common_compute_mutants import houses

pytestmark = pytest.mark.real

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
RECORD = ROOT / "docs" / "records" / "install_sizes.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]

MARKS = {
    "connector": "connexion",
    "mocks": "responses",
    "rosetta": "paramiko",
    "conformance": "schemathesis",
    "postgres": "psycopg",
    "cli": "typer",
}
"""A package by which one sees that an extra was installed."""

Step = Callable[[Environment], None]


def does(*command: str, code: int = 0, words: str = "") -> Step:
    """Run a program: it ends with this code, and says these words."""

    def step(environment: Environment) -> None:
        done = environment.run(*command)
        assert (code, True) == (done.returncode, words in done.stdout + done.stderr), (
            done.stdout + done.stderr
        )

    return step


def computes(program: str) -> Step:
    """Run a program in Python."""
    return does("python", "-W", "error", "-c", program)


def lacks(extra: str, *command: str) -> Step:
    """Run a command of another extra: it says which one."""
    return does("common-compute", *command, code=2, words=f"pip install 'common-compute[{extra}]'")


def serves(*command: str) -> Step:
    """Start a server: it has a facility."""

    def step(environment: Environment) -> None:
        with environment.start("common-compute", *command, "--json", "--port", "0") as server:
            assert server.stdout is not None
            assert server.stdin is not None
            url = json.loads(server.stdout.readline())["url"]
            with urllib.request.urlopen(f"{url}/facilities", timeout=30) as answer:
                assert json.load(answer)["facilities"]
            job = environment.run("common-compute", "job", "list", "--url", url)
            assert 0 == job.returncode, job.stderr
            server.stdin.close()
            assert 0 == server.wait(60)

    return step


def wrote(name: str, text: str, mode: int = 0o644) -> Step:
    """Write a file into the room."""

    def step(environment: Environment) -> None:
        (environment.room / name).write_text(text, encoding="utf-8")
        (environment.room / name).chmod(mode)

    return step


def readme(section: str) -> str:
    """Give the configuration of a section of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"## {section}\n")[2]
    return re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0]


def certifies(environment: Environment) -> None:
    """Judge a server that runs elsewhere."""
    with houses.running("rosetta") as house:
        kit = (
            "python",
            "-m",
            "common_compute_conformance",
            house.url,
            "--only",
            "CC-SVC-001",
            "--out",
            "made",
        )
        done = environment.run(*kit)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert (
        "partial-passed"
        == json.loads((environment.room / "made" / "certificate.json").read_text())["verdict"]
    )


GRID = """
[service]
id = "org.example.grid"
[[facility]]
id = "grid"
connector = "dirac"
"""
IN_PROCESS = """
import requests
from common_compute_mocks.in_process import InProcessMock, session_with
with InProcessMock() as mock:
    assert session_with(mock).get(f"{mock.url}/health").ok
"""
CONTRACT = """
from common_compute_cli import specification
from common_compute_proposal.changes import changes_between
assert 18 == len(specification.version().operations)
assert [] == changes_between(specification.version(), specification.version())
"""
OVERVIEW = """
from common_compute_cli import specification
from common_compute_proposal.overview import overview
assert b"CC-SVC-001" in overview(specification.version(), [])
"""


@dataclass(frozen=True)
class Promise:
    """What somebody gets who installs some extras."""

    steps: tuple[Step, ...]
    needs: tuple[str, ...] = ()


PROMISES: dict[str, Promise] = {
    "": Promise((computes(CONTRACT), lacks("cli", "--version"))),
    "cli": Promise(
        (
            does("common-compute", "--version", words=PROJECT["version"]),
            does("common-compute", "spec", "requirements", words="CC-SVC-001"),
            lacks("mocks", "mock"),
            lacks("connector", "serve", "--config", "none.toml"),
            lacks("conformance", "certify", "http://127.0.0.1:9/v1"),
            lacks("proposal", "spec", "lint"),
        )
    ),
    "mocks": Promise((computes(IN_PROCESS),)),
    "cli,mocks": Promise((serves("mock", "--flavour", "rosetta"),)),
    "connector": Promise((computes("import common_compute_connector.assembly"),)),
    "cli,connector": Promise(
        (
            wrote(
                "workshop.toml",
                readme("A facility of your own").replace("/var/tmp/workshop", "/tmp/workshop"),
            ),
            does("common-compute", "config", "check", "workshop.toml"),
            serves("serve", "--config", "workshop.toml"),
        )
    ),
    "rosetta": Promise((computes("import common_compute_rosetta.remote"),)),
    "cli,rosetta": Promise(
        (
            wrote("cluster.toml", readme("A facility over SSH")),
            wrote("tokens", "a-token-of-anna-4711 anna\n", 0o600),
            wrote("secret", "k" * 44, 0o600),
            does("common-compute", "config", "check", "cluster.toml"),
        )
    ),
    "dirac": Promise((computes("import common_compute_dirac.connector"),)),
    "cli,dirac": Promise(
        (
            does("common-compute", "dirac", "install-client", "--help"),
            wrote("grid.toml", GRID),
            does("common-compute", "config", "check", "grid.toml", code=2, words="interpreter"),
        )
    ),
    "conformance": Promise((certifies,)),
    "mutants": Promise((computes("import common_compute_mutants.houses"),)),
    "cli,mutants": Promise((does("common-compute", "selftest", "--requirement", "CC-SVC-008"),)),
    "proposal": Promise((computes(OVERVIEW),)),
    "cli,proposal": Promise(
        (
            does("common-compute", "spec", "lint"),
            does("common-compute", "spec", "review-form", "form.csv"),
            does("common-compute", "spec", "review-form", "all.html", "--merge", "form.csv"),
        )
    ),
    "postgres": Promise((computes("import psycopg"),)),
    "cli,connector,postgres": Promise((serves("serve", "--config", "shared.toml"),), ("postgres",)),
}
SHARED = """
[service]
id = "org.example.shared"
[store]
url = "{url}"
results = "results"
[[facility]]
id = "here"
connector = "internal"
root = "{room}/jobs"
"""


def closure(extras: str) -> set[str]:
    """Give the extras that some extras bring, themselves among them."""
    found: set[str] = set()
    queue = [extra for extra in extras.split(",") if extra]
    while queue:
        extra = queue.pop()
        if extra not in found:
            found.add(extra)
            for wanted in EXTRAS[extra]:
                match = re.match(r"common-compute\[(.*)\]", wanted)
                queue += match[1].split(",") if match else []
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel out of it."""
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """Give the wheel."""
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture
def keeps_promise(wheel: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Give the test of some extras: what is installed, and what it does."""

    def test(extras: str, python: str) -> None:
        environment = Environment.made(tmp_path / "made", python, wheel, extras)
        installed = environment.packages()
        assert {mark for extra, mark in MARKS.items() if extra in closure(extras)} == installed & set(
            MARKS.values()
        )
        assert "dirac" not in installed
        if "postgres" in PROMISES[extras].needs:
            url = new_database(request.getfixturevalue("postgres_cluster"), request.node.nodeid)
            wrote("shared.toml", SHARED.format(url=url, room=environment.room))(environment)
        for step in PROMISES[extras].steps:
            step(environment)

    return test


def members(wheel: Path) -> dict[str, int]:
    """Give the files of a wheel with their checksums."""
    with zipfile.ZipFile(wheel) as archive:
        return {each.filename: each.CRC for each in archive.infolist() if "RECORD" not in each.filename}


def test_the_sdist_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """The wheel out of the sdist, and the one out of this checkout, hold the same files."""
    (here,) = build(tmp_path, "--wheel").glob("*.whl")
    assert members(here) == members(wheel)


def test_the_wheel_holds_what_it_should(wheel: Path) -> None:
    """It has the contract as files, the scenarios, the templates, each room, and no tests and nothing foreign."""
    names = set(members(wheel))
    rooms = {Path(path).name for path in (each.parent for each in ROOT.glob("*/common_compute_*/py.typed"))}
    rooms |= {each.parent.name for each in ROOT.glob("*/*/common_compute_*/py.typed")}
    rooms.remove("common_compute_website")  # it makes pages out of a checkout
    tops = {name.partition("/")[0] for name in names}
    assert rooms | {f"common_compute-{PROJECT['version']}.dist-info"} == tops
    assert [] == [name for name in names if "/tests/" in name and "/template/" not in name]
    assert [] == [name for name in names if name.endswith((".pyc", ".sqlite3", ".so"))]
    with zipfile.ZipFile(wheel) as archive:
        for name in ("openapi.yaml", "requirements.yaml", "transitions.yaml"):
            for room in ("connector", "conformance"):
                carried = archive.read(f"common_compute_{room}/{name}")
                assert (ROOT / "spec" / name).read_bytes() == carried


def test_the_sdist_holds_the_sources(built: Path) -> None:
    """It has the contract with what was released of it, the tests and the licence, and no environment."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(sdist.read_bytes())) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "spec/openapi.yaml",
        "spec/CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "deploy/replicas/nginx.conf",
    } <= names
    assert [] == [name for name in names if name.startswith((".venv/", ".uv/", ".git/", ".setup/"))]


def test_the_plain_install_is_light(wheel: Path, tmp_path: Path) -> None:
    """Without an extra there is one package beside it, and all of it takes less than ten megabytes."""
    environment = Environment.made(tmp_path / "made", "3.11", wheel, "")
    assert {"common-compute", "pyyaml"} == environment.packages()
    assert environment.size() < 10_000_000


def test_every_extra_has_a_promise() -> None:
    """Each extra is tested alone, and each of its marks is among its own dependencies."""
    assert set(EXTRAS) <= set(PROMISES)
    for extra, mark in MARKS.items():
        assert any(wanted.startswith(mark) for wanted in EXTRAS[extra])


@pytest.mark.parametrize("extras", ["", "cli,mocks"])
def test_what_most_people_install(extras: str, keeps_promise: Callable[[str, str], None]) -> None:
    """The plain install, and mocks with the command line, do what they promise."""
    keeps_promise(extras, "3.11")


def every_combination() -> Iterator[object]:
    """Give all extras with all Pythons; those that are not to be had are reported."""
    for python in PYTHONS:
        for extras, promise in PROMISES.items():
            marks = pytest.mark.needs(f"python{python}", *promise.needs)
            yield pytest.param(extras, python, marks=marks, id=f"{python}-{extras or 'plain'}")


@pytest.mark.long
@pytest.mark.parametrize(("extras", "python"), list(every_combination()))
def test_each_extra(extras: str, python: str, keeps_promise: Callable[[str, str], None]) -> None:
    """Whatever is installed, with whatever Python, does what it promises and brings no other extra."""
    keeps_promise(extras, python)


@pytest.mark.long
def test_the_sizes_are_kept(wheel: Path, tmp_path: Path) -> None:
    """What each extra takes is measured and written into the record."""
    lines = [
        "# What an installation takes",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {platform.machine()}: the bytes of all",
        "files of an empty environment with the wheel, in MiB, and how many packages there are. Written by",
        "`deploy/tests/test_distribution.py`.",
        "",
        "| extra | MiB | packages |",
        "|---|---|---|",
    ]
    for extra in ("", *EXTRAS):
        environment = Environment.made(tmp_path / (extra or "plain"), "3.11", wheel, extra)
        size, packages = environment.size(), len(environment.packages())
        assert size > 0
        lines.append(f"| {extra or '(none)'} | {size / 2**20:.1f} | {packages} |")
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")
