"""The mocks' flavours against the connectors that they stand for: what these would say, made from fixed answers.

Settings can make a connector say many things. Those that are given here come from the flavour itself, so what is
left to differ is what no setting changes: there the flavour would be wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.jobs import Ending, TaskSeen
from common_compute_connector.protocol import Enrolment, FacilityConfiguration
from common_compute_dirac import describe as dirac_describe
from common_compute_dirac import endings as dirac_endings
from common_compute_dirac import states as dirac_states
from common_compute_dirac.enrolments import EachTheirOwn
from common_compute_dirac.sandbox import Outcome, Output
from common_compute_dirac.settings import Settings as DiracSettings
from common_compute_dirac.settings import read_settings as read_dirac
from common_compute_dirac.states import JobSeen
from common_compute_mocks import endings, flavours
from common_compute_mocks.flavours import Flavour
from common_compute_rosetta import describe as host_describe
from common_compute_rosetta import slurm_describe, slurm_states
from common_compute_rosetta.accounts import Machine as SshMachine
from common_compute_rosetta.accounts import OwnAccounts
from common_compute_rosetta.configuration import Settings as HostSettings
from common_compute_rosetta.configuration import read_settings as read_host
from common_compute_rosetta.records import Machine, read_end
from common_compute_rosetta.remote import RemoteFacility
from common_compute_rosetta.runtimes.found import Program, runtimes_of
from common_compute_rosetta.slurm_probe import Cluster, Partition
from common_compute_rosetta.slurm_queue import Record, Row

ROSETTA, DIRAC = flavours.load("rosetta"), flavours.load("dirac")
STATES_OF_A_CREDENTIAL = ("missing", "awaiting_user", "valid", "rejected")

ONLY_IN_THE_MOCK = {
    "rosetta": {"launch", "endpoints"},
    "dirac": set[str](),
}
"""What Rosetta itself has, and the connector `ssh`, which speaks to its cluster, does not tell."""

FOR_PEOPLE = {"name", "description"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def dirac_settings(key: Path) -> DiracSettings:
    """Give settings of the connector under which it is what the flavour claims."""
    facility = DIRAC.facility
    limits, resources = dict(facility["limits"]), facility["resources"]
    named = [entry for entry in DIRAC.software if entry["name"] != "posix-shell"]
    table = {
        **{name: value for name, value in limits.items() if name != "cancel_grace_seconds"},
        "heartbeat_seconds": limits["cancel_grace_seconds"],
        "max_cpu_cores": resources["cpu_cores"]["max"],
        "max_memory_bytes": resources["memory_bytes"]["max"],
        "max_wall_time_seconds": resources["wall_time_seconds"]["max"],
        "default_wall_time_seconds": resources["wall_time_seconds"]["default"],
        "max_tasks_per_part": DIRAC.tasks_per_part,
        "architectures": facility["architectures"],
        "software": [{**entry, "setup": "/setup.sh"} for entry in named],
        "configuration_server": [endpoint["url"] for endpoint in facility["endpoints"]],
        **facility["grid"],
        "interpreter": sys.executable,
        "ca_directory": "/",
        "certificate": sys.executable,
        "key": str(key),
        "subject_rule": "/DC=org/DC=example/CN={caller}",
    }
    return read_dirac(FacilityConfiguration("dirac", "dirac", table))


def dirac_facts() -> dirac_describe.Facts:
    """Give what a configuration server says of such a DIRAC; the sizes are DIRAC's own."""
    platforms = DIRAC.facility["backend_parameters"]["properties"]["Platform"]["enum"]
    return dirac_describe.read_facts(
        {
            "version": DIRAC.facility["scheduler"]["version"],
            "sites": DIRAC.facility["sites"],
            "platforms": platforms,
            "max_parametric_jobs": 100,
            "max_sandbox_bytes": 10 << 20,
            "groups": {DIRAC.facility["grid"]["group"]: DIRAC.facility["grid"]["vo"]},
            "file_catalogs": [],
            "storage_elements": [],
        }
    )


def host_settings() -> HostSettings:
    """Give settings of a host with Slurm and containers under which it is what the flavour claims."""
    facility = ROSETTA.facility
    limits, resources = facility["limits"], facility["resources"]
    ours = ("max_environment_bytes", "cancel_grace_seconds")
    table = {
        "root": "/srv/jobs",
        **{name: value for name, value in limits.items() if name not in ours},
        "default_memory_bytes": resources["memory_bytes"]["default"],
        "slurm": {"max_tasks_per_part": ROSETTA.tasks_per_part},
        "containers": {"probe_image": facility["probe"]["container"]["image"]},
        "storage": facility["storage"],
    }
    return read_host(FacilityConfiguration("rosetta", "ssh", table))


def machine() -> Machine:
    """Give what a probe finds of a host that has Singularity, and nothing that fetches archives."""
    (runtime,) = ROSETTA.facility["container_runtimes"]
    programs = {
        runtime["name"]: Program(runtime["version"], "/usr/bin/singularity"),
        "skopeo": Program("1.9.3", "/usr/bin/skopeo"),
    }
    (architecture,) = ROSETTA.facility["architectures"]
    account: Any = SimpleNamespace(name="anna", uid=1000, gid=1000, home="/home/anna")
    return Machine(
        "/srv/jobs",
        architecture,
        "login",
        "Linux",
        cores=8,
        memory_bytes=1 << 34,
        reaper="python3",
        account=account,
        runtimes=runtimes_of(programs),
    )


def cluster() -> Cluster:
    """Give what a probe finds of a Slurm that holds jobs to cores and memory."""
    default_wall = ROSETTA.facility["resources"]["wall_time_seconds"]["default"]
    partitions = [
        Partition(
            queue["name"],
            queue["default"],
            max_wall_time_seconds=queue["max_wall_time_seconds"],
            default_wall_time_seconds=default_wall,
            cores=queue["max_cpu_cores"],
            memory_bytes=queue["max_memory_bytes"],
        )
        for queue in ROSETTA.facility["queues"]
    ]
    return Cluster(
        "anna",
        1000,
        ROSETTA.facility["scheduler"]["version"],
        partitions,
        accounting=True,
        kill_wait_seconds=ROSETTA.facility["limits"]["cancel_grace_seconds"],
        memory_enforced=True,
        cores_enforced=True,
    )


def real_documents(key: Path) -> dict[str, Mapping[str, Any]]:
    """Give the facility document of each real connector."""
    on_slurm = slurm_describe.facility_document(host_settings(), machine(), cluster())
    of_callers: Any = SimpleNamespace(delegation="user")
    return {
        "rosetta": {**on_slurm, **RemoteFacility._of_credentials(of_callers, on_slurm)},
        "dirac": dirac_describe.facility_document(dirac_settings(key), dirac_facts()),
    }


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Give a file that nobody else can read, in the place of a host's key."""
    file = tmp_path / "hostkey.pem"
    file.touch(mode=0o600)
    return file


@pytest.mark.parametrize("flavour", [ROSETTA, DIRAC], ids=lambda each: each.name)
def test_a_flavour_says_of_itself_what_its_connector_says(flavour: Flavour, key: Path) -> None:
    """Member by member a flavour's document is the connector's: classes, support, limits, codes, credential."""
    real = real_documents(key)[flavour.name]
    mocked = {"id": flavour.name, **flavour.facility}
    assert ONLY_IN_THE_MOCK[flavour.name] == set(mocked) ^ set(real)
    for member in sorted(set(real) & set(mocked) - FOR_PEOPLE - {"credential", "resources"}):
        one, other = real[member], mocked[member]
        if member in ("conforms_to", "reason_codes"):
            one, other = sorted(one), sorted(other)
        assert one == other, member
    resources = {name: dict(each) for name, each in real["resources"].items()}
    if flavour is ROSETTA:
        # Slurm counts minutes; the mock seconds, so that a test need not wait (docs/flavours.md, FLV-34).
        assert 60 == resources["wall_time_seconds"]["granularity"]
        resources["wall_time_seconds"]["granularity"] = 1
    assert resources == mocked["resources"]


@pytest.mark.parametrize("flavour", [ROSETTA, DIRAC], ids=lambda each: each.name)
def test_a_flavour_asks_for_the_credential_that_its_connector_asks_for(flavour: Flavour, key: Path) -> None:
    """Kind and delegation are the connector's, and the mock's instructions begin with the connector's."""
    real, mocked = real_documents(key)[flavour.name]["credential"], flavour.facility["credential"]
    assert (real["kind"], real["delegation"]) == (mocked["kind"], mocked["delegation"])
    assert mocked["instructions"].startswith(real["instructions"].rstrip("."))


def test_the_catalogues_are_made_alike(key: Path) -> None:
    """An entry has the members that the connector gives it, and the shell is there without being named."""
    assert list(DIRAC.software) == dirac_describe.software_documents(dirac_settings(key).software)
    assert list(ROSETTA.software) == host_describe.software_documents(host_settings().software)


def test_instructions_of_dirac_are_the_connectors(key: Path) -> None:
    """In each state of a credential the mock says what the connector says, and what the mock does itself."""
    worker: Any = None
    enrolments: Any = None
    users = EachTheirOwn(dirac_settings(key), enrolments, worker, HeldClock())
    names = {"subject": "/DC=org/DC=example/CN=anna", "group": "cta_user"}
    known = {"vo": DIRAC.facility["grid"]["vo"], "known_group": "cta_user", "seconds": "2"}
    for state in (*STATES_OF_A_CREDENTIAL, "expired"):
        words = DIRAC.enrolment.instructions[state].format(**names, **known)
        assert words.startswith(users._instructions(state, names).rstrip(".")), state


def test_instructions_of_rosetta_are_the_connectors() -> None:
    """In each state that a key can have the mock says what the connector says, and what the mock does itself."""
    there = SshMachine("login.cluster.example.org", 22, "ssh-ed25519 AAAA")
    cabinet: Any = None
    enrolments: Any = None
    accounts = OwnAccounts("rosetta", there, cabinet, enrolments, HeldClock())
    names = {"account": "anna", "public_key": "ssh-ed25519 AAAA", "fingerprint": "SHA256:A"}
    for state in STATES_OF_A_CREDENTIAL:
        held = Enrolment("anna", accounts._document(state, names))
        words = ROSETTA.enrolment.instructions[state].format(**names, seconds="2")
        assert words.startswith(held.document["instructions"]), state


def test_native_states_of_dirac_are_the_connectors() -> None:
    """Each of DIRAC's states stands for what the connector takes it for."""
    assert {**dirac_states.LIVE, **dirac_states.ENDED} == dict(DIRAC.states)


def test_native_states_of_slurm_are_the_connectors() -> None:
    """Each of Slurm's states in the flavour stands for what the connector takes it for."""
    going_on = {name: state for name, state in ROSETTA.states.items() if not state.terminal}
    assert going_on.items() <= slurm_states.GOING_ON.items()
    assert set(ROSETTA.states) - set(going_on) <= set(slurm_states.ENDED)
    for code, word in ROSETTA.endings.items():
        known = slurm_states.ENDED[word.state]
        assert known in (None, code) or word.state == "CANCELLED", code


def mocked_end(flavour: Flavour, cause: str, ending: Ending) -> tuple[Any, ...]:
    """Give how a mock shows an end."""
    return (
        ending.state,
        ending.reason,
        ending.exit_code,
        ending.signal,
        endings.last_word(flavour, cause, ending),
    )


def real_end(seen: TaskSeen | None) -> tuple[Any, ...]:
    """Give how a connector shows an end."""
    assert seen is not None
    assert seen.native is not None
    return (seen.state, seen.reason, seen.exit_code, seen.signal, (seen.native.state, seen.native.detail))


def ends(flavour: Flavour) -> dict[str, tuple[str, Ending]]:
    """Give how a mock ends a task, by what happened to its command."""
    return {
        "exit 0": endings.exited(flavour, 0, found=True),
        "exit 3": endings.exited(flavour, 3, found=True),
        "not found": endings.exited(flavour, 127, found=False),
        "signal 9": endings.died(flavour, 9),
        "too long": endings.verdict(flavour, "wall-time-exceeded"),
        "too big": endings.verdict(flavour, "out-of-memory"),
        "no node": endings.verdict(flavour, "node-failure"),
        "cancel": ("cancelled-by-user", endings.cancelled_ending(flavour, runs=True)),
        "cancel in the queue": ("cancelled-by-user", endings.cancelled_ending(flavour, runs=False)),
        "killed": endings.verdict(flavour, "cancelled-by-facility"),
        "no software": endings.verdict(flavour, "software-unavailable"),
        "disk full": endings.verdict(flavour, "quota-exceeded"),
    }


OUTCOMES = {
    "exit 0": ("exit", 0),
    "exit 3": ("exit", 3),
    "not found": ("not-found", 127),
    "signal 9": ("signal", 9),
    "too long": ("wall-time", 0),
    "too big": ("signal", 9),
    "no software": ("software", 0),
}


@pytest.mark.parametrize("what", OUTCOMES)
def test_dirac_knows_nothing_of_a_commands_end(what: str) -> None:
    """The wrapper's word is the end, and DIRAC shows Done whatever it is."""
    job = JobSeen("Done", "Requests done", "Unknown", "LCG.CNAF.it", 0, "")
    outcome = Outcome(*OUTCOMES[what], "", "wn001", NOW, NOW)
    real = dirac_endings.seen_ended(0, 1, job, Output(outcome, {}, {}), "", "v1")
    assert real_end(real) == mocked_end(DIRAC, *ends(DIRAC)[what])


@pytest.mark.parametrize("what", ["no node", "disk full", "cancel", "cancel in the queue", "killed"])
def test_verdicts_of_dirac_are_read_as_the_connector_reads_them(what: str) -> None:
    """What the mock shows natively is what the connector takes for that end."""
    cause, ending = ends(DIRAC)[what]
    state, minor = endings.last_word(DIRAC, cause, ending)
    job = JobSeen(state, minor, "Unknown", "LCG.CNAF.it", 0, "")
    if job.killed:
        real = dirac_endings.seen_killed(0, 1, job, asked=what != "killed")
    else:
        real = dirac_endings.seen_ended(0, 1, job, None, "", None)
    assert real_end(real) == mocked_end(DIRAC, cause, ending)


# Slurm's row (state, code, signal, reason) and the record that the task's watcher wrote, as they were recorded in
# reference_impl/rosetta/tests/slurm/recorded.
ON_SLURM: Mapping[str, tuple[tuple[str, int, int, str], str, str]] = {
    "exit 0": (("COMPLETED", 0, 0, ""), "exit 0 1 command - ", ""),
    "exit 3": (("FAILED", 3, 0, "NonZeroExitCode"), "exit 3 1 command - ", ""),
    "not found": (("FAILED", 127, 0, "NonZeroExitCode"), "exit 127 1 missing - ", ""),
    "signal 9": (("FAILED", 137, 0, "NonZeroExitCode"), "signal 9 1 command - ", ""),
    "too long": (("TIMEOUT", 143, 0, "TimeLimit"), "signal 15 1 command wall-time ", "wall-time"),
    "too big": (("OUT_OF_MEMORY", 0, 125, "OutOfMemory"), "signal 9 1 command - ", ""),
    "no node": (("NODE_FAIL", 0, 0, "NodeDown"), "", ""),
    "cancel": (("CANCELLED", 143, 0, ""), "signal 15 1 command cancel ", "cancel"),
    "cancel in the queue": (("CANCELLED", 0, 0, ""), "", "cancel"),
}


@pytest.mark.parametrize("what", ON_SLURM)
def test_ends_on_slurm_are_told_as_the_connector_tells_them(what: str) -> None:
    """Of the same end the mock shows the states, codes and words that the connector makes of Slurm's."""
    (state, code, signal, words), end, ending = ON_SLURM[what]
    began = NOW - timedelta(minutes=2)
    finished = NOW - timedelta(minutes=1)
    row = Row("17", None, "job", state, 0, began, finished, code, signal, "node01", words)
    record = Record(1 if end else 0, ending, began if end else None, read_end(end) if end else None)
    view = slurm_states.View(NOW, 1000, has_books=True)
    task = slurm_states.Task(0, "17", None, "job")
    real = slurm_states.task_seen(task, [row], [row], record, view)
    assert real_end(real) == mocked_end(ROSETTA, *ends(ROSETTA)[what])
