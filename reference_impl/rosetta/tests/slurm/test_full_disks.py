"""Disks that are full or gone, at a host over SSH without Slurm and with it: nothing hangs, and reasons are told."""

import asyncio
import shutil

import pytest

from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.jobs import State
from common_compute_connector.protocol import Accepted, Deferred, FacilityConfiguration
from common_compute_rosetta.configuration import read_settings
from common_compute_rosetta.connector import PlainHost
from common_compute_rosetta.ssh import SshTransport

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm")]

FULL = "No space left on device"


def plain_house(kind: type) -> type:
    """Make the type of a house whose host has no Slurm."""

    class PlainHouse(kind):  # type: ignore[misc]
        def reopen(self, **settings):
            self.settings = {k: v for k, v in (self.settings | settings).items() if k != "slurm"}
            read = read_settings(FacilityConfiguration("here", "ssh", self.settings), below_home=True)
            transport = SshTransport(self.cluster.login(self.user), self.clock)
            self.connector = PlainHost(read, transport, self.clock, "test-service", bound_to_host=False)
            self.opened.append(self.connector)
            return self.connector

        @property
        def told(self):
            return self.connector._transport

    return PlainHouse


class Disk:
    """A small file system of its own, mounted where a house keeps its service's directory."""

    def __init__(self, house, size: str = "3m", inodes: int = 400) -> None:
        self.house, self.place = house, f"{house.there}/facility"
        self.options = f"size={size},nr_inodes={inodes},mode=755,uid={house.user_id}"

    async def mount(self) -> None:
        await self.house.as_user(f"mkdir -p {self.place}")
        self.root("mount", "-t", "tmpfs", "-o", self.options, "small", self.place)

    def root(self, *command: str, check: bool = True) -> str:
        return self.house.cluster.as_root(*command, check=check)

    def fill(self) -> None:
        """Leave not one block."""
        self.root("sh", "-c", f"cat /dev/zero >{self.place}/ballast", check=False)

    def use_up_names(self) -> None:
        """Leave not one inode."""
        many = f"cd {self.place} && mkdir -p many && i=0 && while : >many/$i; do i=$((i + 1)); done"
        self.root("bash", "-c", many, check=False)

    def free(self) -> None:
        self.root("rm", "-rf", f"{self.place}/ballast", f"{self.place}/many")

    def away(self) -> None:
        """Move the whole file system to another place, with all that is open on it."""
        self.root("mkdir", "-p", f"{self.house.there}/elsewhere")
        self.root("mount", "--bind", self.place, f"{self.house.there}/elsewhere")
        self.root("umount", "--lazy", self.place)

    def back(self) -> None:
        self.root("mount", "--bind", f"{self.house.there}/elsewhere", self.place)

    def unmount(self) -> None:
        for place in (self.place, f"{self.house.there}/elsewhere"):
            self.root("sh", "-c", f"while umount --lazy {place}; do :; done 2>/dev/null", check=False)


@pytest.fixture(params=["plain", "cluster"])
def house(request, make_house, cluster, slurm_facility):
    """Give an empty account on a host without Slurm, or on one with it."""
    if request.param == "cluster":
        return make_house(cluster, "carol")
    template = make_house(cluster, "carol")
    return plain_house(type(template))(type(cluster)(slurm_facility, "plain"), "carol")


@pytest.fixture
def disk(house):
    """Mount a small disk for it, and take it away again with what works on it."""
    disk = Disk(house)
    asyncio.run(disk.mount())
    # The connection belongs to the event loop that has ended.
    house.reopen()
    yield disk
    asyncio.run(clear(house))
    disk.unmount()
    shutil.rmtree(house.root.parent)


async def clear(house) -> None:
    """End what a test has left there, and the connections."""
    house.reopen()
    await house.as_user(f"scancel $(cat {house.there}/*/test-service/parts/*/native) 2>/dev/null")
    while house.opened:
        await house.opened.pop().close()


async def ended(house, run):
    async with asyncio.timeout(60):
        return await house.end(run)


@pytest.mark.parametrize("how", ["fill", "use_up_names"])
async def test_a_full_disk_takes_nothing_and_says_so(house, disk, how):
    """Submissions wait with words that do not change, the facility is degraded, and all heals by itself."""
    await house.run("true")
    assert "status" not in await house.connector.describe()
    getattr(disk, how)()
    batch = [house.submission(house.spec("true")) for _ in range(20)]
    for _ in range(2):
        answers = await house.connector.submit(batch)
        words = f"{house.connector._base}: {FULL}"
        assert [Deferred(one.part.key, words) for one in batch] == list(answers)
        assert {"state": "degraded", "message": words} == (await house.connector.describe())["status"]
    disk.free()
    assert {Accepted} == {type(answer) for answer in await house.connector.submit(batch)}
    assert "status" not in await house.connector.describe()


FILLS = "cat /dev/zero >../../../../../../ballast 2>../../../../../../why; cat ../../../../../../why >&2"
USES_UP = "cd ../../../../../..; mkdir many; i=0; while true >many/$i; do i=$((i+1)); done 2>/dev/null; :"


@pytest.mark.parametrize("script", [FILLS, USES_UP], ids=["blocks", "inodes"])
async def test_how_a_command_ended_comes_home_from_a_full_disk(house, disk, script):
    """A command that fills the disk ends as it does, and that is told though nothing more can be written."""
    run = await house.submit(house.spec("sh", "-c", f"echo begun; sleep 1; {script}; exit 9"))
    await ended(house, run)
    assert (State.FAILED, "exit-nonzero", 9) == (run.task.state, run.task.reason.code, run.task.exit_code)
    await house.collect(run)
    assert b"begun\n" == run.stdout


async def test_a_log_that_a_full_disk_cuts_is_lost_and_its_command_goes_on(house, disk):
    """No part of a log is told as the log, and the command does not die of it."""
    script = f"{FILLS} 2>/dev/null; head -c 500000 /dev/zero; echo on >&2; exit 5"
    run = await house.submit(house.spec("sh", "-c", script))
    await ended(house, run)
    assert ("exit-nonzero", 5) == (run.task.reason.code, run.task.exit_code)
    await house.collect(run)
    assert "log stdout" in run.lost[0]
    assert (0, "stdout") not in run.logs


async def test_a_task_that_cannot_begin_on_a_full_disk_says_so_or_waits(house, disk):
    """What was accepted waits until there is space, or has failed for the want of it in words: it does not hang."""
    spec = house.spec("sh", "-c", "sleep 1; exit 3", array={"count": 8})
    house.reopen(max_running=1)
    run = await house.submit(spec, 8)
    disk.fill()
    await house.clock.sleep(4)
    await house.observe(run)
    if any(seen.state is State.QUEUED for seen in run.seen.values()) and house.cluster.host == "plain":
        # Nothing is busy with what cannot be done, and the facility says why it waits.
        assert "" == (await house.as_user(f"cat {house.there}/facility/test-service/lanes/[0-9]*")).strip()
        assert FULL in (await house.connector.describe())["status"]["message"]
    disk.free()
    await ended(house, run)
    reasons = {(seen.reason.code, seen.exit_code) for seen in run.seen.values()}
    assert reasons <= {("exit-nonzero", 3), ("node-failure", None)}
    for seen in run.seen.values():
        assert seen.reason.code == "exit-nonzero" or "is the disk" in seen.reason.detail


async def test_a_directory_that_vanishes_and_comes_back(house, disk):
    """While the service's directory is away the facility is, with words; what ran meanwhile is told afterwards."""
    spec = house.spec("sh", "-c", "sleep 2; echo done; exit 6")
    run = await house.until(await house.submit(spec), "running")
    disk.away()
    with pytest.raises(FacilityUnavailable) as away:
        await house.observe(run)
    assert "test-service" in str(away.value.detail)
    assert {Deferred} == {type(it) for it in await house.connector.submit([house.submission(spec)])}
    await house.clock.sleep(4)
    disk.back()
    await ended(house, run)
    assert ("exit-nonzero", 6) == (run.task.reason.code, run.task.exit_code)
    await house.collect(run)
    assert b"done\n" == run.stdout
