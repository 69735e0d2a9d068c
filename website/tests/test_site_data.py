"""The site says what its sources say: nothing is left out, and what is named is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from common_compute_website import contract, peers, places, requirements, use_cases, wishes, worlds, written

ROOT = places.ROOT
WISHES: list[dict[str, Any]] = yaml.safe_load((places.DECISIONS / "wishes.yaml").read_text(encoding="utf-8"))
TESTS = {
    file.name: file
    for room in ("cli", "conformance", "mocks", "reference_impl")
    for file in (ROOT / room).glob("**/test_*.py")
}


def test_every_wish_is_there_with_what_became_of_it() -> None:
    """The wishes of the page are those of the file: each once, in order, with its status, note and places."""
    shown = wishes.table_of_wishes()
    entries = re.findall(r'<div class="wish wish-(\w+)" id="(w-\d+)" markdown>(.*?)</div>', shown, re.DOTALL)
    assert [(wish["status"], wish["id"].lower()) for wish in WISHES] == [entry[:2] for entry in entries]
    for wish, (_, _, text) in zip(WISHES, entries, strict=True):
        plain = re.sub(r"\\(.)", r"\1", text)
        for member in ("wish", "note"):
            assert wish.get(member, "") in plain, wish["id"]
        assert [] == [name for name in wish["where"] if name.rpartition("/")[2] not in plain], wish["id"]


def test_no_wish_stands_outside_the_sections() -> None:
    """What is cut into sections is the whole file."""
    assert WISHES == [wish for _, part in wishes.sections() for wish in part]


def test_records_are_found_by_ranges_and_pairs() -> None:
    """`CC-JOB-035 to CC-JOB-041` names seven, `W-11 to W-13 and W-30 to W-38` twelve."""
    assert {f"CC-JOB-{n:03}" for n in range(35, 42)} == set(wishes._ids("CC-JOB-035 to CC-JOB-041"))
    found = set(wishes._ids("wishes W-11 to W-13 and W-30 to W-38"))
    assert {f"W-{n}" for n in [*range(11, 14), *range(30, 39)]} == found
    assert {"CC-A-001", "CC-A-009"} == set(wishes._ids("CC-A-001 and CC-A-009"))


def test_every_requirement_has_who_tests_it() -> None:
    """From outside: a check of the kit. With a hold: tests of this repository."""
    without = {
        "http": [name for name, each in contract.requirements().items() if not requirements.checks()[name]],
        "harness": [name for name in contract.requirements() if name not in requirements.own_tests()],
    }
    assert [] == [
        name for name, each in contract.requirements().items() if name in without.get(each["verified_by"], [])
    ]
    assert set() == set(requirements.own_tests()) - set(contract.requirements())


@pytest.mark.parametrize(
    "named", sorted({test for tests in requirements.own_tests().values() for test in tests})
)
def test_a_named_test_is_there(named: str) -> None:
    """A test that a requirement names is in the file that it names."""
    file, _, name = named.partition("::")
    assert re.search(rf"^(async )?def {name}\(", TESTS[file].read_text(encoding="utf-8"), re.MULTILINE)


def test_a_certificate_that_failed_would_be_seen() -> None:
    """What did not pass is told as such, and by whom."""
    name, entry = "CC-JOB-001", {"id": "CC-JOB-001", "claimed": True, "outcome": "failed"}
    failed = requirements.Certificate("new", {"requirements": [entry]})
    assert "✗ failed" == failed.outcome(name)
    assert "not claimed" == requirements.Certificate(
        "old", {"requirements": [{**entry, "claimed": False}]}
    ).outcome(name)
    assert "not in it" == failed.outcome("CC-JOB-002")


def test_every_member_of_a_job_is_told_of_in_both_worlds() -> None:
    """The table has each member of JobSpec, resources one by one, and a word for each in either world."""
    schemas = contract.schemas()
    expected = {name for name in schemas["JobSpec"]["properties"] if name != "resources"}
    expected |= {f"resources.{name}" for name in schemas["Resources"]["properties"]}
    assert expected == set(worlds.members())
    for line in worlds.table_of_members().splitlines()[2:]:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        assert 3 == len(cells), line
        assert all(cells), line


def test_every_native_state_is_in_the_table() -> None:
    """Whatever state a connector knows stands beside one of ours."""
    shown = worlds.table_of_states()
    for table in (
        worlds.slurm_states.GOING_ON,
        worlds.slurm_states.ENDED,
        worlds.dirac_states.LIVE,
        worlds.dirac_states.ENDED,
    ):
        assert [] == [name for name in table if f"`{name}`" not in shown]


def test_a_member_that_a_connector_drops_would_be_seen() -> None:
    """What the functions write is asked, not typed: another value gives other words."""
    assert ["--time=3"] == worlds._more(worlds._slurm, {"resources": {"wall_time_seconds": 121}})
    assert ["MinRAM = 1"] == worlds._more(worlds._dirac, {"resources": {"memory_bytes": 1}})
    assert [] == worlds._more(worlds._dirac, {"labels": {"a": "b"}})


def test_every_feature_is_told_of_all_peers() -> None:
    """Each cell is yes, partly or no, and whatever is partly so has a word."""
    names = {"feature", "ours", *peers.facts()["peers"]}
    for each in peers.facts()["features"]:
        assert names == set(each), each["feature"]
        for name in names - {"feature"}:
            verdict = peers._verdict(each[name])
            assert verdict in ("yes", "partly", "no"), (each["feature"], name)
            assert verdict != "partly" or "; " in each[name], (each["feature"], name)
    assert set(peers.facts()["peers"]) == set(peers.facts()["better"])
    for peer in peers.facts()["peers"].values():
        assert re.search(r"\d{4}-\d{2}-\d{2}", peer["read"]), peer["name"]


def test_every_mapping_has_every_member() -> None:
    """Each member of a job, and each step of its life, is mapped or lost; nothing is neither."""
    members = set(contract.schemas()["JobSpec"]["properties"])
    life = {"submit_job", "get_job", "cancel_job", "release_job", "list_results", "get_log"}
    for name, rows in peers.facts()["mappings"].items():
        assert members | life == set(rows), name
        assert all(row.get("there") or row.get("lost") for row in rows.values()), name
    assert {"tes", "uws", "iri"} == set(peers.facts()["mappings"])


def test_no_record_and_no_page_is_left_out() -> None:
    """Every page of docs/ for readers is on the site, but for records of runs."""
    known = {ROOT / source for source in places.WRITTEN}
    for file in (ROOT / "docs").glob("**/*.md"):
        assert file in known or file.parent.name in ("decisions", "records"), file
    assert {each.name for each in places.CASES.iterdir() if each.is_dir()} == set(use_cases.ORDER)


def test_places_say_where_things_are() -> None:
    """What a page links to by its place in the repository has its address on the site."""
    assert "platforms/index.md" == places.page_of("docs/platforms.md")
    assert "proposal/decisions.md#decision-6" == places.page_of(
        "docs/decisions/0006-cancel-and-release-are-two-verbs.md"
    )
    assert "use_cases/many_pools.md" == places.page_of("spec/use_cases/many_pools/README.md")
    assert places.page_of("LICENSE") is None


def test_files(tmp_path: Path) -> None:
    """What is linked to and is no page lies beside them; a link to what is not there is an error."""
    text = written.with_links("[a](../LICENSE) `[b](c)` [docs](../docs)", "docs/x.md", "x/index.md", tmp_path)
    assert "[a](../files/LICENSE) `[b](c)` docs" == text
    assert (ROOT / "LICENSE").read_bytes() == (tmp_path / "files" / "LICENSE").read_bytes()
    with pytest.raises(written.BrokenLink, match="nowhere"):
        written.with_links("[a](nowhere.md)", "docs/x.md", "x.md", tmp_path)
