"""What a mocked facility says of itself: documents that fit the contract and agree with how it behaves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from common_compute_connector import contract, registry
from common_compute_connector.clock import HeldClock
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.jobs import State
from common_compute_connector.protocol import Ground
from common_compute_connector.schemas import component
from common_compute_mocks import flavours
from common_compute_mocks.facility import mock_configuration, open_connector
from common_compute_mocks.flavours import SUCCEEDED, Flavour


@pytest.fixture(params=flavours.names())
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Each flavour."""
    return flavours.load(request.param)


def described(bench: Any) -> dict[str, Any]:
    return {"status": {"state": "available"}} | asyncio.run(bench.connector.describe())


def test_the_document_fits_the_contract(bench: Any) -> None:
    """A facility document fits the schema `Facility`, with the facility's id in it."""
    assert [] == component("Facility").faults(described(bench))
    assert bench.flavour == described(bench)["id"]


def test_the_catalogue_fits_the_contract(dirac: Any, rosetta: Any) -> None:
    """The catalogue fits `Software`, is sorted, and has one default version a name; each has the shell."""
    software = asyncio.run(dirac.connector.list_software())
    assert [] == component("SoftwareList").faults({"software": list(software)})
    names = [entry["name"] for entry in software]
    assert ["corsika_simtelarray", "ctapipe", "ctapipe", "ctapipe", "posix-shell"] == names
    assert ["v0.21.1", "v0.19.2", "v0.10.0"] == [e["version"] for e in software if e["name"] == "ctapipe"]
    for name in {entry["name"] for entry in software}:
        assert 1 == sum(entry["default"] for entry in software if entry["name"] == name)
    assert ["posix-shell"] == [each["name"] for each in asyncio.run(rosetta.connector.list_software())]


def test_classes_are_those_that_the_flavour_has(rosetta: Any, dirac: Any) -> None:
    """Both run installed software; Rosetta runs containers besides and shows live logs, DIRAC does neither."""
    both = {"core", "software", "arrays", "ranges", "credentials"}
    assert {*both, "container", "live-logs"} == set(described(rosetta)["conforms_to"])
    assert both == set(described(dirac)["conforms_to"])
    known = contract.document()["components"]["schemas"]["ConformanceClass"].get("enum")
    assert known is None or set(described(rosetta)["conforms_to"]) <= set(known)


def test_every_native_state_of_a_life_has_one_of_ours(flavour: Flavour) -> None:
    """Native states on the way map to states on the way, and those of the endings to the right ends.

    One that says nothing of the command, as DIRAC's Done does, is the same for a success and a failure.
    """
    done = flavour.endings[SUCCEEDED].state
    for step in (*flavour.life, flavour.again):
        assert flavour.state_of(step.state) in (State.QUEUED, State.RUNNING), step
    for reason, word in flavour.endings.items():
        expected = State.FAILED
        if reason == SUCCEEDED or reason.startswith("cancelled"):
            expected = State.SUCCEEDED if reason == SUCCEEDED else State.CANCELLED
        if word.state == done and expected is State.FAILED:
            expected = State.SUCCEEDED
        assert expected == flavour.state_of(word.state), reason


def test_one_step_runs_the_command(flavour: Flavour) -> None:
    """The command runs in exactly one step, the first of ours that is running."""
    running = [step.command for step in flavour.life if flavour.state_of(step.state) is State.RUNNING]
    assert [True, *[False] * (len(running) - 1)] == running
    assert 1 == sum(step.command for step in flavour.life)


def test_reasons_are_announced_and_the_contracts(flavour: Flavour) -> None:
    """Every ending's reason is announced in `reason_codes`, and all announced ones are in the contract."""
    announced = set(flavour.facility["reason_codes"])
    assert set(flavour.endings) - {SUCCEEDED} <= announced
    assert announced <= {entry["code"] for entry in contract.document()["x-reason-codes"]}


def test_the_probe_can_be_asked_for(bench: Any) -> None:
    """Each probe fits the schema of a job's software, belongs to a claimed class, and can be found."""
    document = described(bench)
    kinds = {"container": "container", "installed": "software"}
    for kind, software in document["probe"].items():
        assert kinds[kind] in document["conforms_to"]
        assert [] == component("SoftwareRequest").faults(software)
    names = {entry["name"] for entry in asyncio.run(bench.connector.list_software())}
    installed = document["probe"].get("installed")
    assert installed is None or installed["name"] in names


def test_the_probe_works(bench: Any) -> None:
    """In the probe's software /bin/sh, printf, cat, sleep, env, kill and head work."""
    script = (
        """printf 'printf\\n' | cat | head -n 1 && sleep 1 && env A=env /bin/sh -c 'echo $A' && kill -0 $$"""
    )
    limits = {"wall_time_seconds": 60, "memory_bytes": 64 * 1024 * 1024}
    for software in described(bench)["probe"].values():
        spec = bench.spec("/bin/sh", "-c", script, resources=limits) | {"software": software}
        part = bench.submit(spec)
        assert State.SUCCEEDED == bench.end(part).state
        assert b"printf\nenv\n" == bench.home(part, spec).logs["stdout"]


def test_credentials_are_described(bench: Any) -> None:
    """The document tells which credential the facility needs, and that this one plays the user's part."""
    expected = {"rosetta": ("ssh_key", "user"), "dirac": ("x509_proxy", "on_behalf")}[bench.flavour]
    credential = described(bench)["credential"]
    assert expected == (credential["kind"], credential["delegation"])
    assert "after two seconds" in credential["instructions"]
    assert 2 == flavours.load(bench.flavour).enrolment.user_takes_seconds


def test_every_state_of_a_credential_has_instructions(flavour: Flavour) -> None:
    """A flavour has words for each state of the contract's credentials, and for no other."""
    states = contract.document()["components"]["schemas"]["Credential"]["properties"]["state"]["enum"]
    assert set(states) == set(flavour.enrolment.instructions)


def test_each_end_has_a_way_to_it(flavour: Flavour) -> None:
    """Whatever the end, the command runs on the way there, and a longer wait has its place before that."""
    assert {cause for step in flavour.life for cause in step.only} <= set(flavour.endings)
    for attempt in (1, 2):
        for cause in (*flavour.endings, "something that is none of them"):
            steps = flavour.steps(attempt, cause)
            runs = [place for place, step in enumerate(steps) if step.command]
            waits = [place for place, step in enumerate(steps) if step.waits]
            assert (1, 1) == (len(runs), len(waits)), (attempt, cause)
            assert waits[0] < runs[0]
        assert flavour.steps(attempt, "exit-nonzero") == flavour.steps(
            attempt, "something that is none of them"
        )


def test_parts_fit_the_facility(rosetta: Any, dirac: Any) -> None:
    """DIRAC takes 100 parametric jobs in one submission, Slurm an array of 1000, whatever arrays are allowed."""
    assert (1000, 100) == (rosetta.connector.max_tasks_per_part, dirac.connector.max_tasks_per_part)
    for bench in (rosetta, dirac):
        assert described(bench)["limits"]["max_array_tasks"] >= bench.connector.max_tasks_per_part


def test_the_entry_point_opens_a_mock() -> None:
    """The registry finds the mock by its name and gives it the configured id."""
    configuration = mock_configuration("dirac", 3, facility_id="cta")
    connector = registry.open_connector(configuration, Ground(HeldClock(), _NoEnrolments()))
    assert ("cta", "dirac") == (connector.facility_id, asyncio.run(connector.describe())["kind"])


class _NoEnrolments:
    async def enrolment(self, owner: str) -> None:
        """Give none."""


def test_every_wrong_setting_is_told() -> None:
    """All faults of a configuration are told at once, each with its remedy."""
    configuration = mock_configuration("globus", seed=True, scenario="luck")
    configuration = type(configuration)("odd", "mock", {**configuration.settings, "colour": "red"})
    with pytest.raises(ConfigurationError) as told:
        open_connector(configuration, Ground(HeldClock(), _NoEnrolments()))
    assert 4 == len(told.value.faults)
    for word in ("'colour'", "dirac, rosetta", "take an integer", "succeeds"):
        assert any(word in fault for fault in told.value.faults), word
