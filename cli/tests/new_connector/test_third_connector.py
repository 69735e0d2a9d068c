"""A third connector, for the queue nq: what `new-connector` writes, and the modules of docs/examples/nq."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from common_compute_cli.client import Client
from common_compute_cli.waiting import wait_for_end
from common_compute_connector.clock import SystemClock
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    FacilityConfiguration,
    Ground,
    Part,
    PartKey,
    Submission,
)

pytestmark = [pytest.mark.real, pytest.mark.needs("nq")]

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "nq"
PATIENCE_SECONDS = 60


@pytest.fixture
def nq(new_project: Callable[[str], Any]) -> Any:
    """Give the project that the command writes, with nq in the place of its own queue."""
    project = new_project("nq")
    (project.package / "one_by_one.py").unlink()
    for module in EXAMPLE.glob("*.py"):
        shutil.copy(module, project.package)
    return project


def shell(text: str, *arguments: str, **members: Any) -> dict[str, Any]:
    """Give a job that runs a shell script."""
    software = {"kind": "installed", "name": "posix-shell"}
    command = ["/bin/sh", "-c", text, "sh", *arguments]
    return {"facility_id": "nq", "software": software, "command": command, **members}


def wait_for(state: str, client: Client, job_id: str) -> None:
    """Wait until a job is in a state."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (seen := client.get_job(job_id)["state"]) != state:
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


def test_it_is_certified(nq: Any, serve: Callable[[Any], Any], tmp_path: Path) -> None:
    """Served by `serve`, certified by `certify`: nothing that it claims fails, breaks or goes unassessed."""
    code, certificate = nq.certificate(serve(nq).url, tmp_path / "certificate")
    against = [
        (each["id"], each["outcome"], each["message"])
        for each in certificate["requirements"]
        if each["decides"] and each["outcome"] not in ("passed", "not-applicable")
    ]
    assert (0, "certified", []) == (code, certificate["verdict"], against)
    claimed = certificate["target"]["claimed_classes"]["facility"]
    assert ["arrays", "core", "live-logs", "ranges", "software"] == claimed
    assert "nq" == certificate["target"]["facility"]["scheduler"]["kind"]


def test_jobs_go_through_nq_one_by_one(nq: Any, serve: Callable[[Any], Any], tmp_path: Path) -> None:
    """nq has a file for each job, with our key in it, and no two commands run at once, whatever they close."""
    server = serve(nq)
    alone = str(tmp_path / "alone")
    with Client(server.url) as client:
        closing = 'mkdir "$1" || exit 9; exec >/dev/null 2>&1; sleep 0.5; rmdir "$1"'
        bodies = [shell(closing, alone), shell(closing, alone), shell("exit 4"), shell("kill -KILL $$")]
        ids = [client.submit_job(body)["id"] for body in bodies]
        jobs = [wait_for_end(client, job_id, patience_seconds=PATIENCE_SECONDS) for job_id in ids]
    assert [(0, None), (0, None), (4, None), (None, 9)] == [
        (job.get("exit_code"), job.get("signal")) for job in jobs
    ]
    (queue,) = server.room.glob("var/jobs/*/queue")
    lines = [file.read_text().partition("\n")[0] for file in sorted(queue.glob(",*"))]
    assert [f"{job_id}.0" for job_id in ids] == [line.rpartition("/")[2] for line in lines]


def test_jobs_survive_the_death_of_the_server(nq: Any, serve: Callable[[Any], Any], tmp_path: Path) -> None:
    """A job that runs and one that waits when the server is killed both end as they should, each run once."""
    ran = tmp_path / "ran"
    server = serve(nq)
    with Client(server.url) as client:
        ids = [
            client.submit_job(shell(f'echo {name} >>"$1"; sleep 2; printf kept >kept', str(ran), **kept))[
                "id"
            ]
            for name, kept in (("first", {"outputs": [{"path": "kept"}]}), ("second", {}))
        ]
        wait_for("running", client, ids[0])
    server.end(signal.SIGKILL)
    with Client(serve(nq).url) as client:
        jobs = [wait_for_end(client, job_id, patience_seconds=PATIENCE_SECONDS) for job_id in ids]
        assert ["succeeded", "succeeded"] == [job["state"] for job in jobs]
        (result,) = client.list_results(ids[0])
        with client.get_result(ids[0], result["id"]) as pieces:
            assert b"kept" == b"".join(pieces)
    assert "first\nsecond\n" == ran.read_text()


def test_a_job_that_waits_can_be_cancelled(nq: Any, serve: Callable[[Any], Any], tmp_path: Path) -> None:
    """A cancelled job that waited never runs and has empty logs; one that runs ends with all its processes."""
    ran = tmp_path / "ran"
    with Client(serve(nq).url) as client:
        running = client.submit_job(shell("trap '' TERM; sleep 301 & wait; sleep 301"))["id"]
        wait_for("running", client, running)
        waiting = client.submit_job(shell('touch "$1"', str(ran)))["id"]
        wait_for("queued", client, waiting)
        client.cancel_job(waiting)
        job = wait_for_end(client, waiting, patience_seconds=PATIENCE_SECONDS)
        assert ("cancelled", "cancelled-by-user") == (job["state"], job["reason"]["code"])
        with client.get_log(waiting, "stdout") as pieces:
            assert b"" == b"".join(pieces)
        assert "running" == client.get_job(running)["state"]
        client.cancel_job(running)
        assert "cancelled" == wait_for_end(client, running, patience_seconds=PATIENCE_SECONDS)["state"]
    assert not ran.exists()
    assert [] == [line for line in command_lines() if line == b"sleep\x00301\x00"]


def command_lines() -> list[bytes]:
    """Give the command lines of all processes."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes())
        except OSError:
            continue
    return found


@pytest.fixture
def modules(nq: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Give the function that imports a module of the project."""
    monkeypatch.syspath_prepend(str(nq.folder))
    yield lambda name: import_module(f"nq_connector.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "nq_connector"]:
        del sys.modules[name]


async def find_in_time(connector: Any, part: Part) -> Any:
    """Look for a part until it is there, or until it cannot appear any more by the connector's own word."""
    until = time.monotonic() + connector.pace.appears_within_seconds
    while True:
        (found,) = await connector.find([part])
        if isinstance(found, Accepted) or time.monotonic() > until:
            return found
        await asyncio.sleep(0.05)


def test_a_part_is_found_by_its_key_alone(modules: Callable[[str], Any], tmp_path: Path) -> None:
    """A new object finds what nq has taken, and nothing where only a directory was written."""

    async def submit_and_find() -> None:
        configuration = FacilityConfiguration("nq", "nq", {"root": str(tmp_path / "jobs")})
        first, second = (
            modules("connector").open_connector(configuration, Ground(SystemClock(), None)) for _ in range(2)
        )
        parts = [Part(PartKey(name, 0), "anonymous", 0, 1) for name in ("taken", "written", "unknown")]
        spec = shell("exit 0")
        (taken,) = await first.submit([Submission(parts[0], spec, 1)])
        first._directories.add(Submission(parts[1], spec, 1))
        assert taken == await find_in_time(second, parts[0])
        assert [Absent(parts[1].key), Absent(parts[2].key)] == await second.find(parts[1:])
        (again,) = await second.submit([Submission(parts[1], spec, 1)])
        assert again == await find_in_time(first, parts[1])

    asyncio.run(submit_and_find())


LINE = b"exec nq /usr/bin/python3 -I /srv/launch.py /srv/tasks/job.0\n\n\n"


@pytest.mark.parametrize(
    ("content", "alive", "marks", "expected"),
    [
        (LINE[:-2], True, {}, ("queued", None, None, None)),
        (LINE, True, {"start": "1.5"}, ("running", None, None, None)),
        (LINE + b"\n[exited with status 0.]\n", False, {"start": "1.5"}, ("succeeded", 0, None, None)),
        (LINE + b"\n[exited with status 3.]\n", False, {"start": "1.5"}, ("failed", 3, None, "exit-nonzero")),
        (LINE + b"\n[killed by signal 15.]\n", False, {"start": "1.5"}, ("failed", None, 15, "signal")),
        (
            LINE + b"\n[killed by signal 15.]\n",
            False,
            {"cancel": ""},
            ("cancelled", None, None, "cancelled-by-user"),
        ),
        (LINE + b"\n[exited with status 0.]\n", False, {"cancel": ""}, ("succeeded", 0, None, None)),
        (
            LINE + b"\n[exited with status 127.]\n",
            False,
            {"start": "1.5", "missing": "No such file or directory"},
            ("failed", 127, None, "command-not-found"),
        ),
    ],
)
def test_words_of_nq_are_understood(
    content: bytes,
    alive: bool,
    marks: dict[str, str],
    expected: tuple[Any, ...],
    modules: Callable[[str], Any],
) -> None:
    """What nq 0.3.1 writes becomes the state, the exit code or signal, and the reason."""
    job = modules("nq").read_job(content, datetime(2026, 1, 1, tzinfo=UTC), alive=alive)
    seen = modules("states").task_seen(0, job, marks)
    reason = seen.reason.code if seen.reason else None
    assert expected == (seen.state, seen.exit_code, seen.signal, reason)


def test_an_end_of_which_nq_says_nothing_is_no_end(modules: Callable[[str], Any]) -> None:
    """A job that is over while nq has not written how is not told as ended."""
    job = modules("nq").read_job(LINE, datetime(2026, 1, 1, tzinfo=UTC), alive=False)
    assert modules("states").task_seen(0, job, {"start": "1.5"}) is None
