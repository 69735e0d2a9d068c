"""The GitHub Action certifies: each of its `run:` steps is executed here as a runner executes it.

One thing is spared: the kit of this checkout is really built and installed, into an environment of its own, but the
packages that it depends on are those of the environment in which the tests run: PYTHONPATH has them there already.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from common_compute_conformance.budget import BUDGETS
from common_compute_mutants import houses
from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import Mutant

pytestmark = pytest.mark.real

ACTION = Path(__file__).parents[2] / ".github" / "actions" / "certify"
DEFINITION = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in DEFINITION["runs"]["steps"]}


@dataclass
class Runner:
    """What of GitHub's runner a composite action sees."""

    room: Path
    inputs: dict[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Execute the script of a step, as the runner's `shell: bash` does."""
        step = STEPS[name]
        assert "bash" == step["shell"]
        told = self.room / "output"
        told.write_text("")
        (self.room / "temp").mkdir(exist_ok=True)
        script = self.room / "script.sh"
        script.write_text(self._filled(step["run"]))
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.room,
            env={
                # The step asks for python3, as the runner has it; here that is the one of the tests.
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(self.room),
                **{key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_"))},
                "PYTHONPATH": sysconfig.get_path("purelib"),
                "RUNNER_TEMP": str(self.room / "temp"),
                "GITHUB_OUTPUT": str(told),
                "GITHUB_STEP_SUMMARY": str(self.room / "summary.md"),
                **{key: self._filled(value) for key, value in step.get("env", {}).items()},
            },
            capture_output=True,
            text=True,
            timeout=280,
        )
        lines = told.read_text().splitlines()
        self.outputs[step.get("id", name)] = dict(line.split("=", 1) for line in lines)
        return done

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{\{ *([a-z_.-]+) *\}\}", lambda found: self._value(found[1]), str(text))

    def _value(self, expression: str) -> str:
        names = expression.split(".")
        if names[0] == "inputs":
            return self.inputs.get(names[1], str(DEFINITION["inputs"][names[1]].get("default", "")))
        if names[0] == "steps":
            return self.outputs.get(names[1], {}).get(names[3], "")
        assert "github.action_path" == expression
        return str(ACTION)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Execute the step that installs the kit, into a folder of its own; give that folder."""
    runner = Runner(tmp_path_factory.mktemp("installed"), {})
    done = runner.run("Install the kit")
    assert 0 == done.returncode, done.stderr
    return runner.room / "temp" / "common-compute"


@pytest.fixture
def room(installed: Path, tmp_path: Path) -> Path:
    """Give a folder for a job in which the kit is installed."""
    (tmp_path / "temp").mkdir()
    (tmp_path / "temp" / "common-compute").symlink_to(installed)
    return tmp_path


async def know_no_ranges(request: Request, forward: Forward) -> Answer:
    """Answer ranges with a page that tries to end a code block."""
    answer = await forward(request)
    if request.header("range"):
        return Answer(400, (("content-type", "text/html"),), b"```\n<h1>x</h1>")
    return answer


def test_the_installed_kit_is_complete(installed: Path) -> None:
    """What the action installs is the kit of this checkout, with the spec, the hints and the templates in it."""
    done = subprocess.run(
        [
            installed / "bin" / "python",
            "-c",
            "import common_compute_conformance as kit; print(kit.__path__[0])",
        ],
        capture_output=True,
        text=True,
        cwd=installed,
        check=True,
    )
    there = Path(done.stdout.strip())
    assert installed in there.parents
    mine = Path(__file__).parents[1] / "common_compute_conformance"
    wanted = {
        each.relative_to(mine)
        for each in mine.rglob("*")
        if each.is_file() and "__pycache__" not in each.parts
    }
    assert set() == wanted - {each.relative_to(there) for each in there.rglob("*")}


def test_a_right_server_is_certified(room: Path) -> None:
    """The action ends well for a right server, with the verdict as output, a summary, and all files."""
    with houses.running("guarded") as house:
        inputs = {
            "url": house.url,
            "token": str(house.token),
            "other-token": str(house.other_token),
            "facility": "rosetta",
            "patience": "60",
        }
        runner = Runner(room, inputs)
        done = runner.run("Certify")
    assert 0 == done.returncode, done.stderr
    assert {"code": "0", "verdict": "certified"} == runner.outputs["certify"], done.stdout
    assert (house.token in done.stdout, house.other_token in done.stdout) == (False, False)
    files = {each.name for each in (room / "certificate").iterdir()}
    assert {"certificate.json", "junit.xml", "report.html", "badge.svg"} == files
    document = json.loads((room / "certificate" / "certificate.json").read_text())
    assert ("access" in document["certified_classes"], document["budget"]) == (True, "quick")
    assert 0 == runner.run("Write the summary").returncode
    assert (room / "summary.md").read_text().startswith("## Common Compute: certified\n\n    Target: ")
    assert 0 == runner.run("Tell the verdict").returncode


def test_a_wrong_server_is_refused(room: Path) -> None:
    """The action fails for a wrong server, after it has told why; what the server says ends no block."""
    mutant = Mutant("wrong", "CC-RES-015", "It answers HTML.", "rosetta", twist=know_no_ranges)
    with houses.running("rosetta", mutant) as house:
        inputs = {
            "url": house.url,
            "classes": "ranges live-logs",
            "strict": "true",
            "directory": "a folder/out",
        }
        runner = Runner(room, inputs)
        done = runner.run("Certify")
    assert {"code": "1", "verdict": "partial-failed"} == runner.outputs["certify"], done.stderr
    document = json.loads((room / "a folder" / "out" / "certificate.json").read_text())
    assert (True, ["ranges", "live-logs"]) == (document["strict"], list(document["classes"]))
    runner.run("Write the summary")
    summary = (room / "summary.md").read_text()
    assert ("FAILED CC-RES-015" in summary, "<h1>x</h1>" in summary) == (True, True)
    assert [] == [line for line in summary.splitlines()[2:] if line and not line.startswith("    ")]
    assert 1 == runner.run("Tell the verdict").returncode


def test_a_server_that_is_not_there(room: Path) -> None:
    """The action fails where nothing answers, without a verdict and without an older certificate."""
    (room / "certificate").mkdir()
    (room / "certificate" / "certificate.json").write_text("{}")
    runner = Runner(room, {"url": "http://127.0.0.1:9/v1"})
    done = runner.run("Certify")
    assert {"code": "2"} == runner.outputs["certify"]
    assert "Nothing answers" in done.stderr
    assert not (room / "certificate" / "certificate.json").exists()
    runner.run("Write the summary")
    assert "## Common Compute: no certificate" in (room / "summary.md").read_text()
    assert 2 == runner.run("Tell the verdict").returncode


def test_inputs_are_no_shell(room: Path) -> None:
    """An input that holds shell code is an argument that names nothing, and no code."""
    hostile = f'"; touch {room}/executed; $(touch {room}/executed) `touch {room}/executed` #'
    names = (
        "url",
        "facility",
        "classes",
        "budget",
        "strict",
        "patience",
        "directory",
        "token",
        "other-token",
    )
    runner = Runner(room, dict.fromkeys(names, hostile))
    for name in ("Certify", "Write the summary", "Tell the verdict"):
        runner.run(name)
    assert {"code": "2"} == runner.outputs["certify"]
    assert not (room / "executed").exists()


def test_every_step_that_runs_is_tested() -> None:
    """All steps of the action are scripts, and these tests execute each of them by its name."""
    executed = set(re.findall(r'run\("([^"]+)"\)', Path(__file__).read_text(encoding="utf-8")))
    assert list(STEPS) == [name for name in STEPS if "run" in STEPS[name]]
    assert set(STEPS) == executed


def test_expressions_are_in_the_environment_only() -> None:
    """No script of the action has an expression in it: the runner would paste what it holds into the code."""
    scripts: list[Any] = [step["run"] for step in STEPS.values()]
    assert [] == [script for script in scripts if "${{" in script]


def test_budgets_are_those_of_the_kit() -> None:
    """The action's description and default of the budget are the kit's."""
    told = DEFINITION["inputs"]["budget"]
    assert [] == [name for name in BUDGETS if name not in told["description"]]
    assert told["default"] in BUDGETS
