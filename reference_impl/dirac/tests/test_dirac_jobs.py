"""The connector with a real DIRAC: jobs from submission to release, each in the name of its caller."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.clock import SystemClock
from common_compute_connector.jobs import State, TaskSeen
from common_compute_connector.plan import output_rules, task_count
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Collected,
    EndedTask,
    Enrolment,
    FacilityConfiguration,
    Ground,
    LivePart,
    LogBytes,
    Part,
    PartKey,
    ResultBytes,
    Submission,
    Unknown,
)
from common_compute_dirac import afterwards, states
from common_compute_dirac.connector import DiracFacility, open_connector
from common_compute_dirac.handles import Handle, read_handle
from common_compute_dirac.worker import DiracUnreachable, Identity, Worker

pytestmark = [pytest.mark.real, pytest.mark.needs("dirac"), pytest.mark.timeout(900)]

HOSTILE = [
    "a b",
    '"',
    "'",
    "$HOME",
    "`id`",
    "\n",
    "%n",
    "%s",
    "é☃",
    "",
    "-n",
    "\\",
    "*",
    "; rm",
    "[",
    "];",
    "{{x}}",
]


class Stored:
    """The enrolments that are stored."""

    def __init__(self) -> None:
        self.held: dict[str, Enrolment] = {}

    async def enrolment(self, owner: str) -> Enrolment | None:
        return self.held.get(owner)


@dataclass
class Ended:
    """A task's end: what was seen last, the native states on the way, and what came home."""

    seen: TaskSeen
    way: list[str]
    logs: dict[str, bytes] = field(default_factory=dict)
    results: dict[str, bytes] = field(default_factory=dict)
    lost: Sequence[str] = ()


class Grid:
    """The connector, and a user of it."""

    def __init__(self, connector: DiracFacility) -> None:
        self.connector = connector
        self._clock = SystemClock()
        self._ways: dict[tuple[PartKey, int], list[str]] = {}

    def submission(self, owner: str, **spec: Any) -> Submission:
        spec = {"software": {"kind": "installed", "name": "posix-shell"}, **spec}
        count = task_count(spec)
        return Submission(Part(PartKey(self._clock.new_id(), 0), owner, 0, count), spec, count)

    async def submit(self, *submissions: Submission) -> list[Part]:
        answers = await self.connector.submit(submissions)
        return [accepted(one, answer) for one, answer in zip(submissions, answers, strict=True)]

    async def seen(self, part: Part, live: Sequence[int] | None = None) -> dict[int, TaskSeen]:
        (observation,) = await self.connector.observe([LivePart(part, list(live or part.indices))])
        for task in observation.tasks:
            way = self._ways.setdefault((part.key, task.index), [])
            word = str(task.native.state if task.native else None)
            if [word] != way[-1:]:
                way.append(word)
        return {task.index: task for task in observation.tasks}

    async def until(self, part: Part, over: Callable[[TaskSeen], bool]) -> dict[int, TaskSeen]:
        """Look at a part until all its tasks are so."""
        reached: dict[int, TaskSeen] = {}
        async with asyncio.timeout(120):
            while len(reached) < part.task_count:
                live = [index for index in part.indices if index not in reached]
                reached |= {i: task for i, task in (await self.seen(part, live)).items() if over(task)}
                await asyncio.sleep(0.3)
        return reached

    async def ended(self, submission: Submission, part: Part) -> list[Ended]:
        """Wait for a part's end, and bring home what it left."""
        seen = await self.until(part, lambda task: task.state is not None and task.state.terminal)
        ended = [Ended(seen[index], self._ways[part.key, index]) for index in part.indices]
        tasks = [EndedTask(part, index, output_rules(submission.spec, index)) for index in part.indices]
        async for item in self.connector.collect(tasks):
            of = ended[item.index]
            match item:
                case LogBytes():
                    of.logs[item.stream] = b"".join([chunk async for chunk in item.chunks])
                case ResultBytes():
                    of.results[item.path] = b"".join([chunk async for chunk in item.chunks])
                case Collected():
                    of.lost = item.lost
        return ended

    async def run(self, owner: str, **spec: Any) -> list[Ended]:
        """Run a job from submission to release."""
        submission = self.submission(owner, **spec)
        (part,) = await self.submit(submission)
        ended = await self.ended(submission, part)
        await self.release(part)
        return ended

    async def release(self, part: Part) -> None:
        async with asyncio.timeout(60):
            while [part.key] != await self.connector.release([part]):  # noqa: ASYNC110
                await asyncio.sleep(0.5)


def accepted(submission: Submission, answer: object) -> Part:
    """Give a part with its handle."""
    assert isinstance(answer, Accepted), answer
    part = submission.part
    return Part(part.key, part.owner, part.first_index, part.task_count, answer.handle)


def table(facility: Mapping[str, Any], **more: Any) -> FacilityConfiguration:
    """Give the settings of the facility."""
    found = {
        "interpreter": facility["interpreter"],
        "configuration_server": facility["configuration_server"],
        "ca_directory": facility["ca_directory"],
        "vo": facility["vo"],
        "group": "cta_user",
        "groups": ["cta_analysis"],
        "certificate": facility["connector"]["certificate"],
        "key": facility["connector"]["key"],
        "subject_rule": facility["users"]["alice"]["dn"].removesuffix("alice") + "{caller}",
        "software": [
            {**one, "default": one["version"] == facility["software"][-1]["version"]}
            for one in facility["software"]
        ],
        "heartbeat_seconds": 5,
        "appears_within_seconds": 5,
        "kill_grace_seconds": 1,
        "max_cpu_cores": 8,
        **more,
    }
    return FacilityConfiguration(
        "grid", "dirac", {n: value for n, value in found.items() if value is not None}
    )


@asynccontextmanager
async def opened(facility: Mapping[str, Any], **more: Any) -> AsyncIterator[Grid]:
    """Give the connector, with alice and bob enrolled where they have to be."""
    stored = Stored()
    connector = open_connector(table(facility, **more), Ground(SystemClock(), stored))
    try:
        if more.get("delegation") != "service":
            for owner in ("alice", "bob"):
                async with asyncio.timeout(90):
                    stored.held[owner] = await connector.enrol(owner, {}, None)
                    # DIRAC may take a minute to believe that a user is in a group.
                    while "valid" != stored.held[owner].document["state"]:
                        await asyncio.sleep(1)
                        stored.held[owner] = await connector.check_enrolment(owner, stored.held[owner])
        yield Grid(connector)
    finally:
        await connector.close()


def shell(text: str, **more: Any) -> dict[str, Any]:
    """Give a job that runs a line of shell."""
    return {"command": ["sh", "-c", text], **more}


async def test_commands_run_exactly_as_they_were_written(dirac_facility: dict[str, Any]) -> None:
    """Whatever stands in argv, environment and files arrives byte for byte, and both streams come home."""
    async with opened(dirac_facility) as grid:
        (ended,) = await grid.run(
            "alice", command=["printf", "%s\\0", *HOSTILE], environment={"A": HOSTILE[5]}
        )
        assert (State.SUCCEEDED, 0) == (ended.seen.state, ended.seen.exit_code)
        assert HOSTILE == ended.logs["stdout"].decode().split("\0")[:-1]
        assert (b"", ()) == (ended.logs["stderr"], ended.lost)
        assert ended.seen.resolved is not None
        assert dirac_facility["sites"]["with_a_worker"] == ended.seen.resolved.site
        assert "Done" == ended.way[-1]


async def test_ends_are_told_and_leave_their_output(dirac_facility: dict[str, Any]) -> None:
    """Exit codes, signals, missing commands and the wall time are told apart, and failed jobs bring results home."""
    jobs = [
        (
            shell("echo out; echo err >&2; echo 1 >r; exit 3", outputs=[{"path": "*"}]),
            ("exit-nonzero", 3, None),
        ),
        (shell("kill -9 $$"), ("signal", None, 9)),
        ({"command": ["no-such-command"]}, ("command-not-found", 127, None)),
        (shell("sleep 600", resources={"wall_time_seconds": 1}), ("wall-time-exceeded", None, None)),
    ]
    async with opened(dirac_facility) as grid:
        submissions = [grid.submission("alice", **spec) for spec, _ in jobs]
        parts = await grid.submit(*submissions)
        for one, part, (_, expected) in zip(submissions, parts, jobs, strict=True):
            (ended,) = await grid.ended(one, part)
            assert (State.FAILED, *expected) == (
                ended.seen.state,
                ended.seen.reason and ended.seen.reason.code,
                ended.seen.exit_code,
                ended.seen.signal,
            )
            if expected[1] == 3:
                assert ({"stdout": b"out\n", "stderr": b"err\n"}, {"r": b"1\n"}) == (
                    ended.logs,
                    ended.results,
                )
            await grid.release(part)


async def test_software_of_the_catalogue(dirac_facility: dict[str, Any]) -> None:
    """The version that is named runs, and the default where none is."""
    old, new = (one["version"] for one in dirac_facility["software"])
    async with opened(dirac_facility) as grid:
        for wish, version in (({}, new), ({"version": old}, old)):
            software = {"kind": "installed", "name": "ctapipe", **wish}
            (ended,) = await grid.run("bob", command=["ctapipe-process", "--version"], software=software)
            assert f"ctapipe-process {version.removeprefix('v')}\n".encode() == ended.logs["stdout"]
            assert ended.seen.resolved is not None
            assert version == ended.seen.resolved.software_version


async def test_an_array_is_one_submission(dirac_facility: dict[str, Any]) -> None:
    """Each task has its number in DIRAC, its parameters and its result."""
    array = {"parameters": [{"POOL": f"pool-{n}"} for n in range(5)]}
    spec = shell("echo $CC_TASK_INDEX of $CC_TASK_COUNT; echo $POOL >{{POOL}}.csv", array=array)
    async with opened(dirac_facility) as grid:
        ended = await grid.run("alice", **spec, outputs=[{"path": "{{POOL}}.csv"}])
        assert [f"{n} of 5\n".encode() for n in range(5)] == [task.logs["stdout"] for task in ended]
        assert [{f"pool-{n}.csv": f"pool-{n}\n".encode()} for n in range(5)] == [
            task.results for task in ended
        ]
        numbers = [task.seen.native.id for task in ended if task.seen.native]
        assert 5 == len(set(numbers))


async def test_a_job_is_cancelled_wherever_it_is(dirac_facility: dict[str, Any]) -> None:
    """One that waits and one that runs end as cancelled, and what ran is dead by the next heartbeat."""
    waits = shell("true", resources={"site": dirac_facility["sites"]["without"]})
    async with opened(dirac_facility) as grid:
        submissions = [grid.submission("alice", **waits), grid.submission("alice", **shell("sleep 4719"))]
        waiting, running = await grid.submit(*submissions)
        await grid.until(waiting, lambda task: task.native is not None and task.native.state == "Waiting")
        await grid.until(
            running, lambda task: task.native is not None and task.native.detail == "Application"
        )
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(alive, "4719"):  # noqa: ASYNC110
                await asyncio.sleep(0.5)
        await grid.connector.cancel([LivePart(waiting, [0]), LivePart(running, [0])])
        for one, part in zip(submissions, (waiting, running), strict=True):
            (ended,) = await grid.ended(one, part)
            assert (State.CANCELLED, "cancelled-by-user") == (
                ended.seen.state,
                ended.seen.reason and ended.seen.reason.code,
            )
        async with asyncio.timeout(60):
            while await asyncio.to_thread(alive, "4719"):  # noqa: ASYNC110
                await asyncio.sleep(0.5)
        for part in (waiting, running):
            await grid.release(part)


def alive(seconds: str) -> bool:
    """Tell whether a command that sleeps so long is there."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if process.read_bytes() == b"sleep\0" + seconds.encode() + b"\0":
                return True
        except OSError:
            continue
    return False


async def test_what_is_released_is_gone(dirac_facility: dict[str, Any]) -> None:
    """A released job is deleted in DIRAC, releasing again is the same, and nobody finds it any more."""
    async with opened(dirac_facility) as grid:
        submission = grid.submission("alice", **shell("true"))
        (part,) = await grid.submit(submission)
        await grid.ended(submission, part)
        await grid.release(part)
        assert [part.key] == await grid.connector.release([part])
        unnamed = Part(part.key, part.owner, 0, 1)
        assert [Absent(part.key)] == list(await grid.connector.find([unnamed]))


@pytest.mark.parametrize("count", [1, 3])
async def test_a_lost_answer_is_found_again(dirac_facility: dict[str, Any], count: int) -> None:
    """A submission of which nobody heard is found by its name, runs once, and is found by its caller only."""
    async with opened(dirac_facility) as grid:
        submission = grid.submission(
            "alice", **shell("true", **({"array": {"count": count}} if count > 1 else {}))
        )
        unnamed = submission.part
        assert [Absent(unnamed.key)] == list(await grid.connector.find([unnamed]))
        lose_an_answer(grid.connector)
        (answer,) = await grid.connector.submit([submission])
        assert isinstance(answer, Unknown)
        (found,) = await grid.connector.find([unnamed])
        part = accepted(submission, found)
        (again,) = await grid.connector.find([unnamed])
        assert read_handle(part).jobs == read_handle(accepted(submission, again)).jobs
        for ended in await grid.ended(submission, part):
            assert State.SUCCEEDED is ended.seen.state
        await grid.release(part)


def lose_an_answer(connector: DiracFacility) -> None:
    """Let the next answer to a submission get lost, after DIRAC has it."""
    worker: Worker = connector._worker
    call = worker.call

    async def once(name: str, *arguments: Any, **options: Any) -> Any:
        told = await call(name, *arguments, **options)
        if name == "submit":
            worker.call = call  # type: ignore[method-assign]
            raise DiracUnreachable("the answer was lost", started=True)
        return told

    worker.call = once  # type: ignore[method-assign]


async def test_one_user_for_all(dirac_facility: dict[str, Any]) -> None:
    """With `service` every caller's jobs run as the user of one proxy."""
    proxy = dirac_facility["users"]["bob"]["proxies"]["cta_user"]
    none = dict.fromkeys(("certificate", "key", "subject_rule", "groups"))
    async with opened(dirac_facility, delegation="service", proxy=proxy, **none) as grid:
        document = await grid.connector.describe()
        assert ("service", "9.") == (
            document["credential"]["delegation"],
            document["scheduler"]["version"][:2],
        )
        (ended,) = await grid.run("anybody", **shell("echo hello"))
        assert b"hello\n" == ended.logs["stdout"]


def with_their_proxies(facility: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings by which the users' own proxies are used."""
    host = facility["fetching_connector"]
    return {"delegation": "user", "certificate": host["certificate"], "key": host["key"]}


async def test_callers_by_their_own_proxies(dirac_facility: dict[str, Any]) -> None:
    """With `user` jobs are submitted, seen, brought home and released with their callers' proxies."""
    async with opened(dirac_facility, **with_their_proxies(dirac_facility)) as grid:
        document = await grid.connector.describe()
        assert "user" == document["credential"]["delegation"]
        for owner in ("alice", "bob"):
            (ended,) = await grid.run(owner, **shell("echo hello"))
            assert (State.SUCCEEDED, b"hello\n") == (ended.seen.state, ended.logs["stdout"])


UPLOAD = """
from DIRAC.Core.Security.X509Chain import X509Chain
from DIRAC.FrameworkSystem.Client.ProxyManagerClient import ProxyManagerClient
certificate, key = arguments
chain = X509Chain()
chain.loadChainFromFile(certificate)
chain.loadKeyFromFile(key)
answer = ProxyManagerClient().uploadProxy(chain)["OK"]
"""
DELETE = "DELETE FROM ProxyDB_CleanProxies WHERE UserDN = '{dn}'"
END = (
    "UPDATE ProxyDB_CleanProxies SET ExpirationTime = UTC_TIMESTAMP() + INTERVAL {seconds} SECOND "
    "WHERE UserDN = '{dn}'"
)
"""DIRAC takes no proxy that ends within an hour: its database is told that one does."""


@pytest.mark.parametrize("delegation", ["on_behalf", "user"])
async def test_a_credential_lives_as_long_as_the_proxy(
    dirac_facility: dict[str, Any], on_grid: Callable[..., Any], delegation: str
) -> None:
    """Without a proxy it awaits its user, is valid with one, expired when that has ended, and valid again."""
    bob = dirac_facility["users"]["bob"]

    async def upload() -> None:
        told = (bob["certificate"], bob["key"])
        assert await asyncio.to_thread(on_grid, UPLOAD, *told, user="bob")

    async def change(statement: str, seconds: int = 0) -> None:
        statement = statement.format(dn=bob["dn"], seconds=seconds)
        mysql = ["mysql", "--socket", dirac_facility["database_socket"], "--execute", statement, "ProxyDB"]
        await asyncio.to_thread(subprocess.run, mysql, check=True)

    more = with_their_proxies(dirac_facility) if delegation == "user" else {}
    async with opened(dirac_facility, check_every_seconds=1, **more) as grid:
        held = await grid.connector.enrol("bob", {}, None)

        async def becomes(*states: str) -> list[str]:
            nonlocal held
            seen: list[str] = []
            async with asyncio.timeout(60):
                while seen[-1:] != [states[-1]]:
                    await asyncio.sleep(0.5)
                    held = await grid.connector.check_enrolment("bob", held)
                    if seen[-1:] != [held.document["state"]]:
                        seen.append(held.document["state"])
            assert set(seen) <= set(states), seen
            return seen

        try:
            await change(DELETE)
            await becomes("valid", "awaiting_user")
            assert held.document["instructions"].endswith("dirac-proxy-init -g cta_user")
            await upload()
            await becomes("awaiting_user", "valid")
            await change(END, 10)
            # One that is about to end is not handed out any more.
            await becomes("valid", "expired")
            assert "expires_at" in held.document
        finally:
            await upload()
        await becomes("expired", "valid")


async def test_a_job_that_an_administrator_kills(
    dirac_facility: dict[str, Any], on_grid: Callable[..., Any]
) -> None:
    """It was cancelled, and not by its caller."""
    waits = shell("true", resources={"site": dirac_facility["sites"]["without"]})
    async with opened(dirac_facility) as grid:
        submission = grid.submission("alice", **waits)
        (part,) = await grid.submit(submission)
        await grid.until(part, lambda task: task.native is not None and task.native.state == "Waiting")
        kill = "answer = dirac.killJob(arguments[0])['OK']"
        number = read_handle(part).jobs[0]
        assert await asyncio.to_thread(on_grid, kill, number, user="admin", group="dirac_admin")
        (ended,) = await grid.ended(submission, part)
        assert (State.CANCELLED, "cancelled-by-facility") == (
            ended.seen.state,
            ended.seen.reason and ended.seen.reason.code,
        )
        await grid.release(part)


async def test_a_job_that_waits_is_rescheduled(
    dirac_facility: dict[str, Any], on_grid: Callable[..., Any]
) -> None:
    """An administrator sends a waiting job on its way again: it is queued still, as its second attempt."""
    waits = shell("true", resources={"site": dirac_facility["sites"]["without"]})
    async with opened(dirac_facility) as grid:
        submission = grid.submission("alice", **waits)
        (part,) = await grid.submit(submission)
        await grid.until(part, lambda task: task.native is not None and task.native.state == "Waiting")
        again = "answer = dirac.rescheduleJob(arguments[0])['OK']"
        number = read_handle(part).jobs[0]
        assert await asyncio.to_thread(on_grid, again, number, user="admin", group="dirac_admin")
        seen = await grid.until(part, lambda task: task.attempt == 2)
        assert State.QUEUED is seen[0].state
        await grid.connector.cancel([LivePart(part, [0])])
        (ended,) = await grid.ended(submission, part)
        assert (State.CANCELLED, 2) == (ended.seen.state, ended.seen.attempt), ended.seen
        await grid.release(part)


async def test_a_job_whose_worker_has_died_is_rescheduled(
    dirac_facility: dict[str, Any], on_grid: Callable[..., Any]
) -> None:
    """An administrator sends it on its way again: its second attempt runs, and its end is that one's."""
    async with opened(dirac_facility) as grid:
        submission = grid.submission("alice", **shell("sleep 20; echo done"))
        (part,) = await grid.submit(submission)
        await grid.until(part, lambda task: task.native is not None and task.native.detail == "Application")
        number = read_handle(part).jobs[0]
        kill_worker(number)
        again = "answer = dirac.rescheduleJob(arguments[0])['OK']"
        assert await asyncio.to_thread(on_grid, again, number, user="admin", group="dirac_admin")
        seen = await grid.until(part, lambda task: task.attempt == 2)
        assert seen[0].state in {State.QUEUED, State.RUNNING}
        (ended,) = await grid.ended(submission, part)
        assert (State.SUCCEEDED, 2) == (ended.seen.state, ended.seen.attempt), ended.seen
        assert b"done\n" == ended.logs["stdout"]
        await grid.release(part)


def kill_worker(job: int) -> None:
    """Kill a job's wrapper and all that descends from it, as a machine does that loses its power."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            parents[int(entry.name)] = parent, (entry / "cmdline").read_bytes()
    dying = {number for number, (_, words) in parents.items() if f"Wrapper_{job}".encode() in words}
    assert dying
    while more := {number for number, (parent, _) in parents.items() if parent in dying} - dying:
        dying |= more
    for number in dying:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


async def test_a_job_that_is_rescheduled_after_its_end_is_killed(
    dirac_facility: dict[str, Any], on_grid: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was cancelled here and runs again by somebody's wish in DIRAC does not go on for long."""
    monkeypatch.setattr(afterwards, "EVERY_SECONDS", 2)
    async with opened(dirac_facility) as grid:
        submission = grid.submission("alice", **shell("sleep 300"))
        (part,) = await grid.submit(submission)
        await grid.until(part, lambda task: task.state is State.RUNNING)
        await grid.connector.cancel([LivePart(part, [0])])
        await grid.ended(submission, part)
        number = read_handle(part).jobs[0]
        again = "answer = dirac.rescheduleJob(arguments[0])['OK']"
        assert await asyncio.to_thread(on_grid, again, number, user="admin", group="dirac_admin")
        status = "answer = dirac.getJobStatus(arguments[0])['Value'][arguments[0]]['Status']"
        async with asyncio.timeout(120):
            while True:
                await grid.connector.describe()
                seen = await asyncio.to_thread(on_grid, status, number, user="admin", group="dirac_admin")
                if seen in states.ENDED:  # long before it would end by itself
                    break
                await asyncio.sleep(1)
        await grid.release(part)


async def test_nobody_reaches_what_is_anothers(dirac_facility: dict[str, Any]) -> None:
    """As bob the connector neither kills nor deletes alice's job, nor gets what it left."""
    async with opened(dirac_facility) as grid:
        submission = grid.submission("alice", **shell("echo secret"))
        (part,) = await grid.submit(submission)
        bob = Identity(dirac_facility["users"]["bob"]["dn"], "cta_user")
        jobs = read_handle(part).jobs
        of_bob = Part(part.key, "bob", 0, 1, Handle(jobs, bob).text())
        await grid.connector.cancel([LivePart(of_bob, [0])])
        (ended,) = await grid.ended(submission, part)
        assert (State.SUCCEEDED, b"secret\n") == (ended.seen.state, ended.logs["stdout"])
        assert [] == list(await grid.connector.release([of_bob]))
    async with opened(dirac_facility) as grid:
        items = [item async for item in grid.connector.collect([EndedTask(of_bob, 0, ())])]
        assert [Collected] == [type(item) for item in items]
        await grid.release(part)
