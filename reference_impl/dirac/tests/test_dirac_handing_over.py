"""Parts on their way to DIRAC: what each answer means, and how a part is found again, none twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Deferred,
    LivePart,
    Part,
    PartKey,
    Refused,
    Submission,
    Unknown,
)
from common_compute_dirac.describe import Facts
from common_compute_dirac.enrolments import OneUser
from common_compute_dirac.handing_over import HandingOver
from common_compute_dirac.handles import read_handle
from common_compute_dirac.settings import Settings
from common_compute_dirac.states import read_status
from common_compute_dirac.worker import DiracRefused, DiracUnreachable, Identity

ROBOT = Identity("/O=Grid/CN=robot", "cta_user")
SPEC = {"software": {"kind": "installed", "name": "posix-shell"}, "command": ["true"]}


class Dirac:
    """A DIRAC in memory behind a worker: jobs by number, and faults that are to come."""

    def __init__(self) -> None:
        self.jobs: dict[int, dict[str, Any]] = {}
        self.faults: dict[str, Exception] = {}
        self.makes: int | None = None
        """So many jobs of a submission come to be before its fault."""

    def add(self, name: str, group: str, status: str = "Submitting") -> int:
        number = len(self.jobs) + 1
        self.jobs[number] = {"JobName": name, "JobGroup": group, "Status": status}
        return number

    async def call(
        self, name: str, arguments: Any, acting: Identity | None, *, deadline_seconds: float
    ) -> Any:
        assert ROBOT == acting
        done = getattr(self, name)(**arguments) if name not in self.faults or self.makes is not None else None
        if name in self.faults:
            raise self.faults[name]
        return done

    def submit(self, jdl: str, sandbox: str) -> Any:
        assert "SB:1" == sandbox
        lines = dict(line.rstrip(";").split(" = ", 1) for line in jdl.splitlines()[1:-1])
        name, group = lines["JobName"].strip('"'), lines["JobGroup"].strip('"')
        count = int(lines.get("Parameters", 0))
        made = [
            self.add(name.replace("%n", str(n)), group, "Submitting" if count else "Received")
            for n in range(count or 1)[: self.makes]
        ]
        return {"jobs": made, "to_confirm": bool(count)}

    def confirm(self, jobs: list[int]) -> list[int]:
        for job in jobs:
            self.jobs[job]["Status"] = "Received"
        return jobs

    def find(self, JobGroup: str) -> list[int]:  # noqa: N803  (DIRAC's own name)
        return [number for number, job in self.jobs.items() if job["JobGroup"].lower() == JobGroup.lower()]

    def status(self, jobs: list[int]) -> dict[str, Any]:
        return {str(job): self.jobs[job] for job in jobs if job in self.jobs}

    def kill(self, jobs: list[int]) -> list[int]:
        for job in jobs:
            self.jobs[job]["Status"] = "Killed"
        return jobs

    def delete(self, jobs: list[int]) -> list[int]:
        for job in jobs:
            self.jobs[job]["Status"] = "Deleted"
        return jobs

    def states(self) -> list[str]:
        return [job["Status"] for job in self.jobs.values()]


class Carrier:
    """Takes files to DIRAC, or fails as it is told to."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.carried = 0

    async def call(
        self, name: str, arguments: Any, acting: Identity | None, *, deadline_seconds: float
    ) -> str:
        assert ("upload", ROBOT) == (name, acting)
        assert arguments["files"]
        if self.fault is not None:
            raise self.fault
        self.carried += 1
        return "SB:1"


class Bench:
    """Everything around."""

    def __init__(self, settings: Settings) -> None:
        self.clock = HeldClock()
        self.dirac = Dirac()
        users = OneUser(settings)
        self.carrier = Carrier()
        self.handing_over = HandingOver(
            settings,
            self.dirac,  # type: ignore[arg-type]
            self.carrier,  # type: ignore[arg-type]
            users,
            self.clock,
            "service",
        )

    async def submit(self, part: Part, **spec: Any) -> Any:
        submission = Submission(part, SPEC | spec, part.task_count)
        (answer,) = await self.handing_over.submit([submission], Facts(max_parametric_jobs=100))
        return answer


@pytest.fixture
def bench(settings: Callable[..., Settings]) -> Bench:
    """Give it, with one user for all."""
    return Bench(settings(delegation="service", subject=ROBOT.dn, subject_rule=None))


def part(count: int = 1, job_id: str = "job-1", number: int = 0) -> Part:
    """Give a part."""
    return Part(PartKey(job_id, number), "alice", number * 100, count)


@pytest.mark.parametrize("count", [1, 3])
async def test_a_submission_runs_once_it_is_confirmed(bench: Bench, count: int) -> None:
    """The handle has a number for each task, and all of them run."""
    answer = await bench.submit(part(count))
    assert isinstance(answer, Accepted)
    handle = read_handle(Part(answer.key, "alice", 0, count, answer.handle))
    assert (tuple(range(1, count + 1)), ROBOT, "system") == (
        handle.jobs,
        handle.acting,
        handle.software_version,
    )
    assert ["Received"] * count == bench.dirac.states()


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (DiracUnreachable("away", started=False), Deferred, None),
        (DiracUnreachable("silence", started=True), Unknown, None),
        (DiracRefused("refused", "too much", 1503), Refused, "submission-rejected"),
        (DiracRefused("failed", "KeyError", 0), Unknown, None),
        (DiracRefused("not-a-member", "no", 0), Refused, "credential-rejected"),
        (DiracRefused("no-proxy", "no", 0), Refused, "credential-rejected"),
        (DiracRefused("unauthorized", "no", 1111), Deferred, None),
    ],
)
async def test_what_a_submission_that_fails_means(
    bench: Bench, fault: Exception, kind: type, code: str | None
) -> None:
    """Only what certainly did nothing is tried again at once, and only DIRAC's own no is final."""
    bench.dirac.faults["submit"] = fault
    answer = await bench.submit(part())
    assert kind is type(answer)
    assert code is None or answer.reason.code == code


async def test_software_that_has_gone_is_told(bench: Bench) -> None:
    """The catalogue may have changed since the job was accepted."""
    answer = await bench.submit(part(), software={"kind": "installed", "name": "gone"})
    assert isinstance(answer, Refused)
    assert "software-unavailable" == answer.reason.code


CONTAINERS = {"runtime": "charliecloud", "images": "/i", "probe_image": "b:1"}
STAGING = {"storage_element": "CTA-disk"}
IMAGE = {"kind": "container", "image": "b:1"}


def fetched(url: str) -> list[dict[str, Any]]:
    """Give an input from a URL."""
    return [{"path": "in", "source": {"kind": "url", "url": url}}]


def sent(url: str, path: str = "out") -> list[dict[str, Any]]:
    """Give an output with a destination."""
    return [{"path": path, "destination": {"url": url}}]


@pytest.mark.parametrize(
    ("more", "spec", "code", "words"),
    [
        ({}, {"software": IMAGE}, "image-unavailable", "no such container any more"),
        (
            {"staging": STAGING},
            {"inputs": fetched("lfn:/other/x")},
            "input-unavailable",
            "names no file of cta",
        ),
        (
            {"staging": STAGING},
            {"inputs": fetched("lfn:/cta/x/")},
            "input-unavailable",
            "names no file of cta",
        ),
        ({}, {"inputs": fetched("lfn:/cta/x")}, "input-unavailable", "does not fetch it any more"),
        ({}, {"outputs": sent("lfn:/cta/x")}, "submission-rejected", "does not send results anywhere"),
        (
            {"staging": STAGING},
            {"outputs": sent("lfn:/cta/x", "*")},
            "submission-rejected",
            "must be a folder",
        ),
        (
            {"staging": STAGING},
            {"outputs": sent("lfn:/cta/x"), "array": {"count": 1}},
            "submission-rejected",
            "must be a folder",
        ),
        (
            {"staging": STAGING},
            {"outputs": sent("lfn:/a:b@c/x?s")},
            "submission-rejected",
            "must be lfn:/cta/",
        ),
    ],
)
async def test_what_no_worker_could_do_never_gets_there(
    settings: Callable[..., Settings], more: dict[str, Any], spec: dict[str, Any], code: str, words: str
) -> None:
    """Images, inputs and destinations that there cannot be are told at once, and no URL is in the words."""
    bench = Bench(settings(delegation="service", subject=ROBOT.dn, subject_rule=None, **more))
    answer = await bench.submit(part(), **spec)
    assert isinstance(answer, Refused)
    assert (code, True) == (answer.reason.code, words in (answer.reason.detail or "")), answer
    assert ({}, False) == (bench.dirac.jobs, "b@c" in str(answer))


async def test_one_task_that_can_begin_is_enough(settings: Callable[..., Settings]) -> None:
    """The others tell themselves what they lack."""
    bench = Bench(settings(delegation="service", subject=ROBOT.dn, subject_rule=None, staging=STAGING))
    spec = {"inputs": fetched("lfn:/{{VO}}/x"), "array": {"parameters": [{"VO": "cta"}, {"VO": "no"}]}}
    assert isinstance(await bench.submit(part(2), **spec), Accepted)


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (DiracUnreachable("away", started=False), Deferred, None),
        (DiracUnreachable("silence", started=True), Deferred, None),
        (DiracRefused("refused", "too large", 1503), Refused, "submission-rejected"),
        (DiracRefused("failed", "KeyError", 0), Deferred, None),
        (DiracRefused("not-a-member", "no", 0), Refused, "credential-rejected"),
        (DiracRefused("unauthorized", "no", 1111), Deferred, None),
    ],
)
async def test_without_its_files_nothing_is_submitted(
    bench: Bench, fault: Exception, kind: type, code: str | None
) -> None:
    """Whatever became of the files, it can be tried again, and only DIRAC's own no is final."""
    bench.carrier.fault = fault
    answer = await bench.submit(part())
    assert (kind, []) == (type(answer), bench.dirac.states())
    assert code is None or answer.reason.code == code


async def test_files_go_ahead_by_one(bench: Bench) -> None:
    """While a part is submitted the next one's files are carried, and no more; what is refused holds up nobody."""
    carried: list[int] = []
    call = bench.dirac.call

    async def slowly(*arguments: Any, **more: Any) -> Any:
        await asyncio.sleep(0.01)
        carried.append(bench.carrier.carried)
        return await call(*arguments, **more)

    bench.dirac.call = slowly  # type: ignore[method-assign]
    unknown = {**SPEC, "software": {"kind": "installed", "name": "nowhere"}}
    specs = [SPEC, SPEC, unknown, SPEC, SPEC]
    batch = [Submission(part(job_id=f"job-{n}"), spec, 1) for n, spec in enumerate(specs)]
    answers = await bench.handing_over.submit(batch, Facts())
    assert [Accepted, Accepted, Refused, Accepted, Accepted] == [type(answer) for answer in answers]
    assert [one.part.key for one in batch] == [answer.key for answer in answers]
    assert [2, 2, 4, 4] == carried


async def test_an_image_has_no_version(settings: Callable[..., Settings]) -> None:
    """The handle of a job in a container remembers none."""
    bench = Bench(settings(delegation="service", subject=ROBOT.dn, subject_rule=None, containers=CONTAINERS))
    answer = await bench.submit(part(), software=IMAGE)
    assert isinstance(answer, Accepted)
    assert read_handle(Part(answer.key, "alice", 0, 1, answer.handle)).software_version is None


@pytest.mark.parametrize("count", [1, 3])
async def test_a_lost_answer_is_found_and_confirmed(bench: Bench, count: int) -> None:
    """The jobs are those that were made, and the next look at them lets them run."""
    bench.dirac.faults["submit"] = DiracUnreachable("silence", started=True)
    bench.dirac.makes = 100
    assert isinstance(await bench.submit(part(count)), Unknown)
    (found,) = await bench.handing_over.find([part(count)])
    assert isinstance(found, Accepted)
    accepted = Part(found.key, "alice", 0, count, found.handle)
    handle = read_handle(accepted)
    assert tuple(range(1, count + 1)) == handle.jobs
    bench.dirac.makes = None
    seen = {number: read_status(job) for number, job in bench.dirac.jobs.items()}
    await bench.handing_over.confirm_again([(LivePart(accepted, range(count)), handle)], seen)
    assert ["Received"] * count == bench.dirac.states()


async def test_a_confirmation_that_is_lost_does_not_lose_the_part(bench: Bench) -> None:
    """It is accepted all the same, and waits in DIRAC until it is confirmed again."""
    bench.dirac.faults["confirm"] = DiracUnreachable("silence", started=True)
    assert isinstance(await bench.submit(part(2)), Accepted)
    assert ["Submitting"] * 2 == bench.dirac.states()


async def test_a_part_that_came_to_be_in_part_is_taken_back(bench: Bench) -> None:
    """None of its jobs has run; once no more of them can appear they are deleted, and the part is absent."""
    bench.dirac.faults["submit"] = DiracUnreachable("silence", started=True)
    bench.dirac.makes = 2
    await bench.submit(part(5))
    find = bench.handing_over.find
    for seconds, expected in ((0, ["Submitting"] * 2), (59, ["Submitting"] * 2), (1, ["Deleted"] * 2)):
        bench.clock.advance(seconds)
        assert [] == await find([part(5)])
        assert expected == bench.dirac.states()
    assert [Absent(part(5).key)] == await find([part(5)])


async def test_a_refusal_midway_leaves_nothing_behind(bench: Bench) -> None:
    """A no to many jobs of which some are there is not final: they have to be taken back first."""
    bench.dirac.faults["submit"] = DiracRefused("refused", "disk full", 0)
    bench.dirac.makes = 2
    assert isinstance(await bench.submit(part(5)), Unknown)
    bench.dirac.makes = None
    assert isinstance(await bench.submit(part(5, "job-2")), Refused)


async def test_parts_are_told_apart(bench: Bench) -> None:
    """Other parts of the job, other services, other people's names in our group: each is what it is."""
    for number in (0, 1):
        await bench.submit(part(2, number=number))
    for name in ("other.job-1.2.0", "service.job-1.2.x", "hello", "service.job-10.2.0", ""):
        bench.dirac.add(name, "job-1", "Running")
    parts = [part(2, number=number) for number in (0, 1)]
    found = await bench.handing_over.find([*parts, part(1, number=2), part(1, "job-3")])
    assert [Accepted, Accepted, Absent, Absent] == [type(answer) for answer in found]
    jobs = [read_handle(Part(a.key, "", 0, 2, a.handle)).jobs for a in found if isinstance(a, Accepted)]
    assert [(1, 2), (3, 4)] == jobs


async def test_the_first_of_a_name_is_ours(bench: Bench) -> None:
    """Nobody knows our id before it is in DIRAC: whoever takes the name later does not take the part."""
    await bench.submit(part())
    bench.dirac.add("service.job-1.0.0", "job-1", "Running")
    (found,) = await bench.handing_over.find([part()])
    assert isinstance(found, Accepted)
    assert (1,) == read_handle(Part(found.key, "", 0, 1, found.handle)).jobs


async def test_what_was_never_accepted_is_cleared(bench: Bench) -> None:
    """Release removes jobs whose acceptance was never heard of, and then says that nothing is left."""
    bench.dirac.faults["submit"] = DiracUnreachable("silence", started=True)
    bench.dirac.makes = 100
    await bench.submit(part(3))
    assert [] == await bench.handing_over.clear([part(3)])
    assert ["Deleted"] * 3 == bench.dirac.states()
    assert [part(3).key] == await bench.handing_over.clear([part(3)])
