"""The table of the two flavours' differences: each row is true of the mocks, and of one of them only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector import contract
from common_compute_connector.jobs import State
from common_compute_connector.protocol import Enrolment, Ground, Refused
from common_compute_mocks import flavours
from common_compute_mocks.enrolment import CallersCredentials

pytest.register_assert_rewrite("common_compute_mocks.flavours.differences")

from common_compute_mocks.flavours.differences import EXPERIMENTS, ROWS, Evidence  # noqa: E402

TABLE = Path(__file__).parents[2] / "docs" / "flavours.md"
SCENARIOS = {"started again": "requeue", "loses its node": "node_failure"}
"""By which scenario a mock does what an experiment takes of its facility."""

TICKS = "while :; do printf x; sleep 0.01; done"
FLAVOURS = flavours.names()


def table() -> list[list[str]]:
    """Read the table's rows: id, difference, Rosetta, DIRAC, source."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| FLV-")
    ]


def watched(bench: Any, name: str) -> Any:
    """Run an experiment and give what was seen of its task 0."""
    experiment = EXPERIMENTS[name]
    members = dict(experiment.members)
    spec = bench.spec(*experiment.command, scenario=SCENARIOS.get(name), **members)
    part = bench.submit(spec, f"job-{sorted(EXPERIMENTS).index(name)}")
    if name != "cancelled":
        return bench.life(part)
    lives = [bench.until(part, {"rosetta": "RUNNING", "dirac": "Running"}[bench.flavour])]
    bench.cancel(part)
    return [*lives, *bench.life(part)]


def goes_on(bench: Any) -> bool:
    """Tell whether a command writes anything after its job was seen cancelled."""
    part = bench.submit(bench.spec("/bin/sh", "-c", TICKS), "job-ticks")
    while bench.see(part).state is not State.RUNNING:
        bench.clock.advance(0.001)
    began = bench.see(part).started_at
    bench.clock.advance(1)
    bench.cancel(part)
    while not bench.see(part).state.terminal:
        bench.clock.advance(0.001)
    ran = (bench.clock.now() - began).total_seconds()
    return len(bench.home(part, {}).logs["stdout"]) > 1 + ran / 0.01


def credentials(bench: Any) -> tuple[dict[str, Mapping[str, Any]], str]:
    """Put a credential and give it in its first two states; and what is said to one that does not work."""
    kept: dict[str, Enrolment] = {}

    class Kept:
        async def enrolment(self, owner: str) -> Enrolment | None:
            return kept.get(owner)

    desk = CallersCredentials(bench.flavour, flavours.load(bench.flavour), Ground(bench.clock, Kept()), 0)
    names = {"account": "anna", "subject": "/DC=org/DC=example/CN=Anna", "group": "cta_user"}
    kept["anna"] = desk.put("anna", names, None)
    refused = asyncio.run(desk.refusals(["anna"]))["anna"].detail
    documents = {"awaiting_user": kept["anna"].document}
    bench.clock.advance(5)
    documents["valid"] = desk.check("anna", kept["anna"]).document
    assert all(state == document["state"] for state, document in documents.items())
    return documents, str(refused)


def gather(bench: Any) -> Evidence:
    """Look at a mock in every way that the table wants."""
    refused = bench.offer(bench.spec("true", scenario="submission_rejected"), "job-refused")
    assert isinstance(refused, Refused)
    array = bench.submit(bench.spec("true", array={"count": 2}), "job-array")
    ids = [seen.native.id for seen in bench.observe(array).tasks]
    documents, shut_out = credentials(bench)
    return Evidence(
        flavour=bench.flavour,
        document=asyncio.run(bench.connector.describe()),
        software=asyncio.run(bench.connector.list_software()),
        tasks_per_part=bench.connector.max_tasks_per_part,
        lives={name: watched(bench, name) for name in EXPERIMENTS},
        array_ids=(ids[0], ids[1]),
        outlives_cancel=goes_on(bench),
        refusal=str(refused.reason.detail),
        shut_out=shut_out,
        credentials=documents,
    )


GATHERED: dict[str, Evidence] = {}


@pytest.fixture(name="evidence_of")
def give_evidence(rosetta: Any, dirac: Any) -> Callable[[str], Evidence]:
    """Give what is seen of a flavour's mock, which is gathered once."""

    def give(flavour: str) -> Evidence:
        if flavour not in GATHERED:
            GATHERED[flavour] = gather({"rosetta": rosetta, "dirac": dirac}[flavour])
        return GATHERED[flavour]

    return give


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("identifier", sorted(ROWS))
def test_the_mock_is_what_the_row_says(identifier: str, flavour: str, evidence_of: Any) -> None:
    """A row of the table holds for the mock of each flavour."""
    ROWS[identifier](evidence_of(flavour))


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("identifier", sorted(ROWS))
def test_the_row_is_a_difference(identifier: str, flavour: str, evidence_of: Any) -> None:
    """What a row says of one flavour is not true of the other: a check that takes both for the same is none."""
    other = next(name for name in FLAVOURS if name != flavour)
    with pytest.raises((AssertionError, ValueError)):
        ROWS[identifier](replace(evidence_of(other), flavour=flavour))


def test_every_row_has_a_check_and_every_check_a_row() -> None:
    """The table's ids are those of the checks, each once and in order."""
    assert sorted(ROWS) == [row[0] for row in table()]


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_a_row_is_whole(row: list[str]) -> None:
    """A row says what differs, what each facility does, and whence that is known: never a place on a disk."""
    assert 5 == len(row)
    assert all(len(cell) > 2 for cell in row)
    source = row[4]
    assert re.search(r"[a-z]+\([0-9]\)|`DIRAC\.|`core_app|[Mm]easured|contract|OpenSSH", source), source
    assert "/work" not in " ".join(row)


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_native_words_in_a_row_are_those_of_the_flavour(row: list[str]) -> None:
    """What a cell quotes stands in the flavour's own data: the table says nothing that the mock does not."""
    for cell, name in zip(row[2:4], ("rosetta", "dirac"), strict=True):
        data = Path(str(flavours.__file__)).with_name(f"{name}.yaml").read_text(encoding="utf-8")
        words = re.sub(r"\s+", " ", data)
        quoted = re.findall("`([^`]*)`", cell)
        assert [] == [word for word in quoted if word not in words], name


def test_the_reasons_that_differ_are_of_the_contract() -> None:
    """The reasons that one flavour announces and the other does not are all of the contract's."""
    codes = [set(flavours.load(name).facility["reason_codes"]) for name in FLAVOURS]
    assert codes[0] ^ codes[1] <= {entry["code"] for entry in contract.document()["x-reason-codes"]}
    assert {"out-of-memory", "preempted", "image-unavailable", "unknown", "internal"} == codes[0] ^ codes[1]
