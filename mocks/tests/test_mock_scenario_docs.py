"""docs/scenarios.md says what the schema and the catalogue say, and its examples work.

To print the tables anew: `python mocks/tests/test_mock_scenario_docs.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.jobs import State
from common_compute_mocks.facility import mock_configuration
from common_compute_mocks.scenario_file import schema
from common_compute_mocks.scenarios import Scenario, catalogue, read_scenarios

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scenarios.md"


def members(node: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Give every member of a scenario with its place, its schema, and whether it has to be there."""
    for name, member in node.get("properties", {}).items():
        where = f"{place}.{name}" if place else name
        yield where, member, name in node.get("required", ())
        items = member.get("items", {})
        yield from members(items, f"{where}[]") if "properties" in items else members(member, where)


def kind(member: Mapping[str, Any]) -> str:
    if "enum" in member:
        return ", ".join(f"`{word}`" for word in member["enum"])
    words = {"object": "members", "boolean": "true or false", "string": "text", "integer": "whole number"}
    if member["type"] != "array":
        return words.get(member["type"], str(member["type"]))
    items = member["items"]
    return "list of members" if "properties" in items else f"list of {kind(items)}s"


def member_table(*begins: str) -> str:
    """Print the members that begin with one of these words, or, without any, those that begin otherwise."""
    others = ("facility", "service")
    rows = ["| member | value | meaning |", "|---|---|---|"]
    for place, member, required in members(schema()["additionalProperties"]):
        if place.split(".")[0].startswith(begins or others) is not bool(begins):
            continue
        told = [kind(member)]
        told += ["required"] if required else []
        told += [f"default {member['default']}"] if "default" in member else []
        rows.append(f"| `{place}` | {'; '.join(told)} | {member['description']} |")
    return "\n".join(rows)


def ready_table() -> str:
    """Print the catalogue."""
    rows = ["| scenario | chosen | what happens |", "|---|---|---|"]
    for name, scenario in catalogue().items():
        rows.append(f"| `{name}` | {chosen(scenario)} | {scenario.summary} |")
    return "\n".join(rows)


def chosen(scenario: Scenario) -> str:
    return "by a job" if scenario.is_for_jobs else "at the start"


TABLES = {
    "ready": ready_table,
    "job": member_table,
    "facility": lambda: member_table("facility"),
    "service": lambda: member_table("service"),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_those_of_schema_and_catalogue(name: str) -> None:
    """Each table of the page is what is printed from the source of its truth."""
    text = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert TABLES[name]() == found


def test_no_member_goes_without_a_word() -> None:
    """Every member of the format says what it means, in a sentence that ends."""
    for place, member, _ in members(schema()["additionalProperties"]):
        assert member.get("description", "").endswith("."), place


def example(number: int, tmp_path: Path) -> Path:
    """Write an example of the page into a file."""
    text = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[number]
    path = tmp_path / "campaign.yaml"
    path.write_text(text)
    return path


def test_the_first_example_works(bench: Any, tmp_path: Path) -> None:
    """The campaign of the first example loses one task to memory and one to silence, as the page says."""
    bench._configuration = mock_configuration(bench.flavour, scenarios=[str(example(0, tmp_path))])
    bench.restart()
    out_of_memory, quiet = (
        bench.submit(bench.spec("fit", scenario=name, array={"count": 10}), name)
        for name in ("one_task_too_big", "quiet_night")
    )
    bench.clock.advance(90)
    ends = bench.observe(out_of_memory).tasks
    assert [7] == [seen.index for seen in ends if seen.state is State.FAILED]
    assert {"rosetta": "out-of-memory", "dirac": "signal"}[bench.flavour] == ends[7].reason.code
    assert 20 == (ends[7].finished_at - ends[7].started_at).total_seconds()
    assert bench.observe(quiet) is None
    bench.clock.advance(60)
    assert {State.SUCCEEDED} == {seen.state for seen in bench.observe(quiet).tasks}


def test_the_second_example_works(bench: Any, tmp_path: Path) -> None:
    """The bad day of the second example is one scenario of a facility and of the service at once."""
    path = example(1, tmp_path)
    (scenario,) = read_scenarios(path).values()
    assert ({"requests_per_minute": 60}, True) == (scenario.service, scenario.is_for_jobs)
    settings = {"scenario": scenario.name, "weather": [scenario.name], "scenarios": [str(path)]}
    bench._configuration = mock_configuration(bench.flavour, **settings)
    bench.restart()
    spec = bench.spec("fit", outputs=[{"path": "*.fits"}])
    part = bench.submit(spec)
    bench.clock.advance(25)
    assert State.QUEUED == bench.see(part).state
    assert State.SUCCEEDED == bench.end(part).state
    home = bench.home(part, spec)
    assert (1, {}) == (len(home.lost), home.files)


if __name__ == "__main__":
    for title, table in TABLES.items():
        print(f"<!-- {title} -->\n{table()}\n<!-- end -->\n")
