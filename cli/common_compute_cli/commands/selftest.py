"""Prove the kit: hold it against servers that are wrong in exactly one way, and against right ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.status import Status
from rich.text import Text

from common_compute_cli import output
from common_compute_cli.connection import AsJson
from common_compute_cli.errors import ANSWER_IS_NO, WrongUsage
from common_compute_cli.extras import needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_compute_mutants.meeting import Meeting, Row
    from common_compute_mutants.registry import Mutant
    from common_compute_mutants.selftest import Selftest

_MESSAGE_WIDTH = 160


def selftest(
    names: Annotated[
        list[str] | None, typer.Option("--mutant", metavar="NAME", help="Only this mutant. Repeatable.")
    ] = None,
    requirements: Annotated[
        list[str] | None,
        typer.Option("--requirement", metavar="CC-AREA-NNN", help="Only its mutants. Repeatable."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Let each mutant meet the whole kit, not its requirement alone.")
    ] = False,
    budget: Annotated[
        str, typer.Option("--budget", metavar="BUDGET", help="Of whole runs: quick, normal or thorough.")
    ] = "quick",
    seeds: Annotated[
        list[int] | None,
        typer.Option(
            "--seed",
            metavar="N",
            help="Repeatable. By default the right servers are met with 1, 2 and 3, the mutants with 1.",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="How many to meet at once. By default two to a core.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the mutants, and meet none.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove the kit itself, on servers that are wrong in exactly one way.

    Each mutant has to fail the requirement that it is named for, and no right server any. The exit code is 0
    only if both hold.
    """
    with needs("mutants"):
        from common_compute_conformance.budget import BUDGETS
        from common_compute_mutants import selftest as proof

    if budget not in BUDGETS:
        raise WrongUsage(f"There is no budget {budget!r}: there are {', '.join(BUDGETS)}.")
    try:
        mutants = proof.chosen(names or (), requirements or ())
    except proof.UnknownName as error:
        raise WrongUsage(
            f"There is no {error.kind} {error.name!r}: see common-compute selftest --list."
        ) from error
    if listing:
        _list(mutants, as_json=as_json)
        return
    right_seeds, mutants_seeds = seeds or proof.SEEDS, seeds or proof.SEEDS[:1]
    meetings = proof.against_mutants(mutants, mutants_seeds, budget=budget if whole else None)
    if names or requirements:
        meetings += proof.against_their_right_servers(mutants, right_seeds)
    else:
        meetings += proof.against_right_servers(right_seeds, budget=budget)
    found = _run(meetings, jobs)
    if as_json:
        output.print_json(found.document())
    else:
        _show(found)
    raise typer.Exit(0 if found.fine else ANSWER_IS_NO)


def _run(meetings: Sequence[Meeting], jobs: int | None) -> Selftest:
    from common_compute_mutants import selftest as proof

    notes = Console(stderr=True, highlight=False)
    with notes.status(f"0 of {len(meetings)}") as status:
        done: list[Row] = []

        def tell(row: Row) -> None:
            done.append(row)
            _tell(status, notes, row, f"{len(done)} of {len(meetings)}")

        return proof.run(meetings, jobs=jobs, progress=tell)


def _tell(status: Status, notes: Console, row: Row, progress: str) -> None:
    status.update(f"{progress}: {row.meeting.name}")
    if not row.as_it_should_be:
        told = row.message if len(row.message) <= _MESSAGE_WIDTH else f"{row.message[:_MESSAGE_WIDTH]}..."
        notes.print(output.plain(f"{row.meeting.name}: {row.observed} {told}"), soft_wrap=True)


def _list(mutants: Sequence[Mutant], *, as_json: bool) -> None:
    if as_json:
        output.print_json(
            [
                {
                    "mutant": mutant.name,
                    "requirement": mutant.requirement,
                    "house": mutant.house,
                    "wrong": mutant.wrong,
                }
                for mutant in mutants
            ]
        )
        return
    rows = [(mutant.requirement, mutant.name, mutant.house, mutant.wrong) for mutant in mutants]
    output.table(["requirement", "mutant", "house", "what is wrong"], sorted(rows), empty="No mutants.")


def _show(found: Selftest) -> None:
    rows = [
        (
            row.meeting.name if row.meeting.mutant is not None else f"right: {row.meeting.name}",
            row.meeting.expected or "none",
            Text(row.observed, style="green" if row.as_it_should_be else "bold red"),
            _others(row),
            row.meeting.seed,
            f"{row.seconds:.1f}",
        )
        for row in (*found.mutants, *found.right)
    ]
    columns = ["server", "expected", "observed", "red as well", "seed", "seconds"]
    output.table(columns, rows, empty="Nothing was met.")
    output.console().print(found.summary)


def _others(row: Row) -> str:
    """Name the other requirements that turned red, the first few of them."""
    others = [name for name in row.red if name != row.meeting.expected]
    return ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
