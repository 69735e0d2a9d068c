"""Plain schemathesis against wrong servers and right ones: what an outsider finds with the contract alone.

Run by itself, it also lists every server that was met.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from common_compute_mutants.houses import HOUSES, running
from common_compute_mutants.registry import load_mutants
from figures import Figure, Section
from specimens import SPEC

MUTANTS = 200
"""How many of them `make bench` lets it meet: all would take hours."""
_MUTANTS_SEED = 1
_RIGHT_SEEDS = (1, 2, 3)
_MOST_EXAMPLES = 20
_LONGEST_SECONDS = 120
_AT_ONCE = 2
_RED = 1
"""The exit code of schemathesis that found something; 0 is nothing, and 2 that it did not get that far."""


@dataclass(frozen=True)
class Meeting:
    """One run of schemathesis against the right server of a house, or against a mutant in it."""

    house: str
    seed: int
    mutant: str | None = None

    @property
    def name(self) -> str:
        """The name of the mutant, or of the house of a right server."""
        return self.mutant or self.house


@dataclass(frozen=True)
class Found:
    """What a run found: its exit code, None if it did not end, and the failures by code and operation."""

    meeting: Meeting
    exit_code: int | None
    failures: frozenset[tuple[str, str]]
    seconds: float

    @property
    def red(self) -> bool:
        """Tell whether the run says that the server is wrong."""
        return self.exit_code == _RED


@dataclass(frozen=True)
class Comparison:
    """All runs: those of the right servers, and those of mutants."""

    right: Sequence[Found]
    mutants: Sequence[Found]

    def told_apart(self) -> list[Found]:
        """Return the mutants whose run shows a failure that no run of their own right server shows."""
        usual: dict[str, set[tuple[str, str]]] = {house: set() for house in HOUSES}
        for found in self.right:
            usual[found.meeting.house] |= found.failures
        return [each for each in self.mutants if each.red and each.failures - usual[each.meeting.house]]


def compare(mutants: int = MUTANTS, at_once: int = _AT_ONCE) -> Comparison:
    """Let schemathesis meet the right servers and this many mutants, taken evenly out of all of them."""
    everyone = list(load_mutants().values())
    count = min(mutants, len(everyone))
    chosen = [everyone[number * len(everyone) // count] for number in range(count)]
    right = [Meeting(house, seed) for house in HOUSES for seed in _RIGHT_SEEDS]
    wrong = [Meeting(mutant.house, _MUTANTS_SEED, mutant.name) for mutant in chosen]
    with tempfile.TemporaryDirectory() as tables:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tables  # made once, and not by every run
        # A fork of a process with threads may stand still: each worker begins anew.
        with ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool:
            found = list(pool.map(meet, [*right, *wrong]))
    return Comparison(found[: len(right)], found[len(right) :])


def meet(meeting: Meeting) -> Found:
    """Run the server here, and schemathesis in a process and a folder of its own."""
    mutant = load_mutants()[meeting.mutant] if meeting.mutant is not None else None
    with tempfile.TemporaryDirectory() as room, running(meeting.house, mutant) as house:
        report = Path(room) / "report.json"
        command = [
            *(
                sys.executable,
                "-m",
                "schemathesis.cli",
                "run",
                str(SPEC / "openapi.yaml"),
                "--url",
                house.url,
                "--no-color",
            ),
            *("--seed", str(meeting.seed), "--max-examples", str(_MOST_EXAMPLES)),
            *("--generation-database", "none", "--report", "json", "--report-json-path", str(report)),
            *(("--header", f"Authorization: Bearer {house.token}") if house.token else ()),
        ]
        started = time.monotonic()
        try:
            ended = subprocess.run(
                command,
                cwd=room,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_LONGEST_SECONDS,
                check=False,
            )
            exit_code = ended.returncode
        except subprocess.TimeoutExpired:
            exit_code = None
        seconds = time.monotonic() - started
        # A run that did not come to an end leaves no report, or an empty one.
        failures = _failures(report.read_bytes()) if exit_code in (0, _RED) else frozenset()
    return Found(meeting, exit_code, failures, seconds)


def _failures(report: bytes) -> frozenset[tuple[str, str]]:
    return frozenset(
        (entry["code"], operation)
        for entry in json.loads(report)["failures"]
        for operation in entry["operations"]
    )


def measure(mutants: int) -> list[Section]:
    """Measure which share of the mutants is found, which of the right servers, and how long it takes."""
    return sections_of(compare(mutants))


def sections_of(comparison: Comparison) -> list[Section]:
    """Give the figures of a comparison."""
    title = f"Plain schemathesis {version('schemathesis')}, seeded, at most {_MOST_EXAMPLES} examples"
    all_mutants, all_right = len(comparison.mutants), len(comparison.right)
    counts = [
        (
            f"mutants told apart from their right server, of {all_mutants}",
            comparison.told_apart(),
            all_mutants,
        ),
        (f"mutants red, of {all_mutants}", [each for each in comparison.mutants if each.red], all_mutants),
        (
            f"runs of right servers red, of {all_right}",
            [each for each in comparison.right if each.red],
            all_right,
        ),
        (
            f"runs that did not come to an end, of {all_mutants + all_right}",
            [each for each in (*comparison.mutants, *comparison.right) if each.exit_code not in (0, _RED)],
            all_mutants + all_right,
        ),
    ]
    shares = [Figure(name, [100 * len(found) / whole]) for name, found, whole in counts if whole]
    seconds = [each.seconds for each in (*comparison.right, *comparison.mutants)]
    times = [Figure(f"one run, {_AT_ONCE} at once", seconds)]
    return [Section(title, "%", shares), Section(f"{title}: wall time", "seconds", times)]


def main() -> None:
    """Meet, list, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=MUTANTS, help="how many to meet")
    parser.add_argument("--at-once", type=int, default=_AT_ONCE)
    arguments = parser.parse_args()
    comparison = compare(arguments.mutants, arguments.at_once)
    apart = {each.meeting.name for each in comparison.told_apart()}
    for each in (*comparison.right, *comparison.mutants):
        told = "told apart" if each.meeting.name in apart else "red" if each.red else f"exit {each.exit_code}"
        shown = ", ".join(f"{code} {operation}" for code, operation in sorted(each.failures)[:4])
        print(f"{each.meeting.house:9} {each.meeting.name:44} {told:11} {each.seconds:6.1f} s  {shown}")
    for section in sections_of(comparison):
        print(f"\n{section.title} ({section.unit})")
        for figure in section.figures:
            print(f"  {figure.name}: {figure.record()['value']}")


if __name__ == "__main__":
    main()
