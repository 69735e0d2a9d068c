"""The use cases in `spec/`: their bodies are valid jobs, and their files do what their pages say."""

from __future__ import annotations

import base64
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest

from common_compute_connector import contract

USE_CASES = Path(__file__).parents[3] / "spec" / "use_cases"
BODIES = sorted(USE_CASES.glob("*/*body.json"))
BINDING = {
    "FACILITY": "somewhere",
    "SOFTWARE": "some-software",
    "VERSION": "1.2.3",
    "IMAGE": "registry.example/group/image@sha256:" + 64 * "0",
    "INDEX": "0",
    "RESULT:period.json": base64.b64encode(b"{}").decode(),
}


def bind(body: Path) -> dict[str, Any]:
    """Read a body with every placeholder replaced, one result standing for those to collect."""

    def value(match: re.Match[str]) -> str:
        kind, _, name = match[1].partition(":")
        if kind == "FILE":
            return base64.b64encode((body.parent / name).read_bytes()).decode()
        return BINDING[match[1]]

    bound: dict[str, Any] = json.loads(re.sub(r"\$\{([^}]+)\}", value, body.read_text()))
    return bound


def lay_out(spec: dict[str, Any], directory: Path) -> Path:
    """Put the inline inputs of a job where its command finds them."""
    for entry in spec["inputs"]:
        path = directory / entry["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(entry["source"]["content_base64"]))
    return directory


def run(command: list[str], directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of a job as a facility does, with no other environment than the one given."""
    argv = [sys.executable if command[0] == "python3" else command[0], *command[1:]]
    return subprocess.run(argv, cwd=directory, env=environment, text=True, capture_output=True, timeout=60)


def page(case: str) -> str:
    """Read the page of a use case."""
    return (USE_CASES / case / "README.md").read_text()


@pytest.mark.parametrize("body", BODIES, ids=lambda body: f"{body.parent.name}/{body.name}")
def test_body_is_a_valid_job(body: Path) -> None:
    """A body whose placeholders are bound is a valid JobSpec, and nothing in it is left to bind."""
    components = {"components": {"schemas": contract.document()["components"]["schemas"]}}
    validator = jsonschema_rs.Draft4Validator({"$ref": "#/components/schemas/JobSpec", **components})

    bound = bind(body)

    assert [] == [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(bound)]
    assert "${" not in json.dumps(bound)


@pytest.mark.parametrize("case", sorted({body.parent for body in BODIES}), ids=lambda case: case.name)
def test_every_file_of_a_case_is_sent(case: Path) -> None:
    """What lies in the folder of a use case is its page, a body, or a file that a body sends."""
    bodies = sorted(case.glob("*body.json"))
    sent = {name for body in bodies for name in re.findall(r"\$\{FILE:([^}]+)\}", body.read_text())}

    present = {path.name for path in case.iterdir()} - {path.name for path in bodies}

    assert sent | {"README.md"} == present


def test_pages_list_the_cases() -> None:
    """The page of all use cases links to the page of each, and explains each placeholder that a body has."""
    text = (USE_CASES / "README.md").read_text()
    names = {name for body in BODIES for name in re.findall(r"\$\{([A-Z]+)", body.read_text())}

    assert sorted({body.parent.name for body in BODIES}) == sorted(
        re.findall(r"\]\((\w+)/README\.md\)", text)
    )
    assert names == set(re.findall(r"\$\{([A-Z]+)", text))


def test_installed_software_case_gives_the_table_of_its_page(tmp_path: Path) -> None:
    """The job with installed software writes the excess of each run, and the total that its page names."""
    spec = bind(USE_CASES / "cta_installed_software" / "body.json")

    ended = run(spec["command"], lay_out(spec, tmp_path))

    lines = (tmp_path / "excess.csv").read_text().splitlines()
    assert (0, 4) == (ended.returncode, len(ended.stderr.splitlines()))
    assert ["run", "run-2041", "run-2042", "run-2047", "run-2048", "all"] == [
        line.split(",")[0] for line in lines
    ]
    assert f"`{lines[-1]}`" in page("cta_installed_software")


def test_installed_software_case_fails_on_a_broken_run(tmp_path: Path) -> None:
    """A run with an event of no known region ends the job with exit code 65 and its name in the log."""
    spec = bind(USE_CASES / "cta_installed_software" / "body.json")
    lay_out(spec, tmp_path)
    (tmp_path / "runs" / "run-2042.events").write_text("1 100 nowhere\n")

    ended = run(spec["command"], tmp_path)

    assert 65 == ended.returncode
    assert "run-2042.events: unknown region nowhere" in ended.stderr


def test_container_case_counts_every_event_once(tmp_path: Path) -> None:
    """The bands of the spectrum hold each event exactly once, and the first is the one of its page."""
    spec = bind(USE_CASES / "cta_container" / "body.json")

    ended = run(spec["command"], lay_out(spec, tmp_path), **spec["environment"])

    lines = (tmp_path / "spectrum.csv").read_text().splitlines()
    counted = sum(int(on) + int(off) for _, _, on, off, _ in (line.split(",") for line in lines[1:]))
    assert 0 == ended.returncode
    assert len((tmp_path / "source.events").read_text().splitlines()) == counted
    assert f"`{lines[1]}`" in page("cta_container")


def test_many_pools_case_has_a_task_for_each_pool(tmp_path: Path) -> None:
    """The array of the many pools has 300 parameters, those of the pools that its table of runs holds."""
    spec = bind(USE_CASES / "many_pools" / "body.json")
    runs = (lay_out(spec, tmp_path) / "runs.txt").read_text().splitlines()

    pools = [task["POOL"] for task in spec["array"]["parameters"]]

    assert 300 == len(pools)
    assert sorted({line.split()[0] for line in runs}) == pools


def test_many_pools_case_gives_the_line_of_its_page(tmp_path: Path) -> None:
    """A task of the many pools writes the excess of its pool, and fails where the pool has no runs."""
    spec = bind(USE_CASES / "many_pools" / "body.json")
    lay_out(spec, tmp_path)
    first, unknown = (
        run([part.replace("{{POOL}}", pool) for part in spec["command"]], tmp_path, CC_TASK_INDEX="0")
        for pool in ("pool-0001", "pool-0301")
    )

    assert (0, 66) == (first.returncode, unknown.returncode)
    assert f"`{(tmp_path / 'pool-0001.csv').read_text().splitlines()[1]}`" in page("many_pools")
    assert not (tmp_path / "pool-0301.csv").exists()


def test_fit_finds_a_known_period(tmp_path: Path) -> None:
    """The fit of a pool gives the period and the amplitude that a series was made with."""
    rows = [f"{year},{50 + 20 * math.sin(2 * math.pi * year / 7.3):.4f}" for year in range(1700, 1809)]
    spec = bind(USE_CASES / "timeseria" / "body.json")
    lay_out(spec, tmp_path)
    (tmp_path / "sunspots_yearly.csv").write_text("\n".join(["YEAR,SUNACTIVITY", *rows]) + "\n")

    ended = run(spec["command"], tmp_path, **spec["array"]["parameters"][0])

    found = json.loads((tmp_path / "period.json").read_text())
    assert (0, "1700-1808", 109) == (ended.returncode, found["pool"], found["years"])
    assert (7.3, 20.0, 1.0) == (found["period_years"], found["amplitude"], found["power"])


def test_timeseria_case_finds_the_solar_cycle(tmp_path: Path) -> None:
    """The median period is that of the page, near 11 years, and the figure has a mark for each pool."""
    spec = bind(USE_CASES / "timeseria" / "body.json")
    collecting = bind(USE_CASES / "timeseria" / "collect_body.json")
    lay_out(collecting, tmp_path)
    for index, task in enumerate(spec["array"]["parameters"]):
        directory = lay_out(spec, tmp_path / f"task-{index}")
        assert 0 == run(spec["command"], directory, **task).returncode
        (directory / "period.json").rename(tmp_path / "periods" / f"{index}.json")

    ended = run(collecting["command"], tmp_path)

    summary = json.loads((tmp_path / "summary.json").read_text())
    marks = ET.fromstring((tmp_path / "sunspots.svg").read_text()).iter()
    tags = [mark.tag.rpartition("}")[2] for mark in marks]
    assert (0, "") == (ended.returncode, ended.stderr)
    assert (21, 21) == (summary["pools"], tags.count("circle"))
    assert 10.5 < summary["median_period_years"] < 11.2
    assert f"median of the periods: {summary['median_period_years']:.2f} years" in page("timeseria")
    assert all(9.5 < fit["period_years"] < 12 for fit in summary["fits"])
