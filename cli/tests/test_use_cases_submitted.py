"""The use cases, submitted as they stand: to the facility that runs them, and to both mocks."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from common_compute_cli.demo.facility import FACILITY_ID, write_configuration

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

CASES = Path(__file__).parents[2] / "spec" / "use_cases"


def _program(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "common_compute_cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def servers(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Start this machine's facility and both mocks, and give the address of each by its facility's id."""
    room = tmp_path_factory.mktemp("servers")
    starts = {
        FACILITY_ID: ["serve", "--config", str(write_configuration(room))],
        "rosetta": ["mock", "--flavour", "rosetta", "--port", "0"],
        "dirac": ["mock", "--flavour", "dirac", "--port", "0"],
    }
    starts[FACILITY_ID] += ["--port", "0"]
    processes = {}
    for name, arguments in starts.items():
        command = [sys.executable, "-m", "common_compute_cli", *arguments, "--json"]
        processes[name] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    yield {name: json.loads(process.stdout.readline())["url"] for name, process in processes.items()}
    for process in processes.values():
        process.terminate()
        process.communicate(timeout=30)


def _expected(case: str, outputs: list[str], room: Path) -> dict[str, bytes]:
    """Run the case's own command here, with its inputs where it wants them."""
    body = json.loads((CASES / case / "body.json").read_text())
    for entry in body["inputs"]:
        name = entry["source"]["content_base64"].removeprefix("${FILE:").removesuffix("}")
        (room / entry["path"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CASES / case / name, room / entry["path"])
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **body.get("environment", {})}
    subprocess.run(body["command"], cwd=room, env=environment, check=True, capture_output=True)
    return {output: (room / output).read_bytes() for output in outputs}


@pytest.mark.parametrize(
    ("case", "facility", "software", "outputs"),
    [
        ("cta_installed_software", FACILITY_ID, {"SOFTWARE": "posix-shell", "VERSION": None}, ["excess.csv"]),
        ("cta_installed_software", "dirac", {"SOFTWARE": "ctapipe", "VERSION": None}, ["excess.csv"]),
        ("cta_container", "rosetta", {"IMAGE": "debian:12-slim"}, ["spectrum.csv"]),
    ],
)
def test_a_use_case_gives_what_its_command_gives_here(servers, tmp_path, case, facility, software, outputs):
    """The body as it stands succeeds, and its results are those of the same command on the same files."""
    if "VERSION" in software:
        listed = _program("facility", "show", facility, "--url", servers[facility], "--json")
        catalogue = json.loads(listed.stdout)["software"]
        of_that_name = [entry for entry in catalogue if entry["name"] == software["SOFTWARE"]]
        software = {**software, "VERSION": of_that_name[0]["version"]}
    bound = [f"--set={name}={value}" for name, value in {"FACILITY": facility, **software}.items()]
    body = str(CASES / case / "body.json")
    submitted = _program("job", "submit", body, *bound, "--url", servers[facility], "--wait", "--json")
    assert 0 == submitted.returncode, submitted.stderr
    job = json.loads(submitted.stdout)
    results = _program(
        "job", "results", job["id"], "--url", servers[facility], "--out", str(tmp_path / "out")
    )
    assert 0 == results.returncode, results.stderr
    (tmp_path / "here").mkdir()
    expected = _expected(case, outputs, tmp_path / "here")
    assert expected == {name: (tmp_path / "out" / name).read_bytes() for name in outputs}


def test_300_pools_are_one_submission_and_300_results(servers, tmp_path):
    """The array over 300 pools succeeds on a real host, with one result for each pool."""
    url = servers[FACILITY_ID]
    bound = [f"--set=FACILITY={FACILITY_ID}", "--set=SOFTWARE=posix-shell"]
    body = str(CASES / "many_pools" / "body.json")
    submitted = _program("job", "submit", body, *bound, "--url", url, "--wait", "--json")
    assert 0 == submitted.returncode, submitted.stderr
    job = json.loads(submitted.stdout)
    assert 300 == job["task_counts"]["succeeded"]
    out = tmp_path / "out"
    assert 0 == _program("job", "results", job["id"], "--url", url, "--out", str(out)).returncode
    assert [f"pool-{n:04}.csv" for n in range(1, 301)] == sorted(path.name for path in out.rglob("*.csv"))
