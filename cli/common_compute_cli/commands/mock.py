"""Serve mock facilities: the whole API over facilities in memory, for those who write clients."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from common_compute_cli import output
from common_compute_cli.connection import AsJson
from common_compute_cli.errors import WrongUsage
from common_compute_cli.extras import needs
from common_compute_cli.manner import Host, Manner, UntilStdinCloses

if TYPE_CHECKING:
    from common_compute_mocks.scenarios import Scenario


def mock(
    flavour: Annotated[
        list[str] | None,
        typer.Option(help="A kind of facility; again for another one. By default all.", show_default=False),
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE",
            help="What happens there: a ready scenario or a file of your own; again for another one.",
            show_default=False,
        ),
    ] = None,
    clock: Annotated[
        Literal["real", "held"],
        typer.Option(help="A held clock goes on only when a client waits, or by POST /mock/clock."),
    ] = "real",
    speed: Annotated[
        float, typer.Option(min=0.001, max=1000.0, help="How many times as fast as usual its time passes.")
    ] = 1.0,
    request_seconds: Annotated[
        float, typer.Option(min=0.0, max=86400.0, help="What each request takes of a held clock's time.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Other seeds give other native ids, hosts and durations.")] = 0,
    bearer: Annotated[
        bool, typer.Option("--bearer", help="Ask for a token; two callers are known, and told at the start.")
    ] = False,
    database: Annotated[
        Path | None, typer.Option(help="Keep jobs and results here; by default nothing outlives the mock.")
    ] = None,
    host: Host = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 is a free port.")] = 0,
    logs: Annotated[
        bool, typer.Option("--logs", help="Tell every request on the standard error, in JSON.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Name the flavours and the scenarios, and end.")
    ] = False,
    as_json: AsJson = False,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve mock facilities until Ctrl-C.

    A job chooses what happens to it by the label mock.scenario.
    """
    with needs("mocks"):
        from common_compute_cli.serving import faults_told, serve
        from common_compute_mocks import flavours
        from common_compute_mocks.server import TOKENS, MockService, MockSettings
        from common_compute_mocks.server.choice import choose
    if list_:
        with faults_told():
            known = choose(scenario or ()).known
        _list(flavours.names(), known.values(), as_json=as_json)
        return
    if clock == "held" and speed != 1.0:
        raise WrongUsage("A held clock has no --speed: leave it out, or let the clock be real.")
    if clock == "real" and request_seconds:
        raise WrongUsage("--request-seconds is for a held clock: add --clock held.")
    with ExitStack() as stack:
        with faults_told():
            settings = MockSettings(
                facilities=tuple(dict.fromkeys(flavour or flavours.names())),
                scenarios=tuple(scenario or ()),
                seed=seed,
                held=clock == "held",
                speed=speed,
                bearer=bearer,
                database=database,
                request_seconds=request_seconds,
            )
        room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="common-compute-mock-")))
        manner = Manner(
            host or "127.0.0.1",
            port,
            logs=logs,
            as_json=as_json,
            until_stdin_closes=until_stdin_closes,
        )
        tokens = {"tokens": dict(TOKENS)} if bearer else {}
        serve(lambda: MockService(settings, room), settings.name, manner, tokens)


def _list(names: Sequence[str], known: Iterable[Scenario], *, as_json: bool) -> None:
    entries = [{"name": each.name, "summary": each.summary, "by_label": each.is_for_jobs} for each in known]
    if as_json:
        output.print_json({"flavours": list(names), "scenarios": entries})
        return
    output.members([("flavours", ", ".join(names))])
    output.console().print()
    output.table(
        ["SCENARIO", "BY LABEL", "WHAT HAPPENS"],
        [(entry["name"], "yes" if entry["by_label"] else "no", entry["summary"]) for entry in entries],
        empty="",
    )
