"""Serve a mock facility: the whole API over a facility in memory, for those who write clients."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from common_compute_cli import output
from common_compute_cli.connection import AsJson
from common_compute_cli.errors import WrongUsage
from common_compute_cli.extras import needs
from common_compute_cli.manner import Host, Manner, UntilStdinCloses


def mock(
    flavour: Annotated[
        str | None, typer.Option(help="Which kind of facility: --list names them.", show_default=False)
    ] = None,
    host: Host = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 is a free port.")] = 0,
    speed: Annotated[
        float, typer.Option(min=0.001, max=1000.0, help="How many times as fast as usual its time passes.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Other seeds give other native ids, hosts and durations.")] = 0,
    scenario: Annotated[
        str | None, typer.Option(help="What happens to jobs that choose no scenario by a label.")
    ] = None,
    database: Annotated[
        Path | None, typer.Option(help="Keep jobs and results here; by default nothing outlives the mock.")
    ] = None,
    logs: Annotated[
        bool, typer.Option("--logs", help="Tell every request on the standard error, in JSON.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Name the flavours and the scenarios, and end.")
    ] = False,
    as_json: AsJson = False,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve a mock facility until Ctrl-C."""
    with needs("mocks"):
        from common_compute_cli.serving import faults_told, serve
        from common_compute_connector.clock import ScaledClock
        from common_compute_connector.configuration import configuration_of
        from common_compute_mocks import flavours, scenarios
    if list_:
        _list(flavours.names(), scenarios.catalogue(), as_json=as_json)
        return
    if flavour is None:
        raise WrongUsage(f"Which flavour? Give --flavour {' or --flavour '.join(flavours.names())}.")
    with ExitStack() as stack:
        if database is None:
            room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="common-compute-mock-")))
            database = room / "store.sqlite3"
        table = {
            "service": {
                "id": f"org.example.common-compute.mock-{flavour}",
                "name": f"Common Compute mock, flavour {flavour}",
                "description": "Nothing is executed: a facility in memory stands for a real one.",
            },
            "store": {
                "url": f"sqlite:///{database.absolute()}",
                "results": f"{database.absolute()}.results",
            },
            "facility": [
                {"id": flavour, "connector": "mock", "flavour": flavour, "seed": seed}
                | ({} if scenario is None else {"scenario": scenario})
            ],
        }
        with faults_told():
            configuration = configuration_of(table, Path())
        manner = Manner(
            host or configuration.service.host,
            port,
            logs=logs,
            loop="auto",
            as_json=as_json,
            until_stdin_closes=until_stdin_closes,
        )
        serve(configuration, ScaledClock(speed), f"mock-{flavour}", manner)


def _list(names: Sequence[str], catalogue: Mapping[str, Any], *, as_json: bool) -> None:
    summaries = {name: scenario.summary for name, scenario in catalogue.items()}
    if as_json:
        output.print_json({"flavours": list(names), "scenarios": summaries})
        return
    output.members([("flavours", ", ".join(names))])
    output.console().print()
    output.table(["SCENARIO", "WHAT HAPPENS"], list(summaries.items()), empty="")
