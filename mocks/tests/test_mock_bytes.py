"""What commands leave at a mocked facility: bytes, codes, limits, logs while they run, made-up outputs."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from common_compute_connector.errors import LogUnavailable
from common_compute_connector.jobs import State
from common_compute_connector.plan import OutputRule, plan_task
from common_compute_connector.protocol import Ground, Refused
from common_compute_mocks import flavours
from common_compute_mocks.facility import MockFacility
from common_compute_mocks.plausible import file_name

USE_CASES = Path(str(files("common_compute_connector"))).resolve().parents[2] / "spec" / "use_cases"


def test_output_and_exit_code_are_the_commands_own(bench: Any) -> None:
    """Logs are what the command writes to each stream, and the exit code is what it exits with."""
    part = bench.submit(bench.spec("/bin/sh", "-c", "printf hello; printf oops >&2; exit 3"))
    end = bench.end(part)
    assert (State.FAILED, "exit-nonzero", 3) == (end.state, end.reason.code, end.exit_code)
    assert {"stdout": b"hello", "stderr": b"oops"} == bench.home(part, {}).logs


def test_the_environment_is_the_contracts(bench: Any) -> None:
    """A task has PATH, LANG, TMPDIR and its own names; HOME is its working directory; its own values win."""
    script = (
        'printf "%s\\n" "$CC_JOB_ID" "$CC_TASK_INDEX" "$CC_TASK_COUNT" "$LANG" "$X"; [ "$HOME" = "$PWD" ]'
    )
    script += ' && echo home; [ -d "$TMPDIR" ] && echo x > "$TMPDIR/y" && [ -n "$PATH" ] && echo there; ls -a'
    hostile = "a\n'b' \"c\" $HOME é"
    spec = bench.spec("/bin/sh", "-c", script, environment={"LANG": "POSIX", "X": hostile})
    part = bench.submit(spec, "job-9")
    bench.end(part)
    expected = f"job-9\n0\n1\nPOSIX\n{hostile}\nhome\nthere\n.\n..\n"
    assert expected == bench.home(part, spec).logs["stdout"].decode()


def test_only_what_the_globs_name_comes_home(bench: Any) -> None:
    """Results are the regular files that an output's glob matches, no links and nothing else."""
    script = "mkdir d; echo 1 > d/a.csv; echo 2 > b.csv; ln -s b.csv l.csv; ln -s d e; echo 3 > .h.csv; echo > x.txt"
    spec = bench.spec("/bin/sh", "-c", script, outputs=[{"path": "**/*.csv"}])
    part = bench.submit(spec)
    bench.end(part)
    home = bench.home(part, spec)
    assert ({"b.csv": b"2\n", "d/a.csv": b"1\n"}, ()) == (home.files, home.lost)


@pytest.mark.parametrize("command", [["/no/such/command"], ["./missing"], ["env", "/no/such"]])
def test_a_missing_command_is_told(bench: Any, command: list[str]) -> None:
    """A path that leads nowhere ends with 127; where the facility itself looked, as command-not-found."""
    end = bench.end(bench.submit(bench.spec(*command)))
    reason = "exit-nonzero" if command[0] == "env" else "command-not-found"
    assert (State.FAILED, 127, reason) == (end.state, end.exit_code, end.reason.code)


def test_a_signal_is_told_as_the_facility_can(bench: Any) -> None:
    """Where the facility knows signals a death by one is `signal`, elsewhere an exit code of 128 more."""

    def told() -> tuple[str, int | None, int | None]:
        end = bench.end(bench.submit(bench.spec("/bin/sh", "-c", "kill -TERM $$")))
        return end.reason.code, end.exit_code, end.signal

    assert ("signal", None, 15) == told()
    flavour = flavours.load(bench.flavour)
    codes = [code for code in flavour.facility["reason_codes"] if code != "signal"]
    less = replace(flavour, facility={**flavour.facility, "reason_codes": codes})
    bench.connector = MockFacility(
        bench.flavour,
        less,
        Ground(bench.clock, AsyncMock(enrolment=AsyncMock(return_value=None))),
        7,
        "succeeds",
    )
    assert ("exit-nonzero", 143, None) == told()


def test_wall_time_is_enforced(bench: Any) -> None:
    """A task ends at the wall time that it asked for, and DIRAC itself does not know: its wrapper saw to it."""
    resources = {"resources": {"wall_time_seconds": 2}}
    spec = bench.spec("/bin/sh", "-c", "echo early; sleep 5; echo late", **resources)
    part = bench.submit(spec)
    end = bench.end(part)
    native = {"rosetta": "TIMEOUT", "dirac": "Done"}[bench.flavour]
    assert (State.FAILED, "wall-time-exceeded", native) == (end.state, end.reason.code, end.native.state)
    assert b"early\n" == bench.home(part, spec).logs["stdout"]


def test_what_comes_home_fits_the_facility(rosetta: Any, dirac: Any) -> None:
    """DIRAC brings home the beginning of a log, and the results for which there is room; the others are named."""
    script = (
        "head -c 1100000 /dev/zero; head -c 5000000 /dev/zero >a; head -c 5000000 /dev/zero >b; echo c >c"
    )
    homes = []
    for bench in (rosetta, dirac):
        spec = bench.spec("/bin/sh", "-c", script, outputs=[{"path": "*"}])
        part = bench.submit(spec)
        bench.end(part)
        homes.append(bench.home(part, spec))
    assert [["a", "b", "c"], ["a", "c"]] == [list(home.files) for home in homes]
    assert [1_100_000, 1 << 20] == [len(home.logs["stdout"]) for home in homes]
    assert [(), ("b is too much for the 7340032 bytes of results that come home",)] == [h.lost for h in homes]


@pytest.mark.parametrize(
    "script", ["while :; do :; done", "sleep infinity", "sleep 100000 & wait", "cat /dev/zero"]
)
def test_what_never_ends_is_ended_by_wall_time(rosetta: Any, script: str) -> None:
    """A command without an end runs until its wall time, however much or little it does meanwhile."""
    part = rosetta.submit(rosetta.spec("/bin/sh", "-c", script, resources={"wall_time_seconds": 3}))
    rosetta.clock.advance(2)
    assert State.RUNNING == rosetta.see(part).state
    assert "wall-time-exceeded" == rosetta.end(part).reason.code


def test_memory_is_enforced_or_kills_namelessly(rosetta: Any, dirac: Any) -> None:
    """A shell that doubles a text for ever is out of memory; at DIRAC is seen only that it was killed."""
    script = "x=abcdefgh; while :; do x=$x$x; done"
    for bench in (rosetta, dirac):
        end = bench.end(bench.submit(bench.spec("/bin/sh", "-c", script)))
        expected = "out-of-memory" if bench is rosetta else "signal"
        assert (expected, 9) == (end.reason.code, end.signal)


def test_a_full_disk_is_an_error_of_the_command(bench: Any) -> None:
    """A task that writes more than there is room for gets an error from the system and goes on."""
    script = "i=0; while head -c 20M /dev/zero >> f 2> e; do :; done; cat e; exit 7"
    part = bench.submit(bench.spec("/bin/sh", "-c", script))
    assert 7 == bench.end(part).exit_code
    assert b"head: write error: No space left on device\n" == bench.home(part, {}).logs["stdout"]


def test_what_is_left_behind_dies_with_the_command(bench: Any) -> None:
    """When its command ends a task is over: what runs in its background then writes nothing more."""
    part = bench.submit(bench.spec("/bin/sh", "-c", "(sleep 1; echo late) & echo now"))
    assert 0 == bench.end(part).exit_code
    assert b"now\n" == bench.home(part, {}).logs["stdout"]


def test_what_is_too_big_to_be_worked_out_is_made_up(bench: Any) -> None:
    """A flow of more bytes than this machine holds is left alone: the job has made-up outputs, and succeeds."""
    script = "head -c 30M /dev/zero > f; cat f f f > /dev/null; cat f f f | head -c 1 > g"
    spec = bench.spec("/bin/sh", "-c", script, outputs=[{"path": "g"}])
    part = bench.submit(spec)
    assert State.SUCCEEDED == bench.end(part).state
    assert bench.home(part, spec).files["g"].startswith(b"g of /bin/sh")


def test_a_live_log_is_a_prefix_of_the_final_one(rosetta: Any) -> None:
    """A log grows while the task runs, what was served stays, and a range is cut from what is there."""
    script = "i=0; while [ $i -lt 5 ]; do echo line $i; sleep 1; i=$((i+1)); done"
    part = rosetta.submit(rosetta.spec("/bin/sh", "-c", script))
    assert b"" == rosetta.log(part)
    logs = []
    while not rosetta.see(part).state.terminal:
        logs.append(rosetta.log(part))
        rosetta.clock.advance(0.25)
    final = rosetta.home(part, {}).logs["stdout"]
    assert b"".join(b"line %d\n" % i for i in range(5)) == final
    assert all(final.startswith(log) for log in logs)
    assert 6 == len(set(logs))
    assert final[3:9] == rosetta.log(part, "stdout", 3, 9)
    assert b"" == rosetta.log(part, "stderr")


def test_dirac_has_no_live_logs(dirac: Any) -> None:
    """Where logs come home at the end only, none is given before."""
    part = dirac.submit(dirac.spec("/bin/sh", "-c", "echo x; sleep 9"))
    dirac.until(part, "Running")
    with pytest.raises(LogUnavailable):
        dirac.log(part)


def test_an_image_that_nobody_can_have(rosetta: Any) -> None:
    """An image of a registry below .invalid is unavailable: a part that wants it is never handed to Slurm."""
    spec = rosetta.spec("/bin/sh", "-c", "echo ran")
    spec["software"] = {"kind": "container", "image": "registry.invalid/some/image:1"}
    outcome = rosetta.offer(spec)
    assert isinstance(outcome, Refused)
    assert "image-unavailable" == outcome.reason.code
    assert outcome.reason.detail.startswith("registry.invalid/some/image:1 ")


def test_wishes_are_resolved(rosetta: Any, dirac: Any) -> None:
    """A digest that was asked for is the one that runs; a site and a version too, or the facility's own choice."""
    digest = "sha256:" + "ab" * 32
    pinned = rosetta.spec("true") | {"software": {"kind": "container", "image": f"debian@{digest}"}}
    assert digest == rosetta.end(rosetta.submit(pinned)).resolved.image_digest
    resources = {"resources": {"site": "LCG.CNAF.it"}}
    chosen = dirac.end(dirac.submit(dirac.spec("true", **resources))).resolved
    assert ("LCG.CNAF.it", "v0.19.2") == (chosen.site, chosen.software_version)
    banned = [
        "LCG.CIEMAT.es",
        "LCG.CNAF.it",
        "LCG.CYFRONET.pl",
        "LCG.DESY-ZEUTHEN.de",
        "LCG.GRIF.fr",
        "LCG.PIC.es",
    ]
    left = dirac.spec("true", backend_parameters={"BannedSites": banned})
    assert "LCG.IN2P3-CC.fr" == dirac.end(dirac.submit(left, "job-2")).resolved.site


def test_a_command_that_nobody_knows_leaves_something_plausible(bench: Any) -> None:
    """An unknown command succeeds: standard output names it, and each declared output is there."""
    outputs = [{"path": "dl1/*.h5"}, {"path": "fit.json"}, {"path": "maybe-[0-9].txt", "required": False}]
    spec = bench.spec("ctapipe-process", "--input", "run 1.fits", outputs=outputs)
    part = bench.submit(spec)
    assert State.SUCCEEDED == bench.end(part).state
    home = bench.home(part, spec)
    assert home.logs["stdout"].startswith(b"ctapipe-process --input 'run 1.fits'\n")
    assert ["dl1/output.h5", "fit.json", "maybe-0.txt"] == sorted(home.files)
    assert "values" in json.loads(home.files["fit.json"])


GLOBS = (
    *(
        "a",
        "*",
        "*.csv",
        "**",
        "**/*.fits",
        "a/**",
        "a/**/b",
        "?.x",
        "x?y*",
        "[ab].c",
        "[!ab].c",
        "[!0-9a-z].c",
    ),
    *(
        "run[0-9][0-9].log",
        "*/*.png",
        ".hidden",
        ".*/x",
        "out.[ch]",
        "a[",
        "a]b",
        "[]x]",
        "größe-*.txt",
        "**/a?/*",
    ),
    *("[!]].x", "[!!].x", "*.*", "x.*"),
)


@pytest.mark.parametrize("glob", GLOBS)
def test_a_made_up_file_fits_its_glob(glob: str) -> None:
    """The name that is made up for an output is one that the output's own rule matches."""
    rule = OutputRule(glob)
    assert rule.matches(file_name(rule))


def bound(case: str) -> dict[str, Any]:
    folder = USE_CASES / case
    text = (folder / "body.json").read_text()

    def embed(found: re.Match[str]) -> str:
        return base64.b64encode((folder / found[1]).read_bytes()).decode()

    spec: dict[str, Any] = json.loads(re.sub(r"\$\{FILE:([^}]*)\}", embed, text))
    return spec


@pytest.mark.parametrize(
    ("flavour", "case"),
    [("dirac", "cta_installed_software"), ("rosetta", "cta_container"), ("dirac", "many_pools")],
)
def test_a_use_case_gives_the_results_of_the_real_shell(
    flavour: str, case: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The use cases' own scripts, run by /bin/sh and worked out by a mock, leave the same files and logs."""
    bench = request.getfixturevalue(flavour)
    spec = bound(case)
    spec["software"] = bench.spec("x")["software"]
    if "array" in spec:
        spec["array"]["parameters"] = spec["array"]["parameters"][:3]
    part = bench.submit(spec)
    index = part.task_count - 1
    assert State.SUCCEEDED == bench.end(part, index).state
    plan = plan_task(spec, part.key.job_id, index)
    for entry in plan.inputs:
        path = tmp_path / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.content or b"")
    environment = {"PATH": "/usr/bin:/bin", **plan.environment}
    done = subprocess.run(plan.command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    home = bench.home(part, spec, index)
    written = {rule.path: (tmp_path / rule.path).read_bytes() for rule in plan.outputs}
    assert {"stdout": done.stdout, "stderr": done.stderr} == home.logs
    assert written == home.files
